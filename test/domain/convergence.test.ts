import { describe, expect, it } from "vitest";
import {
  type DeploymentSnapshot,
  type Expectation,
  isStuck,
  judge,
  observe,
} from "../../src/domain/convergence.ts";

/** Converged at the generation of the patch; each case below has one thing different. */
const good: DeploymentSnapshot = {
  name: "sentinel-1",
  uid: "u1",
  generation: 4,
  observedGeneration: 4,
  desiredReplicas: 3,
  replicas: 3,
  updatedReplicas: 3,
  availableReplicas: 3,
  image: "sentinel:v2",
  deleting: false,
};
const expected: Expectation = { image: "sentinel:v2", generation: 4 };
const none = { desiredReplicas: 0, replicas: 0, updatedReplicas: 0, availableReplicas: 0 };

/** `converged`, `waiting: on what`, with `?` and the suspicion, or `failed: why`. */
function verdict(snapshot: DeploymentSnapshot | undefined, expectation?: Expectation): string {
  const judged = judge(snapshot, expectation);
  if (judged.kind === "converged") return judged.kind;
  if (judged.kind === "failed") return `failed: ${judged.reason}`;
  if (judged.kind === "recreated") return judged.kind;
  return `waiting: ${judged.on}${judged.suspicion === undefined ? "" : ` ? ${judged.suspicion.reason}`}`;
}

const CONTROLLER = "waiting: the Deployment controller to see the change";
const DEADLINE = { progressDeadlineExceeded: 'ReplicaSet "x" has timed out progressing.' };
const QUOTA = { replicaFailure: "exceeded quota: pods" };

describe("a Deployment", () => {
  const cases: [name: string, but: Partial<DeploymentSnapshot>, verdict: string][] = [
    ["with everything as it should be", {}, "converged"],
    ["at a later generation, which is seen", { generation: 6, observedGeneration: 6 }, "converged"],
    ["scaled to zero", none, "converged"],
    ["being deleted", { deleting: true }, "failed: Deployment is being deleted"],
    [
      "whose image somebody changed",
      { image: "sentinel:v3" },
      "failed: image was changed to sentinel:v3 by somebody else",
    ],
    ["whose change is not seen yet", { observedGeneration: 3 }, CONTROLLER],
    ["annotated since by somebody else", { generation: 5 }, CONTROLLER],
    ["read before the patch has reached it", { generation: 3, observedGeneration: 3 }, CONTROLLER],
    [
      "past its progress deadline",
      { ...DEADLINE, updatedReplicas: 1 },
      'failed: ProgressDeadlineExceeded: ReplicaSet "x" has timed out progressing.',
    ],
    ["with some replicas of the old", { updatedReplicas: 1 }, "waiting: 1 of 3 replicas to be updated"],
    [
      "of one replica",
      { desiredReplicas: 1, updatedReplicas: 0, replicas: 1, availableReplicas: 1 },
      "waiting: 0 of 1 replica to be updated",
    ],
    [
      "of one replica that does not come up",
      { desiredReplicas: 1, updatedReplicas: 1, replicas: 1, availableReplicas: 0 },
      "waiting: 0 of 1 updated replica to be available",
    ],
    ["with surplus old replicas", { replicas: 5 }, "waiting: 2 old replicas to terminate"],
    [
      "with updated replicas that are not available",
      { availableReplicas: 2 },
      "waiting: 2 of 3 updated replicas to be available",
    ],
    [
      "scaled to zero, with the last replica to go",
      { ...none, replicas: 1 },
      "waiting: 1 old replica to terminate",
    ],
    [
      "refused its pods by a quota",
      { ...QUOTA, updatedReplicas: 2 },
      "waiting: 2 of 3 replicas to be updated ? ReplicaFailure: exceeded quota: pods",
    ],
    ["that has all replicas in spite of a quota", QUOTA, "converged"],
    [
      "paused in the middle of its update",
      { paused: true, updatedReplicas: 1 },
      "waiting: 1 of 3 replicas to be updated, but the Deployment is paused",
    ],
    ["paused when it had come up", { paused: true }, "converged"],
  ];

  it.each(cases)("%s", (_, but, outcome) => {
    expect(verdict({ ...good, ...but }, expected)).toBe(outcome);
  });

  it("that does not exist has failed", () => {
    expect(verdict(undefined, expected)).toBe("failed: Deployment not found");
  });

  it("without a sentinel container has failed", () => {
    const { image: _, ...without } = good;
    expect(verdict(without, expected)).toBe("failed: Deployment has no sentinel container");
  });

  it("that is another one than was patched is told apart, whatever its generation", () => {
    const patched = { ...expected, uid: "u1" };
    expect(verdict(good, patched)).toBe("converged");
    expect(verdict({ ...good, uid: "u2", generation: 1, observedGeneration: 1 }, patched)).toBe("recreated");
    expect(verdict({ ...good, uid: "u2", image: "sentinel:v1" }, patched)).toBe("recreated");
    expect(verdict({ ...good, uid: "u2", deleting: true }, patched)).toBe(
      "failed: Deployment is being deleted",
    );
  });

  it("of which nothing is expected is judged by its own generation and image", () => {
    expect(verdict({ ...good, image: "sentinel:v9" })).toBe("converged");
    expect(verdict({ ...good, observedGeneration: 3 })).toBe(CONTROLLER);
  });
});

describe("of two things wrong the one that kubectl rollout status names first", () => {
  const order: [name: string, but: Partial<DeploymentSnapshot>][] = [
    ["Deployment is being deleted", { deleting: true }],
    ["image was changed", { image: "sentinel:v3" }],
    ["Deployment controller", { observedGeneration: 3 }],
    ["ProgressDeadlineExceeded", DEADLINE],
    ["replicas to be updated", { updatedReplicas: 2 }],
    ["old replica to terminate", { replicas: 4 }],
    ["to be available", { availableReplicas: 1 }],
  ];
  const pairs = order.flatMap(([first, a], i) =>
    order.slice(i + 1).map(([second, b]) => [first, second, { ...good, ...b, ...a }] as const),
  );

  it.each(pairs)("%s before %s", (first, _, snapshot) => {
    expect(verdict(snapshot, expected)).toContain(first);
  });

  it("so the deadline of the rollout before is never taken for that of this one", () => {
    expect(verdict({ ...good, ...DEADLINE, generation: 5, updatedReplicas: 0 }, expected)).toBe(CONTROLLER);
  });
});

it("only a passed deadline says that the pods may tell why themselves", () => {
  expect(judge({ ...good, ...DEADLINE }, expected)).toMatchObject({ kind: "failed", stalled: true });
  expect(judge({ ...good, deleting: true }, expected)).not.toHaveProperty("stalled");
});

it("a deadline that passed before a patch that changed nothing is no verdict, but may become one", () => {
  const late = { ...good, ...DEADLINE, updatedReplicas: 1 };
  const reason = 'ProgressDeadlineExceeded: ReplicaSet "x" has timed out progressing.';
  expect(judge(late, { ...expected, unchanged: true })).toEqual({
    kind: "waiting",
    on: "the Deployment to progress",
    suspicion: { reason, kind: "failure" },
    late: true,
  });
  expect(judge({ ...late, observedGeneration: 3 }, { ...expected, unchanged: true })).not.toHaveProperty(
    "late",
  );
});

describe("stuck is a Deployment", () => {
  const updating = { ...good, updatedReplicas: 1 };
  const broken = { kind: "failure" } as const;
  const cases: [
    name: string,
    snapshot: DeploymentSnapshot,
    trouble: Parameters<typeof isStuck>[1],
    is: boolean,
  ][] = [
    ["past its deadline", { ...updating, ...DEADLINE }, undefined, true],
    ["whose pods do not come up", updating, broken, true],
    ["whose pods never come up", updating, { kind: "fatal" }, true],
    ["whose pods a quota keeps out", { ...updating, ...QUOTA }, undefined, true],
    ["whose pods find no node", updating, { kind: "unschedulable" }, false],
    ["that gets on", updating, undefined, false],
    ["that has come up", good, broken, false],
    ["whose change is not seen yet", { ...updating, ...DEADLINE, observedGeneration: 3 }, broken, false],
    ["that is being deleted", { ...updating, deleting: true }, broken, false],
  ];
  it.each(cases)("%s", (_, snapshot, trouble, is) => {
    expect(isStuck(snapshot, trouble)).toBe(is);
  });
});

describe("what is observed of a Deployment", () => {
  const cases: [name: string, but: Partial<DeploymentSnapshot>, observed: object][] = [
    ["converged", {}, { health: "healthy", availableReplicas: 3, runningImage: "sentinel:v2" }],
    ["in mid-rollout", { updatedReplicas: 1 }, { health: "healthy", availableReplicas: 3 }],
    ["with one replica available", { availableReplicas: 1 }, { health: "healthy", availableReplicas: 1 }],
    ["with none available", { availableReplicas: 0 }, { health: "unhealthy", availableReplicas: 0 }],
    ["scaled to zero", none, { health: "paused", availableReplicas: 0, runningImage: "sentinel:v2" }],
    [
      "scaling down to zero",
      { desiredReplicas: 0, observedGeneration: 3 },
      { health: "paused", availableReplicas: 3 },
    ],
    ["past its deadline", DEADLINE, { health: "healthy", availableReplicas: 3 }],
    ["being deleted", { deleting: true }, { health: "healthy", availableReplicas: 3 }],
  ];

  it.each(cases)("%s: an image only once it has come up", (_, but, observed) => {
    expect(observe({ ...good, ...but })).toEqual(observed);
  });
});
