import { describe, expect, it } from "vitest";
import type { Outcome } from "../../src/domain/answer.ts";
import { ALL_KEYS, Book, MissingError, type Write } from "../../src/domain/book.ts";
import type { Drive, Item } from "../../src/domain/drive-state.ts";
import type { Event, Report } from "../../src/domain/event.ts";
import { LEGACY_KEYS } from "../../src/domain/legacy.ts";
import { legacyEvent } from "../../src/domain/legacy-drive.ts";
import type { LegacyEvent } from "../../src/domain/legacy-report.ts";
import { IllegalOperationError, LEGAL } from "../../src/domain/legality.ts";
import { NotFailedError } from "../../src/domain/retry-failed.ts";
import { apply } from "../../src/domain/rollout.ts";
import type { Operation, Part, RolloutState } from "../../src/domain/state.ts";
import { type View, viewOf } from "../../src/domain/view.ts";
import { type LegacyReply, type OldRollout, STORIES, type Story, storedAfter } from "../legacy/stories.ts";

/** What version 0.1 stored, under the decisions of this one. */
class Machine {
  readonly stored: Map<string, unknown>;
  nowMs = 1_800_000_000_000;

  constructor(stored: Map<string, unknown>) {
    this.stored = structuredClone(stored);
  }

  decide(event: Event): Outcome {
    const loaded = new Map<string, unknown>();
    this.nowMs += 2_000;
    for (;;) {
      try {
        return structuredClone(apply(new Book(loaded), event, this.nowMs));
      } catch (error) {
        if (!(error instanceof MissingError)) throw error;
        for (const key of error.keys) {
          const value = key === ALL_KEYS ? [...this.stored.keys()] : (this.stored.get(key) ?? null);
          loaded.set(key, structuredClone(value));
        }
      }
    }
  }

  /** @param writes which of them are carried out; all unless the decision is cut short */
  happen(event: Event, writes = Infinity): Outcome {
    const outcome = this.decide(event);
    for (const write of outcome.writes.slice(0, writes)) this.#carryOut(write);
    return outcome;
  }

  /** What a handler of version 0.1 is answered. */
  legacy(event: LegacyEvent): Outcome & { reply: LegacyReply } {
    const translated = legacyEvent(event);
    if (translated === undefined) throw new Error(`${event.type} is refused`);
    const outcome = this.happen(translated);
    const { accepted, view, legacy } = outcome.answer;
    return { ...outcome, reply: { accepted, view, ...legacy } as unknown as LegacyReply };
  }

  #carryOut(write: Write): void {
    if ("clear" in write) this.stored.delete(write.key);
    else this.stored.set(write.key, write.value);
  }

  get head(): RolloutState {
    return this.stored.get("rolloutState") as RolloutState;
  }

  get drive(): Drive {
    return this.stored.get("drive") as Drive;
  }

  get view(): View {
    return viewOf(this.head, this.drive);
  }

  fleet(): Part {
    const keys = [...this.stored.keys()].filter((key) => key.startsWith("rolloutState/")).sort();
    return Object.assign({}, ...keys.map((key) => this.stored.get(key)));
  }

  /** Ids by what they are. */
  ids(...is: string[]): string[] {
    return Object.entries(this.fleet())
      .filter(([, entry]) => is.includes(entry.is))
      .map(([id]) => id)
      .sort();
  }

  /** A drive of this version, all of whose Deploys come up at once; returns what it launched, in order. */
  drives(opening: Event & { type: "resume" | "beginRollback" }, meanwhile: LegacyEvent[] = []): Item[] {
    const { answer } = this.happen(opening);
    const { invocationId } = opening;
    const [back, lane = 0] = [opening.type === "beginRollback", answer.lane];
    const launched: Item[] = [];
    let { driver } = answer;
    let opens: Report["opens"] = back ? { wave: 0, window: 5 } : undefined;
    let got = 0;
    let results: Report["results"] = [];
    for (let seq = 1; driver?.done !== true; seq++) {
      if (seq > 100) throw new Error("it does not come to an end");
      if (driver?.wave !== undefined) opens = { wave: driver.wave.number - 1, window: 5 };
      if (opens === undefined && results.length === 0) {
        const [next] = meanwhile.splice(0, 1);
        if (next !== undefined) this.legacy(next);
      }
      const rolloutId = this.head.rolloutId;
      const report: Report = { type: "report", rolloutId, lane, seq, got, results, invocationId, due: true };
      const told = this.happen({ ...report, ...(opens === undefined ? {} : { opens }) }).answer;
      [results, opens, driver] = [[], undefined, told.driver];
      if (told.grant === undefined || told.grant.n <= got) continue;
      got = told.grant.n;
      launched.push(...told.grant.items);
      results = told.grant.items.map((item) => ({ ...item, is: back ? "reverted" : "succeeded" }));
    }
    return launched;
  }
}

/** A moment at which the versions change: so many of a story's transitions were made by version 0.1. */
interface Moment {
  name: string;
  story: Story;
  after: number;
  stored: Map<string, unknown>;
  old: OldRollout;
  /** What its drives go on to say, until there is a new drive. */
  rest: Story["transitions"];
}

const OPENINGS = ["begin", "resume", "beginRollback"];
const MOMENTS: Moment[] = [...STORIES].flatMap(([title, story]) =>
  story.transitions.map(({ event }, i): Moment => {
    const stored = storedAfter(story, i + 1);
    const rest = story.transitions.slice(i + 1);
    const end = rest.findIndex((each) => OPENINGS.includes(each.event.type));
    return {
      name: `${title}, after ${i + 1} (${event.type})`,
      story,
      after: i + 1,
      stored,
      old: stored.get("rolloutState") as OldRollout,
      rest: end < 0 ? rest : rest.slice(0, end),
    };
  }),
);

function momentsIn(...phases: string[]): Moment[] {
  return MOMENTS.filter(({ old }) => phases.includes(old.state));
}

function titled(moments: Moment[]): [string, Moment][] {
  return moments.map((moment) => [moment.name, moment]);
}

function at(title: string, what: string): Moment {
  const found = MOMENTS.find(({ name }) => name.startsWith(title) && name.endsWith(`(${what})`));
  if (found === undefined) throw new Error(`no such moment: ${title}, ${what}`);
  return found;
}

const resume: Event & { type: "resume" } = { type: "resume", invocationId: "inv_new" };
const rollBack: Event & { type: "beginRollback" } = {
  type: "beginRollback",
  invocationId: "inv_new",
  silent: [],
};
const begin: Event = {
  type: "begin",
  askedMs: 1_800_000_000_000,
  invocationId: "inv_new",
  rolloutId: "another",
  image: "sentinel:v9",
  wavePercentages: [100],
  plan: [{ at: "1/1", size: 1, first: "sen_0001", last: "sen_0001" }],
  parts: [{ sen_0001: { from: "sentinel:v8", is: "waiting" } }],
};
const VERBS: Record<Operation, Event> = {
  Rollout: begin,
  Resume: resume,
  Cancel: { type: "cancel" },
  RollbackAll: rollBack,
  Pause: { type: "pause" },
  Abort: { type: "abort", invocationId: "inv_abort" },
  RetryFailed: { type: "retryFailed", invocationId: "inv_retry" },
};

function sorted(ids: readonly string[]): string[] {
  return [...ids].sort();
}

/** Those of the current wave without a result, in version 0.1. */
function leftIn({
  waves,
  currentWave,
  succeededIds,
  failedIds,
  skippedIds,
  revertedIds,
}: OldRollout): string[] {
  const known = [...succeededIds, ...failedIds, ...skippedIds, ...revertedIds];
  return (waves[currentWave] ?? []).filter((id) => !known.includes(id));
}

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
      const legal = LEGAL[old.state].includes(verb as Operation);
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
