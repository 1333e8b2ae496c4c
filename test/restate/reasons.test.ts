import type { V1Deployment, V1Pod } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { podTroubleOf } from "../../src/kubernetes/pods.ts";
import { because } from "../../src/util/plain-text.ts";

const labels = { app: "s", "pod-template-hash": "h" };
const container = { name: "sentinel", image: "sentinel:v2" };
const deployment: V1Deployment = {
  spec: { selector: { matchLabels: { app: "s" } }, template: { spec: { containers: [container] } } },
};

/** Of one sentinel whose container has been killed again and again. */
function killed(reason: string | undefined, message: string | undefined): string {
  const terminated = {
    exitCode: 137,
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
  };
  const status = {
    ...{ name: "sentinel", image: "sentinel:v2", imageID: "", ready: false, restartCount: 3 },
    state: { waiting: { reason: "CrashLoopBackOff" } },
    lastState: { terminated },
  };
  const pod: V1Pod = {
    metadata: { name: "s-1", labels, creationTimestamp: new Date(0) },
    spec: { containers: [container] },
    status: { containerStatuses: [status] },
  };
  return podTroubleOf([pod], deployment, "sentinel")?.reason ?? "it does not say";
}

describe("why a sentinel does not come up", () => {
  it.each([
    ["Error", undefined, "CrashLoopBackOff: exit code 137"],
    ["OOMKilled", undefined, "CrashLoopBackOff: exit code 137, OOMKilled"],
    [
      "OOMKilled",
      "out of memory (cgroup)",
      "CrashLoopBackOff: exit code 137, OOMKilled: out of memory (cgroup)",
    ],
    ["Error", "no such file (main)", "CrashLoopBackOff: exit code 137, no such file (main)"],
  ])("is said of an exit for %s, %s without brackets of our own", (reason, message, said) => {
    expect(killed(reason, message)).toBe(said);
  });

  it("is said by the pods first, then by the Deployment, and no brackets are put into others", () => {
    const own = "CrashLoopBackOff: exit code 137, OOMKilled (cgroup)";
    const late = "not converged within 600 s, waiting for 1 old replica to terminate";
    expect(because(own, late)).toBe(`${own}; ${late}`);
    expect(because(undefined, late)).toBe(late);
    expect(because(own, `${own} since`)).toBe(`${own} since`);
  });
});
