import { type Body, type Cluster, deployment, isRolledOut } from "../support/kubernetes-api.ts";

/** What happens to one Deployment, and when it is over. */
export interface Scenario {
  name: string;
  /** Before anything is recorded. */
  before?(cluster: Cluster): Promise<void>;
  steps: Step[];
}

interface Step {
  act(cluster: Cluster): Promise<unknown>;
  /** Undefined: the Deployment is gone. Pods and ReplicaSets have settled already. */
  isOver(deployment: Body | undefined): boolean;
}

/** The Deployment of every scenario. */
export const SUBJECT = "subject";

const V2 = "registry.test/sentinel:v2";
const FAULT = "sentinel-rollout.dev/fault";

const create = (spec?: object) => (cluster: Cluster) =>
  cluster.call(
    "POST",
    "deployments",
    deployment(SUBJECT, {
      spec: { replicas: 2, ...spec },
      annotations: { "kubernetes.io/change-cause": "first" },
    }),
  );
const serve = (spec?: object) => async (cluster: Cluster) => {
  await create(spec)(cluster);
};
const setImage = (image: string, fault: string | null) => (cluster: Cluster) =>
  cluster.setImage(SUBJECT, image, { [FAULT]: fault });
const scale = (replicas: number) => (cluster: Cluster) =>
  cluster.mergePatch(`deployments/${SUBJECT}/scale`, { spec: { replicas } });
const remove = (policy: string) => (cluster: Cluster) =>
  cluster.call("DELETE", `deployments/${SUBJECT}?propagationPolicy=${policy}`);

const isDone = (found: Body | undefined) => found !== undefined && isRolledOut(found);
const isGone = (found: Body | undefined) => found === undefined;
const isStuck = (found: Body | undefined) =>
  found?.status.observedGeneration === found?.metadata.generation && found?.status.replicas === 3;
/** Of one replica: the old pod is gone, and the new one is not available any more. */
const isBroken = (found: Body | undefined) =>
  found?.status.replicas === 1 &&
  found.status.updatedReplicas === 1 &&
  found.status.availableReplicas === undefined;
const isLate = (found: Body | undefined) =>
  found?.status.conditions?.some(({ reason }) => reason === "ProgressDeadlineExceeded") === true;

export const SCENARIOS: Scenario[] = [
  { name: "create", steps: [{ act: create(), isOver: isDone }] },
  { name: "create-empty", steps: [{ act: create({ replicas: 0 }), isOver: isDone }] },
  { name: "set-image", before: serve(), steps: [{ act: setImage(V2, null), isOver: isDone }] },
  {
    name: "scale",
    before: serve(),
    steps: [
      { act: scale(3), isOver: isDone },
      { act: scale(1), isOver: isDone },
    ],
  },
  {
    name: "undo",
    before: serve({ replicas: 1 }),
    steps: [
      { act: setImage(V2, null), isOver: isDone },
      { act: setImage("registry.test/sentinel:v1", null), isOver: isDone },
    ],
  },
  ...["ImagePullBackOff", "CrashLoopBackOff", "CreateContainerConfigError", "NeverReady"].map(
    (fault): Scenario => ({
      name: `broken-${fault}`,
      before: serve(),
      steps: [{ act: setImage(V2, fault), isOver: isStuck }],
    }),
  ),
  {
    name: "heals",
    before: serve(),
    steps: [{ act: setImage(V2, "ImagePullBackOff:1"), isOver: isDone }],
  },
  {
    name: "crashes-later",
    before: serve({ replicas: 1 }),
    steps: [{ act: setImage(V2, "crash-after:2"), isOver: isBroken }],
  },
  {
    name: "unschedulable",
    before: serve(),
    steps: [
      {
        act: (cluster) =>
          cluster.strategicPatch(`deployments/${SUBJECT}`, {
            spec: { template: { spec: { nodeSelector: { pool: "none" } } } },
          }),
        isOver: isStuck,
      },
    ],
  },
  {
    name: "deadline",
    before: serve({ progressDeadlineSeconds: 2 }),
    steps: [
      { act: setImage(V2, "NeverReady"), isOver: isLate },
      { act: setImage("registry.test/sentinel:v1", null), isOver: isDone },
    ],
  },
  {
    name: "deadline-of-one",
    before: serve({ replicas: 1, progressDeadlineSeconds: 2 }),
    steps: [
      { act: setImage(V2, "NeverReady"), isOver: isLate },
      { act: setImage("registry.test/sentinel:v1", null), isOver: isDone },
    ],
  },
  { name: "delete", before: serve(), steps: [{ act: remove("Background"), isOver: isGone }] },
  { name: "delete-foreground", before: serve(), steps: [{ act: remove("Foreground"), isOver: isGone }] },
];
