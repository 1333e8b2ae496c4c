import { describe, expect, it } from "vitest";
import { IllegalOperationError } from "../../src/domain/legality.ts";
import type { Event } from "../../src/domain/state.ts";
import { viewOf } from "../../src/domain/view.ts";
import type { ClusterHealth } from "../../src/kubernetes/health.ts";
import { BadRequestError } from "../../src/restate/body.ts";
import { asTerminalError, ConflictError } from "../../src/restate/errors.ts";
import { rollbackResponse, rolloutResponse, statusResponse } from "../../src/restate/responses.ts";
import { RollbackResponse, RolloutResponse, StatusResponse } from "../../src/restate/schemas.ts";
import {
  abandon,
  begin,
  beginRollback,
  cancel,
  failed,
  finishWave,
  MACHINES,
  machineAfter,
  ready,
  record,
  recordReverted,
} from "../domain/machines.ts";

const second = [begin(), finishWave("rollout-1", ready("a"))];
const statusAfter = (...events: Event[]) => statusResponse(machineAfter(...events), 50_000, 500);

describe("the responses", () => {
  it.each(Object.entries(MACHINES))("while it is %s are those of the published schema", (_, machine) => {
    const response = rolloutResponse(viewOf(machine.rollout));
    expect(RolloutResponse.strict().parse(response)).toEqual(response);
    const status = statusResponse(machine, 50_000, 500);
    expect(StatusResponse.strict().parse(status)).toEqual(status);
  });

  it("have the field names of the runbook", () => {
    const failure = finishWave("rollout-1", failed("a", "ImagePullBackOff: manifest unknown"));
    expect(rolloutResponse(viewOf(machineAfter(begin(), failure).rollout))).toEqual({
      state: "paused",
      rollout_id: "id of rollout-1",
      image: "sentinel:v2",
      wave: 1,
      waves: 2,
      total: 3,
      succeeded: 0,
      failed: 1,
      skipped: 0,
      skips: [],
      failures: [{ sentinel_id: "a", reason: "ImagePullBackOff: manifest unknown" }],
      next: ["Resume", "Cancel", "RollbackAll"],
      message: expect.stringMatching(/^Paused in wave 1 of 2 .*\.$/),
    });
  });
});

describe("Status", () => {
  it("before the first rollout is idle", () => {
    expect(
      statusResponse({ rollout: undefined, forward: undefined, rollback: undefined }, 0, 500),
    ).toMatchObject({
      state: "idle",
      started_at: null,
      wave_started_at: null,
      reverted: 0,
      waiting_for: "",
      next: ["Rollout"],
    });
  });

  it("tells in ISO 8601 when the rollout and the wave began", () => {
    expect(statusAfter(begin())).toMatchObject({
      started_at: "1970-01-01T00:00:50.000Z",
      wave_started_at: "1970-01-01T00:00:50.000Z",
    });
  });

  it("tells the sizes of the waves, and how many Deploys of the current one are in flight at most", () => {
    expect(statusAfter(...second)).toMatchObject({ wave_sizes: [1, 2], in_flight: 2 });
    expect(statusAfter(...second, record("rollout-1", failed("b")))).toMatchObject({ in_flight: 1 });
    expect(statusResponse(machineAfter(...second), 50_000, 1)).toMatchObject({ in_flight: 1 });
    expect(statusAfter(...second, cancel())).toMatchObject({ wave_sizes: [1, 2], in_flight: 0 });
  });

  const killedRollback = [begin(), abandon("rollout-1"), beginRollback(), recordReverted("rollback-1", "a")];
  const cases: [waitingFor: string, events: Event[]][] = [
    ["2 sentinels of wave 2/2 to come up", second],
    ["1 sentinel of wave 2/2 to come up", [...second, record("rollout-1", failed("b"))]],
    ["an operator: Resume, Cancel or RollbackAll", [...second, abandon("rollout-1")]],
    ["1 sentinel to return to the previous image", [...second, cancel(), beginRollback()]],
    ["0 sentinels to return to the previous image", killedRollback],
    ["", [...second, cancel()]],
    ["", [...second, finishWave("rollout-1", ready("b"), ready("c"))]],
  ];
  it.each(cases)("waits for: %s", (waitingFor, events) => {
    expect(statusAfter(...events).waiting_for).toBe(waitingFor);
  });
});

describe("a cluster that is away", () => {
  const clusters: ClusterHealth[] = [
    { cluster: "us-east", reachable: true },
    { cluster: "eu-west", reachable: false, sinceMs: Date.UTC(2026, 0, 31, 2, 15), reason: "ECONNREFUSED" },
  ];
  const named = "eu-west is unreachable since 2026-01-31T02:15:00.000Z (ECONNREFUSED)";
  const status = (...events: Event[]) => statusResponse(machineAfter(...events), 50_000, 10, clusters);

  it("is named in what a rollout waits for", () => {
    const { waiting_for, message } = status(...second);
    expect(waiting_for).toBe(`2 sentinels of wave 2/2 to come up; cluster ${named}`);
    expect(message).toMatch(/^Wave 2 of 2 is rolling out: .*\. Cluster /);
    expect(message).toContain(`. Cluster ${named}.`);
    expect(status(...second, cancel(), beginRollback()).waiting_for).toContain(`; cluster ${named}`);
  });

  it("is named in the message also where nothing waits for it", () => {
    const nothing = { rollout: undefined, forward: undefined, rollback: undefined };
    const before = statusResponse(nothing, 0, 10, clusters);
    expect(before).toMatchObject({
      state: "idle",
      waiting_for: "",
      message: `No rollout has run yet. Cluster ${named}.`,
    });
    expect(status(...second, cancel())).toMatchObject({ waiting_for: "" });
    expect(status(...second, abandon("rollout-1")).waiting_for).toBe(
      "an operator: Resume, Cancel or RollbackAll",
    );
  });
});

describe("RollbackAll", () => {
  const report = { reverted: 3, targets: 3, failures: [], interrupted: false };
  const failure = { id: "sen_1", reason: "left alone: somebody moved it to sentinel:v3 since" };

  it.each([
    [{}, "Rolled back: 3 of 3 sentinels reverted."],
    [{ reverted: 0, targets: 0 }, "Rolled back: 0 of 0 sentinels reverted."],
    [
      { targets: 4, failures: [failure] },
      "Rolled back: 3 of 4 sentinels reverted; call RollbackAll again to retry the other 1.",
    ],
    [
      { targets: 5, interrupted: true },
      "The rollback was interrupted: 3 of 5 sentinels reverted; call RollbackAll again for the rest.",
    ],
  ])("%j", (but, message) => {
    const response = rollbackResponse({ ...report, ...but });
    expect(response).toMatchObject({ state: "cancelled", reverted: { ...report, ...but }.reverted, message });
    expect(RollbackResponse.strict().parse(response)).toEqual(response);
  });

  it("names who did not revert", () => {
    expect(rollbackResponse({ ...report, failures: [failure] }).failures).toEqual([
      { sentinel_id: "sen_1", reason: failure.reason },
    ]);
  });
});

describe("errors", () => {
  it.each([
    [400, new BadRequestError("bad")],
    [409, new ConflictError("not now")],
    [409, new IllegalOperationError("Cancel", "idle")],
  ])("that are a caller's end as %i with their message, and are not retried", (code, error) => {
    expect(asTerminalError(error)).toMatchObject({ code, message: error.message });
  });

  it.each([[new Error("connection lost")], [new TypeError("bug")], ["text"], [undefined]])(
    "of any other kind are retried: %s",
    (error) => {
      expect(asTerminalError(error)).toBeUndefined();
    },
  );
});
