import type { V1ContainerStatus, V1Pod } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { type AilingPod, ailingPodOf, standingOf } from "../../src/kubernetes/ailing-pod.ts";

const AT = new Date("2026-01-01T10:00:00Z");
const UP = AT.getTime() / 1_000;
const later = (seconds: number) => new Date(AT.getTime() + seconds * 1_000);

function container(but: Partial<V1ContainerStatus>): V1ContainerStatus {
  const rest = { name: "sentinel", image: "x:v2", imageID: "", ready: true };
  return { ...rest, restartCount: 0, state: { running: {} }, ...but };
}

function pod(containers: Partial<V1ContainerStatus>[], ready: "True" | "False" = "True"): V1Pod {
  return {
    metadata: {
      name: "k8s-a-5f-1",
      labels: { "pod-template-hash": "5f" },
      ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: "k8s-a-5f", uid: "u" }],
    },
    spec: { containers: [{ name: "sentinel", image: "x:v2" }] },
    status: {
      phase: "Running",
      conditions: [{ type: "Ready", status: ready, lastTransitionTime: later(7) }],
      containerStatuses: containers.map(container),
    },
  };
}

const died = (seconds: number, reason = "OOMKilled", exitCode = 137) => ({
  terminated: { exitCode, reason, finishedAt: later(seconds) },
});

function ailing(of: V1Pod, restartsBefore = 0): AilingPod[] {
  const found = ailingPodOf(of, "sentinel", restartsBefore);
  return found === undefined ? [] : [found];
}

const standing = (pods: AilingPod[]) => standingOf(pods, "x:v2", UP);

describe("pods", () => {
  it("that are well are not remembered, nor those on their way out", () => {
    expect(ailing(pod([{}]))).toEqual([]);
    const broken = pod([{ restartCount: 4, lastState: died(1) }], "False");
    expect(ailing({ ...broken, metadata: { ...broken.metadata, deletionTimestamp: AT } })).toEqual([]);
    expect(ailing({ ...broken, metadata: { ...broken.metadata, ownerReferences: [] } })).toEqual([]);
  });

  it("that were evicted stay, and say nothing of the Deployment", () => {
    const evicted = pod([{ restartCount: 4, lastState: died(1) }], "False");
    const found = ailing({ ...evicted, status: { ...evicted.status, phase: "Failed" } });
    expect(standing(found)?.restarts ?? 0).toBe(0);
    expect(standing(found)?.unreadyMs).toBeUndefined();
  });

  it("of another image say nothing", () => {
    expect(standingOf(ailing(pod([{ restartCount: 4, lastState: died(1) }])), "x:v3", UP)).toBeUndefined();
  });

  it("are not ready since their condition says so", () => {
    expect(standing(ailing(pod([{}], "False")))).toEqual({ restarts: 0, unreadyMs: later(7).getTime() });
  });
});

describe("restarts", () => {
  it("count those of all containers of all pods; the last termination says why", () => {
    const first = ailing(pod([{ restartCount: 1, lastState: died(5, "Error", 2) }]));
    const two = [
      { restartCount: 1, lastState: died(9) },
      { name: "proxy", restartCount: 2, lastState: died(3, "Completed", 0) },
    ];
    expect(standing([...first, ...ailing(pod(two))])).toMatchObject({
      ...{ restarts: 4, lastTermination: "OOMKilled, exit code 137", terminatedMs: later(9).getTime() },
    });
    expect(standing(first)).toMatchObject({ restarts: 1, lastTermination: "exit code 2" });
  });

  it("before it came up do not count", () => {
    expect(standing(ailing(pod([{ restartCount: 5, lastState: died(0) }])))).toEqual({ restarts: 0 });
  });

  it("before it came up do not count beside later ones, where that was seen", () => {
    const twice = pod([{ restartCount: 5, lastState: died(4) }]);
    expect(standing(ailing(twice, 4))).toMatchObject({ restarts: 1 });
    expect(standing(ailing(twice))).toMatchObject({ restarts: 5 });
  });
});

describe("CrashLoopBackOff", () => {
  const waits = { waiting: { reason: "CrashLoopBackOff", message: "back-off 10s" } };

  it("is told with the last termination", () => {
    const found = ailing(pod([{ restartCount: 1, state: waits, lastState: died(4), ready: false }], "False"));
    expect(standing(found)?.crashLoop).toBe("CrashLoopBackOff: exit code 137, OOMKilled");
  });

  it("is not what a container is in that runs between two crashes", () => {
    const found = standing(ailing(pod([{ restartCount: 1, lastState: died(4), ready: false }], "False")));
    expect(found?.crashLoop).toBeUndefined();
    expect(found?.trouble).toBe("CrashLoopBackOff: exit code 137, OOMKilled");
  });
});
