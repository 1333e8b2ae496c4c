/** Annotations that break a sentinel's Deployment: in the embedded cluster, and in simulated nodes of a real one. */
export const FAULT_ANNOTATION = "sentinel-rollout.dev/fault";
export const FAULT_IMAGE_ANNOTATION = "sentinel-rollout.dev/fault-image";

export const FAULT_KINDS = [
  "ImagePullBackOff",
  "CrashLoopBackOff",
  "CreateContainerConfigError",
  "Unschedulable",
  "NeverReady",
] as const;

/** One of `FAULT_KINDS`, or `slow:<seconds>`: ready, but later. */
export type Fault = (typeof FAULT_KINDS)[number] | `slow:${number}`;

export interface SentinelFault {
  sentinelId: string;
  fault: Fault;
}

/**
 * Reads `id` or `id:reason`, like `sen_0017:CrashLoopBackOff`.
 * @throws Error that says what is expected
 */
export function parseFault(text: string): SentinelFault {
  const [id = "", ...rest] = text.split(":");
  const fault = rest.length === 0 ? "ImagePullBackOff" : rest.join(":");
  if (id === "")
    throw new Error(`--fail ${text}: expected <sentinel id>[:<reason>], like sen_0017:NeverReady`);
  if (!isFault(fault)) {
    throw new Error(
      `--fail ${text}: the reason must be one of ${FAULT_KINDS.join(", ")} or slow:<seconds>, not ${fault}`,
    );
  }
  return { sentinelId: id, fault };
}

/** Whether a sentinel with this fault ends in failure. */
export function isFatal(fault: Fault): boolean {
  return !fault.startsWith("slow:");
}

function isFault(text: string): text is Fault {
  return FAULT_KINDS.some((kind) => kind === text) || /^slow:\d{1,5}$/.test(text);
}
