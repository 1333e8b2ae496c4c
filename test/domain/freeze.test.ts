import { describe, expect, it } from "vitest";
import { ALL_KEYS, Book, MissingError } from "../../src/domain/book.ts";
import type { Event } from "../../src/domain/event.ts";
import { FrozenError } from "../../src/domain/freeze.ts";
import { UntilError } from "../../src/domain/freezing.ts";
import { UnreadableError } from "../../src/domain/readable.ts";
import { apply } from "../../src/domain/rollout.ts";
import { FREEZE_KEY } from "../../src/domain/state-keys.ts";
import {
  abort,
  begin,
  beginRollback,
  cancel,
  failed,
  MACHINES,
  NOW,
  Play,
  pause,
  ready,
  resume,
  retryFailed,
} from "./machines.ts";

const UNTIL = { ms: NOW + 10_000, iso: "the end" };
const REASON = "year-end closing";
const freeze = (change: Partial<Event & { type: "freeze" }> = {}): Event => ({
  type: "freeze",
  id: "freeze-1",
  reason: REASON,
  operator: "alice",
  ...change,
});
const unfreeze = (): Event => ({ type: "unfreeze", operator: "bob" });
const ends = (id = "freeze-1"): Event => ({ type: "freezeEnds", id });
const anyway = { overrideFreeze: true, comment: "the fix for the outage" } as const;

/** After two waves, and a third one that is to come. */
const FLEET: [string, string][][] = [[["a", "v1"]], [["b", "v1"]], [["c", "v1"]]];

/** In its first wave. */
function running(change: object = {}): [Play, ReturnType<Play["drives"]>] {
  const play = new Play();
  const driver = play.drives({ ...begin("rollout-1", FLEET), ...change });
  driver.open(0);
  return [play, driver];
}

function frozenWhilePaused(): Play {
  const [play, driver] = running();
  driver.report([failed("a")]);
  play.do(freeze());
  return play;
}

const freezes = (play: Play) => play.last?.freezeNotifications.map(({ kind }) => kind);

describe("while it is frozen", () => {
  it("no rollout begins: the refusal says who, until when, why, and what can be done", () => {
    const play = new Play();
    play.do(freeze({ until: UNTIL }));
    const before = play.kv;
    expect(() => play.do(begin())).toThrow(
      new FrozenError("Rollout", {
        ...{ id: "freeze-1", reason: REASON, by: "alice", sinceMs: NOW, until: UNTIL },
      }),
    );
    expect(() => play.do(begin())).toThrow(
      /^Rollout is frozen: frozen by alice until the end: year-end closing\. Nothing was changed\. .*Unfreeze.*"override_freeze": true with a comment/,
    );
    expect(play.kv).toBe(before);
  });

  it("no rollout begins after another one either, whatever became of that one", () => {
    for (const name of ["completed", "cancelled, settled", "cancelled, Deploys in flight"] as const) {
      const play = MACHINES[name]();
      play.do(freeze());
      expect(() => play.do(begin("rollout-2")), name).toThrow(FrozenError);
      play.do(unfreeze());
      play.do(begin("rollout-2"));
      expect(play.phase, name).toBe("in_progress");
    }
  });

  it("no paused rollout is resumed, and is so once it is unfrozen", () => {
    const play = frozenWhilePaused();
    expect(() => play.do(resume())).toThrow(FrozenError);
    play.do(unfreeze());
    expect(play.phase).toBe("paused");
    play.do(resume());
    expect(play.head).toMatchObject({ state: "in_progress", currentWave: 1 });
  });

  it("an override needs a comment", () => {
    const play = frozenWhilePaused();
    expect(() => play.do({ ...resume(), overrideFreeze: true })).toThrow(FrozenError);
    expect(() => play.do({ ...resume(), comment: "why not" })).toThrow(FrozenError);
    play.do({ ...resume(), ...anyway });
    expect(play.phase).toBe("in_progress");
  });

  it("a running rollout ends its wave, and is paused before the next one", () => {
    const [play, driver] = running();
    play.do(freeze({ until: UNTIL }));
    expect(play.phase).toBe("in_progress");
    driver.report([ready("a")]);
    const pauseReason = "frozen by alice until the end: year-end closing";
    expect(play.head).toMatchObject({ state: "paused", pauseKind: "freeze", pauseReason, currentWave: 0 });
    expect(play.last?.notifications).toMatchObject([
      { kind: "wave completed" },
      { kind: "paused", why: "freeze", reason: pauseReason, resume: { left: 0, failed: 0 } },
    ]);
    play.now = UNTIL.ms;
    const on = play.drives(resume());
    on.open(1);
    on.report([ready("b")]);
    expect(play.head).toMatchObject({ state: "in_progress", currentWave: 2 });
  });

  it("a retry that is to go on ends its wave, and is paused before the next one", () => {
    const [play, driver] = running();
    driver.report([failed("a")]);
    const retry = play.drives(retryFailed({ resume: true }));
    retry.open(0);
    play.do(freeze());
    retry.report([ready("a")]);
    expect(play.told).toEqual(["wave completed", "paused"]);
    expect(play.head).toMatchObject({ state: "paused", pauseKind: "freeze", currentWave: 0 });
    expect(() => play.do(resume())).toThrow(FrozenError);
  });

  it("the last wave completes the rollout: there is nothing to keep from going on", () => {
    const play = new Play();
    const driver = play.second();
    play.do(freeze());
    driver.report([ready("b"), ready("c")]);
    expect(play.phase).toBe("completed");
  });

  it("a failed wave is told as that", () => {
    const [play, driver] = running();
    play.do(freeze());
    driver.report([failed("a")]);
    expect(play.head).toMatchObject({ state: "paused", pauseKind: "failure" });
  });

  it("a rollout that was begun or resumed in spite of it goes on, and a newer freeze stops it", () => {
    const begun = new Play();
    begun.do(freeze());
    const one = begun.drives({ ...begin("rollout-1", FLEET), ...anyway });
    one.open(0);
    one.report([ready("a")]);
    const resumed = frozenWhilePaused();
    const other = resumed.drives({ ...resume(), ...anyway });
    for (const [play, driver] of [
      [begun, one],
      [resumed, other],
    ] as const) {
      driver.open(1);
      expect(play.head).toMatchObject({ state: "in_progress", currentWave: 1 });
      play.do(freeze({ id: "freeze-2", operator: "carol" }));
      driver.report([ready("b")]);
      expect(play.head).toMatchObject({ state: "paused", pauseReason: `frozen by carol: ${REASON}` });
    }
  });

  it("an override of one freeze is none of the next", () => {
    const play = frozenWhilePaused();
    play.drives({ ...resume(), ...anyway }).open(1);
    play.do(pause());
    play.do(freeze({ id: "freeze-2" }));
    expect(play.phase).toBe("in_progress");
    expect(play.last?.answer.view?.message).toContain("it is paused at the end of this wave");
  });

  it("what stops a rollout is never refused, in no state, not even with a freeze that cannot be read", () => {
    const stops = { Pause: pause(), Cancel: cancel(), Abort: abort(), RollbackAll: beginRollback("back-2") };
    for (const [machine, story] of Object.entries(MACHINES)) {
      for (const [verb, event] of Object.entries(stops)) {
        const outcomeOf = (play: Play) => {
          try {
            return play.do(event).notifications.map(({ kind }) => kind);
          } catch (error) {
            return (error as Error).message;
          }
        };
        const expected = outcomeOf(story());
        const play = story();
        play.do(freeze());
        expect(outcomeOf(play), `${verb}, ${machine}`).toEqual(expected);
        const unreadable = story();
        unreadable.do(freeze());
        unreadable.kv = new Map(unreadable.kv).set(FREEZE_KEY, "gone wrong");
        expect(outcomeOf(unreadable), `${verb}, ${machine}, unreadable`).toEqual(expected);
      }
    }
  });
});

describe("the end of a freeze", () => {
  it("comes by itself and exactly, whether or not anybody tells", () => {
    const play = new Play();
    play.do(freeze({ until: UNTIL }));
    expect(play.last?.ends).toEqual({ id: "freeze-1", inMs: 10_000 });
    play.now = UNTIL.ms - 1;
    expect(() => play.do(begin())).toThrow(FrozenError);
    play.now = UNTIL.ms;
    play.do(begin());
    expect(play.phase).toBe("in_progress");
    // The news comes later, and are told all the same.
    play.do(ends());
    expect(freezes(play)).toEqual(["freeze ended"]);
    expect(play.kv.has(FREEZE_KEY)).toBe(false);
    play.do(ends());
    expect(freezes(play)).toEqual([]);
  });

  it("does not come before its time, if somebody's clock is ahead", () => {
    const play = new Play();
    play.do(freeze({ until: UNTIL }));
    play.now = UNTIL.ms - 40;
    play.do(ends());
    expect(freezes(play)).toEqual([]);
    expect(play.last?.ends).toEqual({ id: "freeze-1", inMs: 40 });
    expect(() => play.do(begin())).toThrow(FrozenError);
  });

  it("of an earlier freeze does not end the one that took its place", () => {
    const play = new Play();
    play.do(freeze({ until: UNTIL }));
    play.do(freeze({ id: "freeze-2", until: { ms: UNTIL.ms * 2, iso: "later" } }));
    play.now = UNTIL.ms;
    play.do(ends());
    expect(freezes(play)).toEqual([]);
    expect(play.last?.ends).toBeUndefined();
    expect(() => play.do(begin())).toThrow(/until later/);
  });

  it("is told once, by whoever notices it first", () => {
    for (const event of [ends(), unfreeze()]) {
      const play = new Play();
      play.do(freeze({ until: UNTIL }));
      play.now = UNTIL.ms + 1;
      play.do(event);
      expect(freezes(play)).toEqual(["freeze ended"]);
      play.do(ends());
      expect(freezes(play)).toEqual([]);
    }
    const play = new Play();
    play.do(freeze({ until: UNTIL }));
    play.now = UNTIL.ms + 1;
    play.do(freeze({ id: "freeze-2" }));
    expect(freezes(play)).toEqual(["freeze ended", "frozen"]);
  });

  it("is to lie in the future, and at most a year from now", () => {
    const play = new Play();
    const year = 366 * 24 * 3600 * 1000;
    for (const ms of [NOW, NOW - 1, NOW + year + 1]) {
      expect(() => play.do(freeze({ until: { ms, iso: "then" } }))).toThrow(UntilError);
    }
    expect(play.kv.size).toBe(0);
    play.do(freeze({ until: { ms: NOW + year, iso: "then" } }));
    expect(play.kv.has(FREEZE_KEY)).toBe(true);
  });

  it("Unfreeze tells who; and where nothing is frozen, it changes and tells nothing", () => {
    const play = new Play();
    play.do(freeze());
    play.do(unfreeze());
    expect(play.last?.freezeNotifications).toMatchObject([
      { kind: "unfrozen", by: "bob", freeze: { by: "alice" } },
    ]);
    expect(play.last?.answer.view).toMatchObject({ next: ["Rollout"], message: "No rollout has run yet." });
    expect(play.kv.size).toBe(0);
    play.do(unfreeze());
    expect(play.last).toMatchObject({ answer: { accepted: true }, freezeNotifications: [], writes: [] });
  });
});

describe("a freeze", () => {
  it("is legal in every state, and changes nothing else of the rollout", () => {
    for (const [machine, story] of Object.entries(MACHINES)) {
      const play = story();
      const { rollout } = play;
      play.do(freeze());
      expect(freezes(play), machine).toEqual(["frozen"]);
      expect(play.rollout, machine).toEqual(rollout);
      play.do(unfreeze());
      expect(play.rollout, machine).toEqual(rollout);
    }
  });

  it("outlasts the rollouts: neither a beginning nor a Cancel in its middle clears it", () => {
    const play = new Play();
    play.do(freeze());
    // Its beginning is cut short.
    play.do({ ...begin(), ...anyway }, 1);
    play.do(cancel());
    expect(play.phase).toBe("cancelled");
    expect(() => play.do(begin("rollout-2"))).toThrow(FrozenError);
    play.do({ ...begin("rollout-3"), ...anyway });
    play.do(cancel());
    expect(() => play.do(begin("rollout-4"))).toThrow(FrozenError);
  });

  it("that was cut short as it was stored holds wherever it is told of", () => {
    const whole = new Play();
    whole.begun();
    const { writes } = whole.do(freeze());
    for (let cut = 0; cut <= writes.length; cut++) {
      const [play, driver] = running();
      play.do(freeze(), cut);
      driver.report([ready("a")]);
      expect(play.phase === "paused", `after ${cut} writes`).toBe(play.kv.has(FREEZE_KEY));
    }
  });

  it("that is not there is looked for by no change of a drive that never saw one", () => {
    const [play] = running();
    const loaded = new Map(play.kv).set("plan", undefined).set(ALL_KEYS, []);
    const event = cancel();
    const missing = () => {
      try {
        apply(new Book(loaded), event, NOW);
        return [];
      } catch (error) {
        if (error instanceof MissingError) return error.keys;
        throw error;
      }
    };
    expect(missing()).not.toContain(FREEZE_KEY);
    play.do(freeze());
    for (const [key, value] of play.kv) if (key !== FREEZE_KEY) loaded.set(key, value);
    expect(missing()).toContain(FREEZE_KEY);
  });

  it("that cannot be read is an error for what it may concern, pauses what runs, and is replaced or ended by the verbs", () => {
    const [play, driver] = running();
    play.do(freeze());
    play.kv = new Map(play.kv).set(FREEZE_KEY, { reason: 7 });
    driver.report([ready("a")]);
    expect(play.head).toMatchObject({ state: "paused", pauseKind: "freeze" });
    expect(play.head.pauseReason).toContain("freeze is unreadable: it is not a freeze");
    expect(() => play.do({ ...resume(), ...anyway })).toThrow(UnreadableError);
    play.do(unfreeze());
    expect(freezes(play)).toEqual([]);
    play.do(resume());
    play.kv = new Map(play.kv).set(FREEZE_KEY, "{");
    play.do(freeze());
    expect(freezes(play)).toEqual(["frozen"]);
  });
});

describe("what operators are told", () => {
  const viewAfter = (play: Play, event: Event) => play.do(event).answer.view;

  it("offers Unfreeze in a freeze, and neither Rollout nor Resume; and Freeze while there is something to keep from going on", () => {
    const offers = Object.entries(MACHINES).map(([machine, story]) => {
      const [frozen, not] = [freeze(), unfreeze()].map((event) => viewAfter(story(), event)?.next ?? []);
      expect(frozen, machine).not.toContain("Rollout");
      expect(frozen, machine).not.toContain("Resume");
      expect(frozen?.at(-1), machine).toBe("Unfreeze");
      return [machine, not?.at(-1) === "Freeze"];
    });
    expect(offers.filter(([, offered]) => offered).map(([machine]) => machine)).toEqual(
      Object.keys(MACHINES).filter((machine) => /^(in_progress|paused)/.test(machine)),
    );
  });

  it("says it in one sentence, and what it means for the rollout", () => {
    const said = `Frozen by alice: ${REASON}; `;
    const [play, driver] = running();
    expect(viewAfter(play, freeze())?.message).toContain(`${said}it is paused at the end of this wave.`);
    driver.report([ready("a")]);
    const { message } = viewAfter(play, freeze()) ?? {};
    expect(message).toMatch(
      /While it is frozen, Resume or RetryFailed needs override_freeze and a comment, or Unfreeze first\.$/,
    );
    expect(message?.match(/frozen by alice/gi)).toHaveLength(1);
    play.do({ ...resume(), ...anyway });
    expect(play.last?.answer.view?.message).toContain(`${said}this rollout goes on in spite of it.`);
    expect(viewAfter(new Play(), freeze())?.message).toBe(
      `No rollout has run yet. ${said}a Rollout needs override_freeze and a comment, or Unfreeze first.`,
    );
  });

  it("tells Slack what becomes of the rollout that runs", () => {
    const [play] = running();
    play.do(freeze({ comment: "by the calendar" }));
    const running1 = { wave: 1, waves: 3 };
    expect(play.last?.freezeNotifications).toMatchObject([
      { kind: "frozen", comment: "by the calendar", running: running1 },
    ]);
    const idle = new Play();
    idle.do(freeze());
    expect(idle.last?.freezeNotifications[0]).not.toHaveProperty("running");
  });
});
