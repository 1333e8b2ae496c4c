import type { V1ContainerStatus, V1Deployment, V1Pod } from "@kubernetes/client-node";
import type { Suspicion } from "../domain/convergence.ts";

const MESSAGE_LENGTH = 300;

/** Reasons of a waiting container that say why it does not come up; others (ContainerCreating) are passing. */
const WAITING_REASONS = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "InvalidImageName",
  "ErrImageNeverPull",
  "CreateContainerConfigError",
  "CreateContainerError",
  "RunContainerError",
  "CrashLoopBackOff",
]);

/**
 * Waiting reasons that nothing but another change of the Deployment can mend. The others heal: a ConfigMap comes into a
 * node's cache, a volume is mounted, a registry is back.
 */
const FATAL_REASONS = new Set(["InvalidImageName", "ErrImageNeverPull"]);

const UNSCHEDULABLE = "Unschedulable";

/** Why a pod does not come up. */
export interface PodTrouble {
  /** In the words of Kubernetes: "ImagePullBackOff: manifest unknown". */
  reason: string;
  /** `fatal`: it cannot go away by itself. */
  kind: Suspicion["kind"] | "fatal";
}

/** What says most goes first. */
const GRAVEST_FIRST = ["fatal", "failure", "unschedulable"] as const;

/** Why the pods of the newest template do not come up; undefined when they do not say. What is gravest goes first. */
export function podTroubleOf(
  pods: V1Pod[],
  deployment: V1Deployment,
  containerName: string,
): PodTrouble | undefined {
  const troubles = newest(pods, deployment, containerName)
    .map((pod) => troubleOf(pod, containerName))
    .filter((trouble) => trouble !== undefined);
  return GRAVEST_FIRST.map((kind) => troubles.find((trouble) => trouble.kind === kind)).find(
    (trouble) => trouble !== undefined,
  );
}

/** Why this pod does not come up; undefined when it does not say. */
export function troubleOf(pod: V1Pod, containerName: string): PodTrouble | undefined {
  const reason = reasonOf(pod, containerName);
  if (reason === undefined) return undefined;
  const word = reason.split(":")[0] ?? "";
  if (FATAL_REASONS.has(word)) return { reason, kind: "fatal" };
  return { reason, kind: word === UNSCHEDULABLE ? "unschedulable" : "failure" };
}

/** The pods of the newest ReplicaSet: those that share their template hash with the youngest pod of the wanted image. */
function newest(pods: V1Pod[], deployment: V1Deployment, containerName: string): V1Pod[] {
  const wanted = imageOf(deployment.spec?.template, containerName);
  const youngestFirst = pods
    .filter((pod) => imageOf(pod, containerName) === wanted)
    .sort((a, b) => createdMs(b) - createdMs(a));
  const [youngest] = youngestFirst;
  const hash = hashOf(youngest);
  // Times are in whole seconds: two templates with pods of one second cannot be told apart, and neither is blamed.
  const ambiguous = youngestFirst.some(
    (pod) => hashOf(pod) !== hash && createdMs(pod) === (youngest === undefined ? 0 : createdMs(youngest)),
  );
  return ambiguous ? [] : youngestFirst.filter((pod) => hashOf(pod) === hash);
}

function reasonOf(pod: V1Pod, containerName: string): string | undefined {
  const containers = [
    ...(pod.status?.initContainerStatuses ?? []),
    ...(pod.status?.containerStatuses ?? []).sort(
      (a, b) => Number(b.name === containerName) - Number(a.name === containerName),
    ),
  ];
  for (const container of containers) {
    const reason = containerReason(container);
    if (reason !== undefined) return reason;
  }
  const scheduled = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
  return scheduled?.status === "False" && scheduled.reason === UNSCHEDULABLE
    ? sentence(UNSCHEDULABLE, scheduled.message)
    : undefined;
}

function containerReason(container: V1ContainerStatus): string | undefined {
  const waiting = container.state?.waiting;
  const died = container.state?.terminated ?? container.lastState?.terminated;
  const exit =
    died === undefined || died.exitCode === 0
      ? undefined
      : `exit code ${died.exitCode}${detail(died.reason, died.message)}`;
  if (waiting?.reason === "CrashLoopBackOff") return sentence("CrashLoopBackOff", exit ?? waiting.message);
  if (waiting?.reason !== undefined && WAITING_REASONS.has(waiting.reason)) {
    return sentence(waiting.reason, waiting.message);
  }
  if (container.state?.terminated !== undefined && exit !== undefined) {
    return sentence("Container terminated", exit);
  }
  // Between two crashes it runs for a while; it is no better then.
  const crashed = (container.restartCount ?? 0) > 0 && !container.ready && exit !== undefined;
  return crashed ? sentence("CrashLoopBackOff", exit) : undefined;
}

function detail(reason: string | undefined, message: string | undefined): string {
  const parts = [reason === "Error" ? undefined : reason, message?.trim()].filter(
    (part) => part !== undefined && part !== "",
  );
  return parts.length === 0 ? "" : `, ${parts.join(": ")}`;
}

function sentence(reason: string, message: string | undefined): string {
  return message === undefined || message === "" ? reason : `${reason}: ${message.slice(0, MESSAGE_LENGTH)}`;
}

/** The image of the sentinel's container, in a pod or in the template of one. */
export function imageOf(pod: Pick<V1Pod, "spec"> | undefined, containerName: string): string | undefined {
  return pod?.spec?.containers?.find(({ name }) => name === containerName)?.image;
}

function hashOf(pod: V1Pod | undefined): string | undefined {
  return pod?.metadata?.labels?.["pod-template-hash"];
}

function createdMs(pod: V1Pod): number {
  return pod.metadata?.creationTimestamp?.getTime() ?? 0;
}
