import { expect, it } from "vitest";
import type { DeploymentSnapshot } from "../../src/domain/convergence.ts";
import { hasNewPods, isNews } from "../../src/watcher/signals.ts";

const converged: DeploymentSnapshot = {
  name: "one",
  uid: "u1",
  generation: 3,
  observedGeneration: 3,
  desiredReplicas: 2,
  replicas: 2,
  updatedReplicas: 2,
  availableReplicas: 2,
  image: "x:v1",
  deleting: false,
};
const waiting = { ...converged, updatedReplicas: 1 };

/** Which of these states, one after another, are news to a Deploy that waits. */
function news(...states: (Partial<DeploymentSnapshot> | undefined)[]): boolean[] {
  const snapshots = states.map((state) => state && { ...converged, ...state });
  return snapshots.map((snapshot, at) => isNews(snapshots[at - 1], snapshot));
}

it("converging is news, once for each generation", () => {
  expect(news(waiting, {}, {}, { availableReplicas: 1 }, {})).toEqual([false, true, false, false, true]);
  expect(news({}, { generation: 4, observedGeneration: 4 })).toEqual([true, true]);
  expect(news({}, { uid: "u2" })).toEqual([true, true]);
});

it("a definite failure is news, and so is a Deployment that is gone", () => {
  expect(news(waiting, { ...waiting, progressDeadlineExceeded: "timed out" })).toEqual([false, true]);
  expect(news({}, { deleting: true }, undefined)).toEqual([true, true, true]);
});

it("a failure that may heal is news when it comes, changes and goes", () => {
  const quota = { ...waiting, replicaFailure: "exceeded quota" };
  const denied = { ...waiting, replicaFailure: "denied by a webhook" };
  expect(news(waiting, quota, quota, denied, waiting, waiting)).toEqual([
    false,
    true,
    false,
    true,
    true,
    false,
  ]);
});

it("pods of the newest template come to be once", () => {
  const before = { ...converged, updatedReplicas: 0 };
  expect(hasNewPods(before, waiting)).toBe(true);
  expect(hasNewPods(undefined, waiting)).toBe(true);
  for (const [was, is] of [
    [waiting, converged],
    [before, before],
    [waiting, undefined],
  ] as const) {
    expect(hasNewPods(was, is)).toBe(false);
  }
});
