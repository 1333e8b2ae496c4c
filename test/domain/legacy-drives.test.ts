import { describe, expect, it } from "vitest";
import type { OldRollout } from "../legacy/stories.ts";
import { Machine } from "./legacy-machine.ts";
import { at, leftIn, momentsIn, resume, rollBack, sorted, titled } from "./legacy-moments.ts";

describe("a Cancel of what version 0.1 drives", () => {
  it.for(titled(momentsIn("in_progress")))("%s: is told to the drive by its signal", ([, { stored }]) => {
    const { signal } = stored.get("forwardDrive") as { signal: string };
    expect(new Machine(stored).legacy({ type: "cancel" }).rings).toEqual([{ bell: signal }]);
    expect(new Machine(stored).happen({ type: "cancel" }).rings).toEqual([{ bell: signal }]);
  });

  it("records what settles after it, and is over with the last", () => {
    const { stored, old } = at("cancelled-then-rolled-back, after 3", "finishWave");
    const machine = new Machine(stored);
    machine.happen({ type: "cancel" });
    const { invocationId: drive } = stored.get("forwardDrive") as { invocationId: string };
    const [first = "", second = "", ...never] = leftIn(old);
    machine.legacy({ type: "record", drive, results: [{ id: first, durationMs: 7 }] });
    expect(machine.fleet()[first]).toMatchObject({ is: "succeeded" });
    const { reply } = machine.legacy({
      type: "finishWave",
      drive,
      results: [{ id: second, failure: "no image" }],
    });
    expect(reply).toMatchObject({ accepted: true, view: { state: "cancelled", failed: 1 } });
    expect(reply.wave).toBeUndefined();
    expect(machine.fleet()[second]).toMatchObject({ is: "failed", why: "no image" });
    expect(machine.ids("waiting")).toEqual(never);
    expect(machine.view).toMatchObject({ inFlight: 0, waiting: never.length });
    expect(machine.drive).not.toHaveProperty("forward");
    expect(machine.drive.lanes).toEqual({});
  });
});

describe("a Pause of what version 0.1 drives", () => {
  const paused = (): { machine: Machine; old: OldRollout; drive: string } => {
    const { stored, old } = at("completed, after 1", "begin");
    const machine = new Machine(stored);
    const { rings } = machine.happen({ type: "pause", operator: "alice", comment: "upgrade" });
    // It has launched all of its wave, and hears nothing.
    expect(rings).toEqual([]);
    expect(machine.view).toMatchObject({ state: "in_progress", phase: "pausing" });
    const { invocationId: drive } = stored.get("forwardDrive") as { invocationId: string };
    return { machine, old, drive };
  };

  it("holds at the end of that wave, and leaves the next ones to a Resume of this version", () => {
    const { machine, old, drive } = paused();
    const results = leftIn(old).map((id) => ({ id, durationMs: 7 }));
    const { reply } = machine.legacy({ type: "finishWave", drive, results });
    expect(reply).toMatchObject({ accepted: true, view: { state: "paused" } });
    expect(reply.wave).toBeUndefined();
    expect(machine.head).toMatchObject({ pauseKind: "operator", pauseReason: "alice paused it: upgrade" });
    expect(machine.drive).not.toHaveProperty("forward");
    expect(sorted(machine.drives(resume).map(({ id }) => id))).toEqual(sorted(old.waves.slice(1).flat()));
    expect(machine.head.state).toBe("completed");
  });

  it("is a pause by the failure, where one has failed by then", () => {
    const { machine, old, drive } = paused();
    const results = leftIn(old).map((id) => ({ id, failure: "no image" }));
    const { reply } = machine.legacy({ type: "finishWave", drive, results });
    expect(reply.view.state).toBe("paused");
    expect(machine.head).toMatchObject({ pauseKind: "failure" });
  });

  it("is beaten by an Abort, which the drive is told of by its signal", () => {
    const { stored } = at("completed, after 1", "begin");
    const { machine } = paused();
    const { signal } = stored.get("forwardDrive") as { signal: string };
    const { rings } = machine.happen({ type: "abort", invocationId: "inv_abort" });
    expect(rings).toContainEqual({ bell: signal });
    expect(machine.head.state).toBe("rolling_back");
  });
});

describe("a RollbackAll of what version 0.1 rolled out", () => {
  const settled = momentsIn("paused", "cancelled").filter(({ stored }) => !stored.has("forwardDrive"));
  it.for(titled(settled))("%s: returns each to its own image, once", ([, { stored, old }]) => {
    const machine = new Machine(stored);
    const launched = machine.drives(rollBack);
    const took = old.succeededIds.filter((id) => !old.revertedIds.includes(id));
    expect(sorted(launched.map(({ id }) => id))).toEqual(sorted([...took, ...leftIn(old)]));
    expect(launched.every(({ id, from }) => from === old.previousImages[id])).toBe(true);
    const unrecorded = launched.filter((item) => item.unrecorded).map(({ id }) => id);
    expect(sorted(unrecorded)).toEqual(sorted(leftIn(old)));
    expect(machine.head.state).toBe("cancelled");
    expect(machine.ids("succeeded")).toEqual([]);
  });

  it("takes up what a drive of version 0.1 still has in flight as it settles", () => {
    const { stored, story, after } = at("rolled-back-while-settling", "cancel");
    const { invocationId: drive } = stored.get("forwardDrive") as { invocationId: string };
    const late = story.transitions
      .slice(after)
      .map(({ event }) => event)
      .filter((event) => "results" in event && event.drive === drive);
    const ids = late.flatMap((event) => ("results" in event ? event.results.map(({ id }) => id) : []));
    expect(ids.length).toBeGreaterThan(1);
    const machine = new Machine(stored);
    const launched = machine.drives(rollBack, [...late]).map(({ id }) => id);
    expect(launched).toEqual(["sen_0002", "sen_0001", ...ids]);
    expect(machine.head.state).toBe("cancelled");
    expect(machine.ids("reverted")).toEqual(sorted(launched));
  });

  it("asks the rows about what was in flight when such a drive is killed meanwhile", () => {
    const { stored, old } = at("rolled-back-while-settling", "cancel");
    const { invocationId: drive } = stored.get("forwardDrive") as { invocationId: string };
    const machine = new Machine(stored);
    const launched = machine.drives(rollBack, [{ type: "abandon", drive, reason: "killed" }]);
    const unrecorded = launched.filter((item) => item.unrecorded).map(({ id }) => id);
    expect(sorted(unrecorded)).toEqual(sorted(leftIn(old)));
    expect(sorted(launched.map(({ id }) => id))).toEqual(sorted(["sen_0001", "sen_0002", ...unrecorded]));
  });
});

describe("a drive of version 0.1 that does not answer", () => {
  it("goes on with the next wave once it does, although the rows have told the last results meanwhile", () => {
    const { stored, old } = at("completed, after 1", "begin");
    const { invocationId } = stored.get("forwardDrive") as { invocationId: string };
    const machine = new Machine(stored);
    const { rolloutId } = old as unknown as { rolloutId: string };
    machine.legacy({ type: "record", drive: invocationId, results: [{ id: "sen_0001" }] });
    machine.happen({
      type: "silent",
      rolloutId,
      silent: [{ invocationId, sinceMs: 1, why: "it is paused" }],
    });
    const results = [{ id: "sen_0002", at: "1/1", is: "succeeded" } as const];
    machine.happen({ type: "found", rolloutId, lane: 1, results });
    const { reply } = machine.legacy({
      type: "finishWave",
      drive: invocationId,
      results: [{ id: "sen_0002" }],
    });
    expect(reply).toMatchObject({ accepted: true, wave: { number: 2, of: 2, ids: old.waves[1] } });
    expect(machine.view).toMatchObject({ succeeded: 2, inFlight: 5, waiting: 0 });
    expect(machine.drive.lanes[1]).not.toHaveProperty("silent");
  });
});

describe("a rollback that version 0.1 drives", () => {
  it("hears of the end of a drive that it waits for, also of a killed one, and asks the rows itself", () => {
    const { stored, old } = at("rolled-back-while-settling", "beginRollback");
    const { invocationId: forward } = stored.get("forwardDrive") as { invocationId: string };
    const { invocationId: drive, signal } = stored.get("rollbackDrive") as {
      invocationId: string;
      signal: string;
    };
    const machine = new Machine(stored);
    const { rings } = machine.legacy({ type: "abandon", drive: forward, reason: "killed" });
    expect(rings).toEqual([{ bell: signal }]);
    expect(Object.values(machine.drive.lanes).map(({ of }) => of)).toEqual(["rollback"]);
    expect(machine.drive).not.toHaveProperty("late");
    const { reply } = machine.legacy({ type: "listen", drive, signal: "another" });
    expect(reply.scope).toMatchObject({ settled: true });
    expect(sorted(reply.scope?.unrecorded.map(({ id }) => id) ?? [])).toEqual(sorted(leftIn(old)));
  });

  it("hears of what the rows tell of a drive that does not answer", () => {
    const { stored } = at("rolled-back-while-settling", "beginRollback");
    const { signal } = stored.get("rollbackDrive") as { signal: string };
    const machine = new Machine(stored);
    const { rolloutId } = machine.head;
    const { forward } = stored.has("forwardDrive") ? { forward: stored.get("forwardDrive") } : {};
    const { invocationId } = forward as { invocationId: string };
    const silent = [{ invocationId, sinceMs: 1, why: "it is paused" }];
    machine.happen({ type: "silent", rolloutId, silent });
    const results = [{ id: "sen_0003", at: "2/1", is: "succeeded" } as const];
    const { rings } = machine.happen({ type: "found", rolloutId, lane: 1, results });
    expect(rings).toEqual([{ bell: signal }]);
    expect(machine.drive).not.toHaveProperty("late");
  });

  it.for(titled(momentsIn("rolling_back")))(
    "%s: a killed one leaves the rest to another",
    ([, { stored, old }]) => {
      const { invocationId: drive } = stored.get("rollbackDrive") as { invocationId: string };
      const machine = new Machine(stored);
      const { notifications } = machine.legacy({ type: "abandon", drive, reason: "killed" });
      expect(notifications).toMatchObject([
        { kind: "rollback completed", reverted: old.revertedIds.length, interruption: "killed" },
      ]);
      expect(machine.head.state).toBe("cancelled");
      const took = old.succeededIds.filter((id) => !old.revertedIds.includes(id));
      if (stored.has("forwardDrive")) return;
      expect(sorted(machine.drives(rollBack).map(({ id }) => id))).toEqual(sorted([...took, ...leftIn(old)]));
    },
  );

  it("tells the history that what it reverted without a record had taken the image", () => {
    const { stored } = at("killed-then-rolled-back", "beginRollback");
    const { invocationId: drive } = stored.get("rollbackDrive") as { invocationId: string };
    const { history } = new Machine(stored).legacy({ type: "recordReverted", drive, ids: ["sen_0004"] });
    expect(history.flatMap(({ entry }) => entry.outcomes.map(({ outcome }) => outcome))).toEqual([
      "succeeded",
      "reverted",
    ]);
  });
});
