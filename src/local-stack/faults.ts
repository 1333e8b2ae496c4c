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

/**
 * One of `FAULT_KINDS`; with `:<seconds>` it heals by itself after that time. `slow:<seconds>`: ready, but later;
 * `crash-after:<seconds>`: ready, and broken later; `flap-after:<seconds>`: ready, and later unready and ready by turns.
 */
export type Fault =
  | (typeof FAULT_KINDS)[number]
  | `${(typeof FAULT_KINDS)[number] | "slow" | "crash-after" | "flap-after"}:${number}`;

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
      `--fail ${text}: the reason must be one of ${FAULT_KINDS.join(", ")}, each also with :<seconds> after which ` +
        `it heals, or slow:<seconds>, crash-after:<seconds> or flap-after:<seconds>, not ${fault}`,
    );
  }
  return { sentinelId: id, fault };
}

/** Whether a rolling update with this fault always fails. One that heals may fail or not: what gives up first decides. */
export function isFatal(fault: Fault): boolean {
  return !fault.includes(":");
}

/** Whether a rolling update with this fault may fail: anything but a pod that is merely late. */
export function mayFail(fault: Fault): boolean {
  return !fault.startsWith("slow:");
}

/** In how many seconds it breaks once it has come up; undefined: it does not. */
export function crashesAfter(fault: Fault): number | undefined {
  const [kind, seconds] = fault.split(":");
  return kind === "crash-after" ? Number(seconds) : undefined;
}

function isFault(text: string): text is Fault {
  return FAULT_KINDS.some((kind) => kind === text) || WITH_SECONDS.test(text);
}

const WITH_SECONDS = new RegExp(
  `^(?:${[...FAULT_KINDS, "slow", "crash-after", "flap-after"].join("|")}):\\d{1,5}$`,
);
