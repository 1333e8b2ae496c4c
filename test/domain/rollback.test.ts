import { describe, expect, it } from "vitest";
import { rollbackScope } from "../../src/domain/rollback.ts";
import { apply } from "../../src/domain/rollout.ts";
import {
  abandon,
  begin,
  beginRollback,
  cancel,
  failed,
  finishRollback,
  finishWave,
  interrupt,
  listen,
  machineAfter,
  outcomeOf,
  ready,
  record,
  recordReverted,
} from "./machines.ts";

const FORWARD = "rollout-1";
const ROLLBACK = "rollback-1";
/** The first wave is over, the second rolls out. */
const second = [begin(), finishWave(FORWARD, ready("a"))];

describe("RollbackAll", () => {
  const paused = [...second, finishWave(FORWARD, ready("c"), failed("b"))];
  const target = (id: string) => ({ id, image: { a: "sentinel:v1", c: "sentinel:v0" }[id] });

  it("is to revert who took the image, newest first, each to its own previous image, and nobody who failed", () => {
    const { machine, watch } = outcomeOf(...paused, beginRollback());
    expect(watch).toBe(ROLLBACK);
    expect(rollbackScope(machine, ROLLBACK)).toEqual({
      image: "sentinel:v2",
      recorded: [target("c"), target("a")],
      unrecorded: [],
      settled: true,
    });
    expect(rollbackScope(machine, "somebody else")).toBeUndefined();
  });

  it("records on the way, and who is recorded once is no target again", () => {
    const { machine } = outcomeOf(...paused, beginRollback(), recordReverted(ROLLBACK, "c", "c"));
    expect(rollbackScope(machine, ROLLBACK)?.recorded).toEqual([target("a")]);
    expect(machine.rollout?.revertedIds).toEqual(["c"]);
  });

  it("called again is left with those that did not revert, and says how many", () => {
    const { machine, changes } = outcomeOf(
      ...paused,
      beginRollback(),
      finishRollback(ROLLBACK, "c"),
      beginRollback("again"),
    );
    expect(rollbackScope(machine, "again")?.recorded).toEqual([target("a")]);
    expect(changes).toMatchObject([{ kind: "rollback started", targets: 1 }]);
  });

  it("of a killed wave looks at who was never recorded, too", () => {
    const machine = machineAfter(...second, record(FORWARD, failed("b")), abandon(FORWARD), beginRollback());
    expect(rollbackScope(machine, ROLLBACK)).toMatchObject({
      recorded: [{ id: "a" }],
      unrecorded: [{ id: "c", image: "sentinel:v0" }],
    });
  });

  it("while Deploys are in flight begins with the recorded, and is woken by each report of the rest", () => {
    const rolling = outcomeOf(...second, cancel(), beginRollback());
    expect(rollbackScope(rolling.machine, ROLLBACK)).toMatchObject({
      recorded: [{ id: "a" }],
      unrecorded: [],
      settled: false,
    });
    const first = apply(rolling.machine, record(FORWARD, ready("b")), 0);
    expect(first.wake).toEqual([`late results for ${ROLLBACK}`]);
    const listening = apply(first.machine, listen(ROLLBACK, "a new signal"), 0);
    expect(rollbackScope(listening.machine, ROLLBACK)?.recorded.map(({ id }) => id)).toEqual(["b", "a"]);
    const last = apply(listening.machine, finishWave(FORWARD), 0);
    expect(last).toMatchObject({ wake: ["a new signal"], changes: [], machine: { forward: undefined } });
    expect(rollbackScope(last.machine, ROLLBACK)).toMatchObject({ settled: true, unrecorded: [{ id: "c" }] });
  });

  it.each([
    ["is cancelled", interrupt(FORWARD, ready("b"))],
    ["is killed", abandon(FORWARD)],
  ])("is woken when the drive that settles %s", (_, event) => {
    const { wake, machine } = outcomeOf(...second, cancel(), beginRollback(), event);
    expect(wake).toEqual([`late results for ${ROLLBACK}`]);
    expect(rollbackScope(machine, ROLLBACK)?.settled).toBe(true);
  });

  it("ends in cancelled and tells its numbers and how long it took", () => {
    const rolling = apply(machineAfter(...paused), beginRollback(), 10_000).machine;
    const event = { ...finishRollback(ROLLBACK, "c"), targets: 2, failures: [{ id: "a", reason: "no row" }] };
    const { machine, changes } = apply(rolling, event, 25_000);
    expect(machine).toMatchObject({
      rollout: { state: "cancelled", revertedIds: ["c"] },
      rollback: undefined,
    });
    expect(changes).toMatchObject([
      { kind: "rollback completed", reverted: 1, targets: 2, failed: 1, durationMs: 15_000 },
    ]);
  });

  it("killed ends in cancelled, too, with what it had recorded", () => {
    const { machine, changes } = outcomeOf(
      ...paused,
      beginRollback(),
      recordReverted(ROLLBACK, "c"),
      abandon(ROLLBACK),
    );
    expect(machine).toMatchObject({
      rollout: { state: "cancelled", revertedIds: ["c"] },
      rollback: undefined,
    });
    expect(changes).toMatchObject([
      { kind: "rollback completed", reverted: 1, targets: 2, failed: 1, interruption: "killed" },
    ]);
  });

  it("killed while Deploys are in flight leaves their drive to settle", () => {
    const { machine } = outcomeOf(...second, cancel(), beginRollback(), abandon(ROLLBACK));
    expect(machine).toMatchObject({ rollout: { state: "cancelled" }, forward: { invocationId: FORWARD } });
    const late = apply(machine, finishWave(FORWARD, ready("b")), 0);
    expect(late).toMatchObject({ accepted: true, wake: [], machine: { forward: undefined } });
    expect(late.machine.rollout?.succeededIds).toEqual(["a", "b"]);
  });
});
