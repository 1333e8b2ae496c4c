import { describe, expect, it } from "vitest";
import type { Event } from "../../src/domain/event.ts";
import { GuardError, guardLine, type Seen, UnnamedError } from "../../src/domain/guard.ts";
import { IllegalOperationError, isLegal } from "../../src/domain/legality.ts";
import { slackMessage } from "../../src/domain/messages.ts";
import type { Operation } from "../../src/domain/state.ts";
import { begin, beginRollback, cancel, failed, MACHINES, Play, played, resume, VERBS } from "./machines.ts";

const VERB_NAMES = ["Resume", "Cancel", "RollbackAll", "Pause", "Abort", "RetryFailed"] as const;
const R1 = "id of rollout-1";
/** Paused in the second of its two waves: every verb is legal but Rollout. */
const paused = () => MACHINES["paused, by a failure in the last wave"]();

const guarded = (verb: Operation, seen: Seen): Event => ({ ...VERBS[verb], seen }) as Event;

/** What it says; nothing is changed. */
function refusal(play: Play, event: Event): Error {
  const before = new Map(play.kv);
  try {
    play.do(event);
  } catch (error) {
    expect(play.kv).toEqual(before);
    return error as Error;
  }
  throw new Error("it was taken");
}

describe.each(VERB_NAMES)("a guarded %s", (verb) => {
  it.each<[string, Seen]>([
    ["the rollout and its wave", { rolloutId: R1, wave: 2 }],
    ["the rollout", { rolloutId: R1 }],
    ["the wave", { wave: 2 }],
  ])("that names %s of now does what it does without a guard", (_, seen) => {
    const [play, other] = [paused(), paused()];
    expect(play.do(guarded(verb, seen))).toEqual(other.do(VERBS[verb]));
    expect(play.kv).toEqual(other.kv);
  });

  it.each<[string, Seen, string]>([
    ["another wave", { rolloutId: R1, wave: 1 }, "You saw wave 1 of rollout id of rollout-1; it is wave 2. "],
    ["another wave alone", { wave: 3 }, "You saw wave 3 of rollout id of rollout-1; it is wave 2. "],
    [
      "another rollout",
      { rolloutId: "r0", wave: 2 },
      "You saw wave 2 of rollout r0; it is wave 2 of rollout id of rollout-1. ",
    ],
    [
      "another rollout alone",
      { rolloutId: "r0" },
      "You saw rollout r0; it is wave 2 of rollout id of rollout-1. ",
    ],
  ])("that names %s changes nothing, and says what is there", (_, seen, said) => {
    const error = refusal(paused(), guarded(verb, seen));
    expect(error).toBeInstanceOf(GuardError);
    expect(error.message).toBe(`${said}${verb} changed nothing: look at Status before you decide again.`);
  });

  it.each<[Seen, string]>([
    [{ rolloutId: R1, wave: 2 }, "You saw wave 2 of rollout id of rollout-1; there is no rollout. "],
    [{ rolloutId: R1 }, "You saw rollout id of rollout-1; there is no rollout. "],
    [{ wave: 2 }, "You saw wave 2; there is no rollout. "],
  ])("where there is no rollout says so: %j", (seen, said) => {
    const error = refusal(new Play(), guarded(verb, seen));
    expect(error).toBeInstanceOf(GuardError);
    expect(error.message.startsWith(said)).toBe(true);
  });

  it.each(Object.entries(MACHINES))(
    "while %s: stale, it is told that first; else what is legal",
    (_, machine) => {
      const play = machine();
      expect(refusal(play, guarded(verb, { rolloutId: "r0" }))).toBeInstanceOf(GuardError);
      if (play.rollout === undefined || isLegal(verb, play.phase)) return;
      const now = { rolloutId: R1, wave: play.head.currentWave + 1 };
      expect(refusal(play, guarded(verb, now))).toBeInstanceOf(IllegalOperationError);
    },
  );

  it("that must name its rollout does, or is told what to send; what is not legal is told before", () => {
    const strict = (seen?: Seen) =>
      ({ ...VERBS[verb], mustName: true, ...(seen === undefined ? {} : { seen }) }) as Event;
    for (const seen of [undefined, { wave: 2 }]) {
      const error = refusal(paused(), strict(seen));
      expect(error).toBeInstanceOf(UnnamedError);
      expect(error.message).toMatch(new RegExp(`^${verb} must name the rollout .*send rollout_id`));
    }
    expect(paused().do(strict({ rolloutId: R1 })).answer.accepted).toBe(true);
    expect(refusal(MACHINES.completed(), strict())).toSatisfy(
      (error) => verb === "RollbackAll" || error instanceof IllegalOperationError,
    );
  });
});

describe("a verb that comes late", () => {
  const first = { rolloutId: R1, wave: 1 };

  it("twice: of two Resumes one goes on, and the other finds the next wave", () => {
    const play = played((each) => each.begun().report([failed("a")]));
    play.do({ ...resume("resume-1"), seen: first });
    expect(play.head.currentWave).toBe(1);
    const error = refusal(play, { ...resume("resume-2"), seen: first });
    expect(error.message).toContain("You saw wave 1 of rollout id of rollout-1; it is wave 2.");
  });

  it("does not go on with a later pause of the same rollout", () => {
    const play = played((each) => each.begun().report([failed("a")]));
    const driver = play.drives(resume());
    driver.open(1);
    driver.report([failed("b"), failed("c")]);
    expect(play.phase).toBe("paused");
    expect(refusal(play, { ...resume("resume-2"), seen: first })).toBeInstanceOf(GuardError);
    expect(play.do({ ...resume("resume-3"), seen: { ...first, wave: 2 } }).answer.accepted).toBe(true);
  });

  it("neither cancels nor reverts nor resumes a later rollout", () => {
    const play = played((each) => each.begun().report([failed("a")]));
    play.do({ ...cancel(), seen: first } as Event);
    const driver = play.drives(begin("rollout-2"));
    driver.open(0);
    expect(refusal(play, { ...cancel(), seen: first } as Event)).toBeInstanceOf(GuardError);
    driver.report([failed("a")]);
    expect(play.phase).toBe("paused");
    for (const event of [resume(), cancel(), beginRollback()]) {
      expect(refusal(play, { ...event, seen: first } as Event)).toBeInstanceOf(GuardError);
    }
  });
});

describe("the line to paste", () => {
  it("is the body that guards a verb", () => {
    expect(guardLine({ rolloutId: R1, wave: 2 })).toBe('{"rollout_id":"id of rollout-1","wave":2}');
  });

  it("is in Slack's message of a pause", () => {
    const [notification] = paused().last?.notifications ?? [];
    if (notification?.kind !== "paused") throw new Error("it is not paused");
    const { text } = slackMessage(notification);
    expect(text).toContain('To act on this pause alone, send `{"rollout_id":"id of rollout-1","wave":2}`.');
  });
});

describe.each(VERB_NAMES)("a %s without a guard", (verb) => {
  const whenFound = (found: string, mustName?: true): Event =>
    ({ ...VERBS[verb], found, ...(mustName === undefined ? {} : { mustName }) }) as Event;

  it("is about the rollout that it found when it came, and no later one", () => {
    const error = refusal(paused(), whenFound("r0"));
    expect(error).toBeInstanceOf(GuardError);
    expect(error.message).toBe(
      `It came while there was rollout r0; it is wave 2 of rollout id of rollout-1. ${verb} changed nothing: look at Status before you decide again.`,
    );
    const [play, other] = [paused(), paused()];
    expect(play.do(whenFound(R1))).toEqual(other.do(VERBS[verb]));
  });

  it("does not name its rollout by that", () => {
    expect(refusal(paused(), whenFound(R1, true))).toBeInstanceOf(UnnamedError);
  });
});
