import type { V1Deployment } from "@kubernetes/client-node";

export interface DeploymentChange {
  image: string;
  /** Limit; the request becomes half of it. Absent: resources stay as they are. */
  cpuMillicores?: number;
  /** Limit and request. Absent: resources stay as they are. */
  memoryMib?: number;
  replicas?: number;
  /** Text of the annotation kubernetes.io/change-cause, which `kubectl rollout history` shows. */
  changeCause: string;
}

export interface PatchOperation {
  op: "test" | "add" | "replace";
  path: string;
  value: unknown;
}

/** What a patch holds beside the change itself. */
export interface PatchExtras {
  /** The image that it is to find; another one fails the patch. */
  from?: string | undefined;
  /** Value of the annotation that gives the Deployment a fresh ReplicaSet; the same value again changes nothing. */
  restartedAt?: string | undefined;
}

export const CHANGE_CAUSE = "kubernetes.io/change-cause";
/** On the pod template, as `kubectl rollout restart` has one of its own. */
export const RESTARTED_AT = "sentinel-rollout.dev/restarted-at";

const OWN_ANNOTATIONS = "/metadata/annotations";
const TEMPLATE_ANNOTATIONS = "/spec/template/metadata/annotations";

/**
 * The change as a JSON Patch that needs no reading first: it guesses the container's place and that all parents
 * exist. A wrong guess fails as a whole (422), for the name is tested, and so does a Deployment that is paused.
 * Strategic merge would add a container of an unknown name, and server-side apply would create a missing Deployment.
 */
export function guessedPatch(
  change: DeploymentChange,
  container: string,
  index: number,
  { from, restartedAt }: PatchExtras = {},
): PatchOperation[] {
  const at = `/spec/template/spec/containers/${index}`;
  return [
    { op: "test", path: `${at}/name`, value: container },
    // Null stands for what is not there, which is how the API server keeps false.
    { op: "test", path: "/spec/paused", value: null },
    ...(from === undefined
      ? []
      : [{ op: "test", path: `${at}/image`, value: from } satisfies PatchOperation]),
    { op: "replace", path: `${at}/image`, value: change.image },
    ...resources(change).map(
      ([list, resource, value]) =>
        ({ op: "add", path: `${at}/resources/${list}/${resource}`, value }) satisfies PatchOperation,
    ),
    ...(change.replicas === undefined
      ? []
      : [{ op: "add", path: "/spec/replicas", value: change.replicas } satisfies PatchOperation]),
    { op: "add", path: annotation(OWN_ANNOTATIONS, CHANGE_CAUSE), value: change.changeCause },
    ...(restartedAt === undefined
      ? []
      : [
          {
            op: "add",
            path: annotation(TEMPLATE_ANNOTATIONS, RESTARTED_AT),
            value: restartedAt,
          } satisfies PatchOperation,
        ]),
  ];
}

/** The same change made to fit a Deployment that was just read: missing parents are created first. */
export function fittedPatch(
  change: DeploymentChange,
  container: string,
  index: number,
  read: V1Deployment,
  extras: PatchExtras = {},
): PatchOperation[] {
  const parents = missingParents(change, index, read, extras);
  const patch = guessedPatch(change, container, index, extras);
  if (parents.length === 0) return patch;
  // Creating a parent would wipe out what another client put there meanwhile. So the patch tests that nothing changed.
  return [
    { op: "test", path: "/metadata/uid", value: read.metadata?.uid },
    { op: "test", path: "/metadata/resourceVersion", value: read.metadata?.resourceVersion },
    ...parents.map((path) => ({ op: "add", path, value: {} }) satisfies PatchOperation),
    ...patch,
  ];
}

function missingParents(
  change: DeploymentChange,
  index: number,
  read: V1Deployment,
  { restartedAt }: PatchExtras,
): string[] {
  const present = read.spec?.template?.spec?.containers?.[index]?.resources;
  const at = `/spec/template/spec/containers/${index}/resources`;
  const changes = changesResources(change);
  return [
    ...(read.metadata?.annotations === undefined ? [OWN_ANNOTATIONS] : []),
    ...(restartedAt !== undefined && read.spec?.template.metadata?.annotations === undefined
      ? [TEMPLATE_ANNOTATIONS]
      : []),
    ...(changes && present === undefined ? [at] : []),
    ...(changes && present?.limits === undefined ? [`${at}/limits`] : []),
    ...(changes && present?.requests === undefined ? [`${at}/requests`] : []),
  ];
}

export function changesResources(change: DeploymentChange): boolean {
  return resources(change).length > 0;
}

function annotation(annotations: string, name: string): string {
  return `${annotations}/${name.replace("/", "~1")}`;
}

function resources(change: DeploymentChange): ["limits" | "requests", "cpu" | "memory", string][] {
  const { cpuMillicores: cpu, memoryMib: memory } = change;
  return [
    ...(cpu === undefined
      ? []
      : ([
          ["limits", "cpu", `${cpu}m`],
          ["requests", "cpu", `${Math.ceil(cpu / 2)}m`],
        ] as const)),
    ...(memory === undefined
      ? []
      : ([
          ["limits", "memory", `${memory}Mi`],
          ["requests", "memory", `${memory}Mi`],
        ] as const)),
  ].map(([list, resource, value]) => [list, resource, value]);
}
