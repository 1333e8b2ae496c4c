import type { Deployment, PodTemplate } from "./objects.ts";

/** How the pods of a ReplicaSet fail, or how long they take. */
export type PodFault =
  | { kind: (typeof REASONS)[number] }
  /** Ready only after that many (simulated) seconds. */
  | { kind: "slow"; seconds: number };

const REASONS = [
  "ImagePullBackOff",
  "CrashLoopBackOff",
  "CreateContainerConfigError",
  "Unschedulable",
  "NeverReady",
] as const;

/** Names the fault: one of the reasons, or `slow:<seconds>`. */
export const FAULT_ANNOTATION = "sentinel-rollout.dev/fault";
/** Limits the fault to updates to exactly this image. */
export const FAULT_IMAGE_ANNOTATION = "sentinel-rollout.dev/fault-image";

/**
 * The fault of the ReplicaSet that is about to be created. The template's annotation wins; the Deployment's own counts
 * from the first rolling update on, so that a fleet can be seeded healthy with the fault already announced.
 */
export function faultOfNewReplicaSet(deployment: Deployment, isUpdate: boolean): PodFault | undefined {
  const { template } = deployment.spec;
  const inTemplate = template.metadata?.annotations;
  if (inTemplate?.[FAULT_ANNOTATION] !== undefined) return parseFault(inTemplate, template);
  return isUpdate ? parseFault(deployment.metadata.annotations, template) : undefined;
}

function parseFault(
  annotations: Record<string, string> | undefined,
  template: PodTemplate,
): PodFault | undefined {
  const only = annotations?.[FAULT_IMAGE_ANNOTATION];
  if (only !== undefined && only !== template.spec.containers[0]?.image) return undefined;
  const text = annotations?.[FAULT_ANNOTATION] ?? "";
  const slow = /^slow:(\d+(?:\.\d+)?)s?$/.exec(text);
  if (slow !== null) return { kind: "slow", seconds: Number(slow[1]) };
  const kind = REASONS.find((reason) => reason === text);
  return kind === undefined ? undefined : { kind };
}
