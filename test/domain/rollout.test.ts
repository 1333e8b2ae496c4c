import { describe, expect, it } from "vitest";
import { rollbackScope } from "../../src/domain/rollback.ts";
import { apply, nextWave } from "../../src/domain/rollout.ts";
import {
  abandon,
  begin,
  beginRollback,
  cancel,
  failed,
  finishWave,
  interrupt,
  machineAfter,
  outcomeOf,
  ready,
  record,
  resume,
  skipped,
} from "./machines.ts";

const FORWARD = "rollout-1";
/** The first wave is over, the second rolls out. */
const second = [begin(), finishWave(FORWARD, ready("a"))];

describe("a rollout", () => {
  it("begins with the first wave, and its drive is watched", () => {
    const { machine, watch } = outcomeOf(begin());
    expect(watch).toBe(FORWARD);
    expect(nextWave(machine, FORWARD)).toEqual({ number: 1, of: 2, image: "sentinel:v2", ids: ["a"] });
    expect(machine.rollout).toMatchObject({
      state: "in_progress",
      totalSentinels: 3,
      succeededIds: [],
      failedIds: [],
      revertedIds: [],
      pauseReason: "",
    });
  });

  it("gives waves to its own drive alone", () => {
    expect(nextWave(machineAfter(begin()), "somebody else")).toBeUndefined();
  });

  it("never gives out what is recorded already", () => {
    expect(nextWave(machineAfter(...second, record(FORWARD, failed("c"))), FORWARD)?.ids).toEqual(["b"]);
  });

  it("never counts a result twice: the first report stands", () => {
    const { rollout } = machineAfter(
      ...second,
      record(FORWARD, ready("b"), failed("c", "first")),
      record(FORWARD, failed("b"), failed("c", "second")),
      finishWave(FORWARD, ready("a"), ready("c")),
    );
    expect(rollout).toMatchObject({
      succeededIds: ["a", "b"],
      failedIds: ["c"],
      failureReasons: { c: "first" },
    });
  });

  it("times each wave anew, and the rollout from its beginning", () => {
    const begun = apply(machineAfter(), begin(), 1_000).machine;
    const { rollout } = apply(begun, finishWave(FORWARD, ready("a")), 61_000).machine;
    expect(rollout).toMatchObject({ startedAtMs: 1_000, waveStartedAtMs: 61_000 });
    const { changes } = apply(begun, finishWave(FORWARD, ready("a")), 61_000);
    expect(changes.map(({ progress }) => progress.waveElapsedMs)).toEqual([60_000, 0]);
  });

  it("begun anew after a Cancel forgets the old one, whose Deploys may still settle", () => {
    const anew = machineAfter(begin(), cancel(), begin("rollout-2"));
    expect(anew.rollout?.rolloutId).toBe("id of rollout-2");
    const late = apply(anew, finishWave(FORWARD, ready("a")), 0);
    expect(late).toMatchObject({ accepted: false, changes: [] });
    expect(late.machine).toBe(anew);
    expect(nextWave(anew, "rollout-2")?.ids).toEqual(["a"]);
  });
});

describe("a pause", () => {
  it("says which wave failed and how many sentinels of it", () => {
    const { machine, changes } = outcomeOf(
      ...second,
      finishWave(FORWARD, failed("b", "OOMKilled"), ready("c")),
    );
    const pauseReason = "wave 2/2: 1 of 2 sentinels failed";
    expect(machine.rollout).toMatchObject({ state: "paused", pauseReason, failedIds: ["b"] });
    expect(changes).toMatchObject([
      { kind: "paused", reason: pauseReason, failures: [{ id: "b", reason: "OOMKilled" }] },
    ]);
    expect(machine.forward).toBeUndefined();
  });

  it("waits for the whole wave: one failure in it is recorded, and stops nothing yet", () => {
    expect(machineAfter(...second, record(FORWARD, failed("b"))).rollout?.state).toBe("in_progress");
  });

  it("names at most five failing sentinels, the newest, and counts all", () => {
    const ids = ["1", "2", "3", "4", "5", "6", "7"];
    const wide = { ...begin(), waves: [ids] };
    const { changes } = outcomeOf(wide, finishWave(FORWARD, ...ids.map((id) => failed(id))));
    const [paused] = changes;
    expect(paused).toMatchObject({ kind: "paused", progress: { failed: 7 } });
    expect(paused?.kind === "paused" && paused.failures.map(({ id }) => id)).toEqual([
      "3",
      "4",
      "5",
      "6",
      "7",
    ]);
  });

  it("comes of an interruption, too, with what was in flight recorded", () => {
    const { rollout } = machineAfter(...second, interrupt(FORWARD, ready("b")));
    expect(rollout).toMatchObject({
      state: "paused",
      pauseReason: "cancelled in the UI",
      succeededIds: ["a", "b"],
    });
  });

  it("comes of a killed drive by the watchdog, with its reason", () => {
    const { machine, changes } = outcomeOf(...second, abandon(FORWARD));
    expect(machine.rollout).toMatchObject({ state: "paused", pauseReason: "killed" });
    expect(machine.forward).toBeUndefined();
    expect(changes).toMatchObject([{ kind: "paused", reason: "killed", failures: [] }]);
  });
});

describe("Resume", () => {
  it("goes on after a failed wave, and leaves the failed alone", () => {
    const { machine, watch, changes } = outcomeOf(begin(), finishWave(FORWARD, failed("a")), resume());
    expect(nextWave(machine, "resume-1")).toMatchObject({ number: 2, ids: ["b", "c"] });
    expect(watch).toBe("resume-1");
    expect(machine.rollout).toMatchObject({ failedIds: ["a"], failureReasons: { a: "a did not come up" } });
    expect(machine.rollout?.pauseReason).toBe("");
    expect(changes[0]).toMatchObject({ kind: "resumed", remaining: 0 });
  });

  it("first deploys what an interruption left of the wave", () => {
    const { machine, changes } = outcomeOf(...second, interrupt(FORWARD, ready("b")), resume());
    expect(nextWave(machine, "resume-1")).toMatchObject({ number: 2, ids: ["c"] });
    expect(changes).toMatchObject([{ kind: "resumed", remaining: 1 }]);
  });

  it("after an interruption with a failure deploys the rest, and then pauses for the failure", () => {
    const interrupted = [...second, interrupt(FORWARD, failed("b"))];
    const machine = machineAfter(...interrupted, resume());
    expect(nextWave(machine, "resume-1")?.ids).toEqual(["c"]);
    const { rollout } = apply(machine, finishWave("resume-1", ready("c")), 0).machine;
    expect(rollout).toMatchObject({ state: "paused", pauseReason: "wave 2/2: 1 of 2 sentinels failed" });
  });

  it("after a failure in the last wave completes the rollout: there is nothing to drive or to watch", () => {
    const failure = finishWave(FORWARD, ready("b"), failed("c"));
    const { machine, watch, changes } = outcomeOf(...second, failure, resume());
    expect(machine).toMatchObject({ rollout: { state: "completed" }, forward: undefined });
    expect(watch).toBeUndefined();
    expect(changes.at(-1)).toMatchObject({ kind: "completed", failures: [{ id: "c" }] });
  });
});

describe("a sentinel that was archived or deleted in mid-rollout", () => {
  it("is neither a success nor a failure, and pauses nothing", () => {
    const { machine, changes } = outcomeOf(begin(), finishWave("rollout-1", skipped("a")));
    expect(machine.rollout).toMatchObject({
      state: "in_progress",
      currentWave: 1,
      succeededIds: [],
      failedIds: [],
      skippedIds: ["a"],
      skipReasons: { a: "a is archived" },
    });
    expect(changes.map(({ kind }) => kind)).toEqual(["wave completed", "wave started"]);
  });

  it("is not given out again after an interruption, and not rolled back", () => {
    const interrupted = [begin(), finishWave("rollout-1", ready("a")), interrupt("rollout-1", skipped("b"))];
    expect(nextWave(machineAfter(...interrupted, resume()), "resume-1")?.ids).toEqual(["c"]);
    const scope = rollbackScope(machineAfter(...interrupted, beginRollback()), "rollback-1");
    expect([...(scope?.recorded ?? []), ...(scope?.unrecorded ?? [])].map(({ id }) => id)).toEqual([
      "a",
      "c",
    ]);
  });
});

describe("Cancel", () => {
  it("wakes the drive, gives out nothing more, and what settles later is recorded", () => {
    const { machine, wake } = outcomeOf(...second, cancel());
    expect(wake).toEqual([`cancel ${FORWARD}`]);
    expect(nextWave(machine, FORWARD)).toBeUndefined();
    const settling = apply(machine, record(FORWARD, ready("b")), 0);
    expect(settling).toMatchObject({ accepted: true, changes: [], machine: { forward: machine.forward } });
    const settled = apply(settling.machine, finishWave(FORWARD, failed("c")), 0);
    expect(settled).toMatchObject({ accepted: true, changes: [], machine: { forward: undefined } });
    expect(settled.machine.rollout).toMatchObject({
      state: "cancelled",
      succeededIds: ["a", "b"],
      failedIds: ["c"],
    });
  });

  it("of a paused rollout wakes nobody", () => {
    const { machine, wake } = outcomeOf(begin(), finishWave(FORWARD, failed("a")), cancel());
    expect(wake).toEqual([]);
    expect(machine.rollout).toMatchObject({ state: "cancelled", pauseReason: "" });
  });

  it("leaves a state from which the drive may still be killed", () => {
    const { machine, changes } = outcomeOf(...second, cancel(), abandon(FORWARD));
    expect(machine).toMatchObject({ rollout: { state: "cancelled" }, forward: undefined });
    expect(changes).toEqual([]);
  });
});
