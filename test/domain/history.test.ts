import { describe, expect, it } from "vitest";
import { historyOf } from "../../src/domain/history.ts";
import { apply } from "../../src/domain/rollout.ts";
import type { Event } from "../../src/domain/state.ts";
import {
  abandon,
  begin,
  beginRollback,
  cancel,
  EMPTY,
  failed,
  finishRollback,
  finishWave,
  interrupt,
  listen,
  machineAfter,
  NOW,
  ready,
  record,
  recordReverted,
  resume,
  skipped,
} from "./machines.ts";

/** What the last of these events, one after another from the start, adds to the history. */
function entryOf(...events: Event[]) {
  const before = machineAfter(...events.slice(0, -1));
  const last = events.at(-1) as Event;
  return historyOf(before, apply(before, last, NOW).machine, last, NOW);
}

const [DRIVE, RESUME, ROLLBACK] = ["rollout-1", "resume-1", "rollback-1"];
const inWave2 = [begin(), finishWave(DRIVE, ready("a"))];
const paused = [...inWave2, finishWave(DRIVE, ready("b"), failed("c"))];

describe("the history of a rollout", () => {
  it("begins with who began it, and has no outcome yet", () => {
    expect(entryOf({ ...begin(), startedBy: "alice" } as Event)).toEqual({
      rollout: {
        rolloutId: "id of rollout-1",
        image: "sentinel:v2",
        state: "in_progress",
        wave: 1,
        waveSizes: [1, 2],
        total: 3,
        succeeded: 0,
        failed: 0,
        skipped: 0,
        reverted: 0,
        pauseReason: "",
        startedAtMs: NOW,
      },
      origin: { invocationId: DRIVE, startedBy: "alice" },
      outcomes: [],
      atMs: NOW,
    });
    expect(entryOf(begin())?.origin).toEqual({ invocationId: DRIVE });
  });

  it("gets each result once, in the wave that it is of, with its reason and how long it took", () => {
    expect(entryOf(begin(), finishWave(DRIVE, { id: "a", durationMs: 70 }))).toMatchObject({
      rollout: { wave: 2, succeeded: 1 },
      outcomes: [{ sentinelId: "a", wave: 1, outcome: "succeeded", durationMs: 70 }],
    });
    const both = record(DRIVE, { ...failed("b"), durationMs: 0 }, skipped("c"));
    expect(entryOf(...inWave2, both)?.outcomes).toEqual([
      { sentinelId: "b", wave: 2, outcome: "failed", reason: "b did not come up", durationMs: 0 },
      { sentinelId: "c", wave: 2, outcome: "skipped", reason: "c is archived" },
    ]);
    expect(entryOf(...inWave2, both, record(DRIVE, ready("b"), ready("c")))?.outcomes).toEqual([]);
  });

  it("says why it is paused, when it has ended, and that it goes on", () => {
    const reason = "wave 2/2: 1 of 2 sentinels failed";
    expect(entryOf(...paused)).toMatchObject({ rollout: { state: "paused", pauseReason: reason } });
    expect(entryOf(...paused)?.rollout).not.toHaveProperty("endedAtMs");
    expect(entryOf(...paused, resume())?.rollout).toMatchObject({ state: "completed", endedAtMs: NOW });
    expect(entryOf(...paused, cancel())?.rollout).toMatchObject({ state: "cancelled", endedAtMs: NOW });
    expect(entryOf(...inWave2, interrupt(DRIVE), resume())).toMatchObject({
      rollout: { state: "in_progress", pauseReason: "" },
      outcomes: [],
    });
    expect(entryOf(...inWave2, abandon(DRIVE))?.rollout).toMatchObject({
      state: "paused",
      pauseReason: "killed",
    });
  });

  it("is told of every result anew once a drive was killed, for the change it was making may have gone with it", () => {
    const some = record(DRIVE, ready("b"));
    expect(entryOf(...inWave2, some, abandon(DRIVE))?.outcomes).toEqual([
      { sentinelId: "a", wave: 1, outcome: "succeeded" },
      { sentinelId: "b", wave: 2, outcome: "succeeded" },
    ]);
    const reverting = [...paused, beginRollback(), recordReverted(ROLLBACK, "a")];
    expect(entryOf(...reverting, abandon(ROLLBACK))?.outcomes).toContainEqual({
      sentinelId: "a",
      wave: 1,
      outcome: "reverted",
    });
  });

  it("gets what was reverted, besides what had become of it before", () => {
    const rollingBack = [...paused, beginRollback()];
    expect(entryOf(...rollingBack)).toMatchObject({ rollout: { state: "rolling_back" }, outcomes: [] });
    expect(entryOf(...rollingBack, recordReverted(ROLLBACK, "b"))).toMatchObject({
      rollout: { reverted: 1 },
      outcomes: [{ sentinelId: "b", wave: 2, outcome: "reverted" }],
    });
    expect(
      entryOf(...rollingBack, recordReverted(ROLLBACK, "b"), finishRollback(ROLLBACK, "b", "a")),
    ).toEqual(
      expect.objectContaining({
        rollout: expect.objectContaining({ state: "cancelled", succeeded: 2, reverted: 2, endedAtMs: NOW }),
        outcomes: [{ sentinelId: "a", wave: 1, outcome: "reverted" }],
      }),
    );
  });

  it("gets nothing of what changes nothing", () => {
    expect(entryOf(...inWave2, finishWave("an old drive", ready("b")))).toBeUndefined();
    expect(entryOf(...paused, beginRollback(), listen(ROLLBACK))).toBeUndefined();
    expect(entryOf(...paused, abandon(RESUME))).toBeUndefined();
    expect(historyOf(EMPTY, EMPTY, cancel(), NOW)).toBeUndefined();
  });

  it("of the next one begins anew", () => {
    const next = entryOf(...paused, cancel(), begin("rollout-2"));
    expect(next).toMatchObject({ rollout: { rolloutId: "id of rollout-2", failed: 0 }, outcomes: [] });
  });
});
