import { describe, expect, it } from "vitest";
import { LEGACY_KEYS } from "../../src/domain/legacy.ts";
import { IllegalOperationError, isLegal, LEGAL } from "../../src/domain/legality.ts";
import { NotFailedError } from "../../src/domain/retry-failed.ts";
import type { Operation } from "../../src/domain/state.ts";
import type { View } from "../../src/domain/view.ts";
import { type LegacyReply, type OldRollout, storedAfter } from "../legacy/stories.ts";
import { Machine } from "./legacy-machine.ts";
import { at, begin, leftIn, MOMENTS, momentsIn, resume, sorted, titled, VERBS } from "./legacy-moments.ts";

function expectSameFleet(machine: Machine, old: OldRollout): void {
  const took = new Set([...old.succeededIds, ...old.revertedIds]);
  expect(machine.ids("succeeded", "reverted")).toEqual(sorted([...took]));
  expect(machine.ids("reverted")).toEqual(sorted(old.revertedIds));
  expect(machine.ids("failed")).toEqual(sorted(old.failedIds));
  expect(machine.ids("skipped")).toEqual(sorted(old.skippedIds));
  expect(Object.keys(machine.fleet()).sort()).toEqual(sorted(old.waves.flat()));
}

function expectSum({ total, succeeded, failed, skipped, inFlight, waiting }: View): void {
  expect(succeeded + failed + skipped + inFlight + waiting).toBe(total);
}

/** What the drives of version 0.1 go by; the order of a scope is theirs to choose. */
function known({ accepted, view, wave, scope }: LegacyReply) {
  const byId = (targets: { id: string; image: string }[]) =>
    [...targets].sort((a, b) => a.id.localeCompare(b.id));
  const { state, rolloutId, image, waves, total, failed, skipped } = view;
  // That version offered a rollback also where nothing was left to revert, and had fewer verbs.
  const others = ["RollbackAll", "Pause", "Abort", "RetryFailed", "Freeze"];
  const next = (view.next as string[]).filter((operation) => !others.includes(operation));
  return {
    accepted,
    view: { state, rolloutId, image, wave: view.wave, waves, total, failed, skipped, next },
    wave,
    scope: scope && {
      ...scope,
      recorded: byId(scope.recorded),
      unrecorded: byId(scope.unrecorded),
    },
  };
}

describe("what version 0.1 recorded", () => {
  it("covers each state", () => {
    expect(new Set(MOMENTS.map(({ old }) => old.state))).toEqual(
      new Set(["in_progress", "paused", "cancelled", "rolling_back", "completed"]),
    );
    const beside = MOMENTS.map(({ stored }) => LEGACY_KEYS.filter((key) => stored.has(key)).join());
    expect(beside).toContain("forwardDrive,rollbackDrive,stateSinceMs,historyRevision");
  });

  it.for(titled(MOMENTS))("%s: its drives go on as they would have", ([, { stored, rest, story, after }]) => {
    const machine = new Machine(stored);
    for (const [i, { event, reply }] of rest.entries()) {
      if (reply === undefined) throw new Error("refused by version 0.1");
      const got = machine.legacy(event).reply;
      const then = storedAfter(story, after + i + 1).get("rolloutState") as OldRollout;
      if (event.type === "abandon") expect(got.accepted).toBe(reply.accepted);
      else {
        expect(known(got), event.type).toEqual(known(reply));
        expect(got.view.succeeded).toBe(new Set([...then.succeededIds, ...then.revertedIds]).size);
      }
      if (machine.stored.has("drive")) expectSum(machine.view);
    }
    const last = storedAfter(story, after + rest.length).get("rolloutState") as OldRollout;
    if (!machine.stored.has("drive")) return;
    expectSameFleet(machine, last);
    expect(machine.head.state).toBe(last.state);
    expect([...machine.stored.keys()].filter((key) => LEGACY_KEYS.includes(key as never))).toEqual([]);
    const { forward, rollback, lanes } = machine.drive;
    const drives = [forward, rollback].filter((driver) => driver !== undefined).length;
    expect(Object.keys(lanes)).toHaveLength(drives);
  });

  it.for(titled(MOMENTS))("%s: legal is what it says", ([, { stored, old }]) => {
    for (const [verb, event] of Object.entries(VERBS)) {
      const machine = new Machine(stored);
      const legal = isLegal(verb as Operation, old.state);
      if (!legal) {
        expect(() => machine.happen(event)).toThrow(IllegalOperationError);
        expect(machine.stored).toEqual(stored);
        continue;
      }
      if (verb === "RetryFailed" && old.failedIds.length === 0) {
        expect(() => machine.happen(event)).toThrow(NotFailedError);
        continue;
      }
      expect(machine.happen(event).answer.accepted).toBe(true);
      expectSum(machine.view);
      if (verb !== "Rollout") expectSameFleet(machine, old);
    }
  });

  it.for(MOMENTS)(
    "$name: a change that is cut short anywhere is made whole by the next",
    ({ stored, old }) => {
      for (const verb of LEGAL[old.state]) {
        const whole = new Machine(stored);
        if (verb === "RetryFailed" && old.failedIds.length === 0) continue;
        const writes = whole.happen(VERBS[verb]).writes.length;
        for (let n = 0; n <= writes; n++) {
          const machine = new Machine(stored);
          machine.happen(VERBS[verb], n);
          if (machine.head.state === old.state && "previousImages" in machine.head) {
            machine.happen(VERBS[verb]);
            if (verb !== "Rollout") expectSameFleet(machine, old);
          }
          expect(machine.head.state, `${verb}, after ${n} writes`).toBe(whole.head.state);
        }
      }
    },
  );
});

describe("a Resume of what version 0.1 paused", () => {
  it.for(titled(momentsIn("paused")))("%s: launches what has no result, each once", ([, { stored, old }]) => {
    const machine = new Machine(stored);
    const later = old.waves.slice(old.currentWave + 1).flat();
    const launched = machine.drives(resume).map(({ id }) => id);
    expect(launched).toEqual([...leftIn(old), ...later]);
    // Those of a paused wave that failed stay failed; what follows completes.
    if (machine.head.state === "completed") {
      expect(machine.ids("waiting")).toEqual([]);
    } else {
      expect(machine.head.state).toBe("paused");
    }
    expect(machine.ids("failed")).toEqual(sorted(old.failedIds));
    expect(machine.view.inFlight).toBe(0);
  });
});

describe("a new rollout after one of version 0.1", () => {
  it.for(titled(momentsIn("completed", "cancelled")))(
    "%s: nothing of the old one stays",
    ([, { stored }]) => {
      const machine = new Machine(stored);
      machine.happen(begin);
      expect([...machine.stored.keys()].sort()).toEqual([
        "drive",
        "plan",
        "rolloutState",
        "rolloutState/wave-1/1",
        "tallies",
      ]);
      const { invocationId: drive = "none" } = (stored.get("forwardDrive") ?? {}) as {
        invocationId?: string;
      };
      const late = machine.legacy({ type: "finishWave", drive, results: [{ id: "sen_0001" }] });
      expect(late.reply.accepted).toBe(false);
      expect(machine.view).toMatchObject({
        state: "in_progress",
        total: 1,
        succeeded: 0,
        inFlight: 0,
        waiting: 1,
      });
    },
  );
});

describe("a state of version 0.1 that is not as it should be", () => {
  const { stored } = at("completed", "finishWave");
  const old = stored.get("rolloutState") as object;

  it.for([
    { previousImages: null, waves: [] },
    { previousImages: {}, waves: [] },
    { ...old, waves: [[1]] },
    { ...old, state: "banana" },
    { ...old, failedIds: "sen_0001" },
  ])("%j cannot be read", (value) => {
    const machine = new Machine(new Map([...stored, ["rolloutState", value]]));
    expect(() => machine.happen({ type: "cancel" })).toThrow("rolloutState is unreadable");
  });

  it("has no drive where what is said of it cannot be read", () => {
    const machine = new Machine(new Map([...stored, ["forwardDrive", "hello"]]));
    expect(machine.happen({ type: "abandon", reason: "nobody drives it any more" }).answer.accepted).toBe(
      true,
    );
    expect(machine.head.state).toBe("paused");
  });

  it("is read as it was before there were skips", () => {
    const { skippedIds: _, skipReasons: __, ...before } = old as Record<string, unknown>;
    const machine = new Machine(new Map([...stored, ["rolloutState", before]]));
    expect(machine.happen({ type: "cancel" }).answer.view).toMatchObject({ state: "cancelled", skipped: 0 });
  });
});
