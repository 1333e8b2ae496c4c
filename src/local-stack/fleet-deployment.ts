import type { V1Deployment, V1PodSpec } from "@kubernetes/client-node";
import { type Cluster, COMPONENT_LABEL, ID_LABEL } from "./cluster.ts";
import { FAULT_ANNOTATION, FAULT_IMAGE_ANNOTATION, type Fault, isFatal } from "./faults.ts";
import { type FleetSentinel, OLD_IMAGE } from "./fleet-plan.ts";

export interface FleetSettings {
  namespace: string;
  container: string;
  /** The image whose rollout the faults break. */
  faultImage: string;
  /** In a real cluster the scheduler itself must refuse the pods of an unschedulable sentinel. */
  isRealCluster: boolean;
}

/** Seconds without progress after which Kubernetes gives a rollout up. */
const PROGRESS_DEADLINE_SECONDS = 120;
/** The same for a sentinel that is meant to fail: somebody is watching. */
const FAILING_PROGRESS_DEADLINE_SECONDS = 10;

/**
 * The Deployment of a sentinel on the old image.
 * @throws Error when this cluster cannot play the fault
 */
export async function deploymentFor(
  sentinel: FleetSentinel,
  fault: Fault | undefined,
  cluster: Cluster,
  settings: FleetSettings,
): Promise<V1Deployment> {
  const isPinned = fault === "Unschedulable" && settings.isRealCluster;
  if (settings.isRealCluster && fault?.startsWith("Unschedulable:")) {
    throw new Error(
      `--fail ${sentinel.id}:${fault} is for the embedded cluster: no real node becomes free by itself`,
    );
  }
  const labels = {
    "app.kubernetes.io/name": sentinel.k8sName,
    [COMPONENT_LABEL]: "sentinel",
    [ID_LABEL]: sentinel.id,
    "unkey.com/workspace.id": sentinel.workspaceId,
    "unkey.com/environment.id": sentinel.environmentId,
  };
  const annotations =
    fault === undefined
      ? {}
      : { annotations: { [FAULT_ANNOTATION]: fault, [FAULT_IMAGE_ANNOTATION]: settings.faultImage } };
  // Simulated nodes see a pod and not its Deployment. The embedded cluster sees both, and there the fault is over for the
  // next ReplicaSet as soon as the Deployment's annotation is removed.
  const ofPods = settings.isRealCluster ? annotations : {};
  const willFail = fault !== undefined && isFatal(fault);
  return {
    metadata: { name: sentinel.k8sName, labels, ...annotations },
    spec: {
      replicas: sentinel.replicas,
      progressDeadlineSeconds: willFail ? FAILING_PROGRESS_DEADLINE_SECONDS : PROGRESS_DEADLINE_SECONDS,
      selector: { matchLabels: { [ID_LABEL]: sentinel.id } },
      template: {
        metadata: { labels, ...ofPods },
        spec: {
          ...(isPinned ? await roomForNoMore(sentinel, cluster) : {}),
          containers: [
            {
              name: settings.container,
              image: OLD_IMAGE,
              ports: [{ name: "http", containerPort: 8040 }],
              readinessProbe: { httpGet: { path: "/_unkey/internal/health", port: 8040 } },
              resources: {
                requests: { cpu: `${sentinel.cpuMillicores / 2}m`, memory: `${sentinel.memoryMib}Mi` },
                limits: { cpu: `${sentinel.cpuMillicores}m`, memory: `${sentinel.memoryMib}Mi` },
              },
            },
          ],
        },
      },
    },
  };
}

/**
 * An annotation tells a real scheduler nothing, so the pods are spread one a node over exactly as many nodes as there
 * are replicas: the running ones fit, the additional one of a rolling update does not.
 * @throws Error when the cluster has fewer nodes than the sentinel has replicas
 */
async function roomForNoMore(sentinel: FleetSentinel, cluster: Cluster): Promise<Partial<V1PodSpec>> {
  const nodes = (await cluster.core.listNode()).items
    .filter(({ spec }) => spec?.unschedulable !== true && (spec?.taints ?? []).length === 0)
    .map(({ metadata }) => metadata?.labels?.[HOSTNAME_LABEL])
    .filter((name) => name !== undefined);
  if (nodes.length < sentinel.replicas) {
    throw new Error(
      `--fail ${sentinel.id}:Unschedulable needs ${sentinel.replicas} schedulable nodes in this cluster, it has ${nodes.length}`,
    );
  }
  return {
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [
            {
              matchExpressions: [
                { key: HOSTNAME_LABEL, operator: "In", values: nodes.slice(0, sentinel.replicas) },
              ],
            },
          ],
        },
      },
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey: HOSTNAME_LABEL, labelSelector: { matchLabels: { [ID_LABEL]: sentinel.id } } },
        ],
      },
    },
  };
}

const HOSTNAME_LABEL = "kubernetes.io/hostname";
