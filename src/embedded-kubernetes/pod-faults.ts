import type { Deployment, PodTemplate } from "./objects.ts";

/** How the pods of a ReplicaSet fail, or how long they take. Seconds are simulated ones. */
export type PodFault =
  /** Each pod is broken from its start on; with `healsAfterSeconds` it comes up that long after it broke. */
  | { kind: PodFaultReason; healsAfterSeconds?: number }
  /** Ready only after that many seconds. */
  | { kind: "slow"; seconds: number }
  /** Ready at once; after that many seconds its containers crash again and again, and end in CrashLoopBackOff. */
  | { kind: "crash-after"; seconds: number }
  /** Ready at once; from that many seconds on unready and ready by turns. */
  | { kind: "flap-after"; seconds: number };

export type PodFaultReason = (typeof REASONS)[number];

const REASONS = [
  "ImagePullBackOff",
  "CrashLoopBackOff",
  "CreateContainerConfigError",
  "Unschedulable",
  "NeverReady",
] as const;

/** Names the fault: `<reason>`, `<reason>:<seconds>` (it heals by itself), `slow:<seconds>`, `crash-after:<seconds>` or `flap-after:<seconds>`. */
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
  const [, name, digits] = /^([a-zA-Z-]+)(?::(\d+(?:\.\d+)?)s?)?$/.exec(text) ?? [];
  const seconds = digits === undefined ? undefined : Number(digits);
  if (name === "slow" || name === "crash-after" || name === "flap-after") {
    return seconds === undefined ? undefined : { kind: name, seconds };
  }
  const kind = REASONS.find((reason) => reason === name);
  if (kind === undefined) return undefined;
  return seconds === undefined ? { kind } : { kind, healsAfterSeconds: seconds };
}
