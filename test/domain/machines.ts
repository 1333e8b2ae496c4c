import type { Answer, Decision } from "../../src/domain/answer.ts";
import type { Drive, PartPlan, SentinelResult } from "../../src/domain/drive-state.ts";
import type { Event } from "../../src/domain/event.ts";
import { waitingPart } from "../../src/domain/parts.ts";
import { type Numbers, numbersOf } from "../../src/domain/progress.ts";
import type { Operation, Part, Place, RolloutState, State } from "../../src/domain/state.ts";
import { HEAD_KEY, partKey } from "../../src/domain/state-keys.ts";
import { type View, viewOf } from "../../src/domain/view.ts";
import { carriedOut, decide, type Store } from "./harness.ts";
import { Speaker } from "./speaker.ts";

/** Events, and ready-made states: a fleet of three in two waves, `a` and `b`, `c`. */

export const NOW = 50_000;
export const IMAGE = "sentinel:v2";
export const FLEET: [id: string, from: string][][] = [
  [["a", "sentinel:v1"]],
  [
    ["b", "sentinel:v1"],
    ["c", "sentinel:v0"],
  ],
];

/** @param fleet the waves; each of its parts takes 400 */
export function begin(id = "rollout-1", fleet = FLEET, image = IMAGE): Event & { type: "begin" } {
  const places: { at: Place; sentinels: [string, string][] }[] = fleet.flatMap((wave, i) =>
    Array.from({ length: Math.ceil(wave.length / 400) }, (_, n) => ({
      at: `${i + 1}/${n + 1}`,
      sentinels: wave.slice(n * 400, (n + 1) * 400),
    })),
  );
  const plan = places.map(({ at, sentinels }): PartPlan => {
    return { at, size: sentinels.length, first: sentinels[0]?.[0] ?? "", last: sentinels.at(-1)?.[0] ?? "" };
  });
  const parts = places.map(({ sentinels }) =>
    waitingPart(sentinels.map(([each, from]) => ({ id: each, from }))),
  );
  return {
    type: "begin",
    askedMs: NOW,
    invocationId: id,
    rolloutId: `id of ${id}`,
    image,
    wavePercentages: [1, 100],
    plan,
    parts,
  };
}

export const resume = (invocationId = "resume-1") => ({ type: "resume", invocationId }) as const;
export const cancel = (): Event => ({ type: "cancel" });
export const beginRollback = (invocationId = "rollback-1"): Event & { type: "beginRollback" } => ({
  type: "beginRollback",
  invocationId,
  silent: [],
});
export const pause = (): Event & { type: "pause" } => ({ type: "pause" });
export const retryFailed = (
  asked: Partial<Event & { type: "retryFailed" }> = {},
): Event & { type: "retryFailed" } => ({ type: "retryFailed", invocationId: "retry-1", ...asked });
export const abort = (invocationId = "abort-1"): Event & { type: "abort" } => ({
  type: "abort",
  invocationId,
});
export const interrupt = (invocationId: string): Event => ({
  type: "interrupt",
  invocationId,
  reason: "cancelled in the UI",
});
export const abandon = (invocationId?: string): Event => ({
  type: "abandon",
  ...(invocationId === undefined ? {} : { invocationId }),
  reason: "killed",
});

/** The event by which an operator asks for it. */
export const VERBS: Record<Operation, Event> = {
  Rollout: begin("rollout-2"),
  Resume: resume(),
  Cancel: cancel(),
  RollbackAll: beginRollback("rollback-2"),
  Pause: pause(),
  Abort: abort(),
  RetryFailed: retryFailed(),
};

/** What a sentinel came to, as a lane says it; the speaker knows where it belongs. */
export type Said = Omit<SentinelResult, "at" | "unrecorded">;
export const ready = (id: string): Said => ({ id, is: "succeeded" });
export const failed = (id: string, why = `${id} did not come up`): Said => ({ id, is: "failed", why });
export const skipped = (id: string): Said => ({ id, is: "skipped", why: `${id} is archived` });
export const reverted = (id: string): Said => ({ id, is: "reverted" });
/** Its rollout was stopped before its turn at the sentinel came. */
export const standsDown = (id: string): Said => ({ id, is: "untouched" });
export const missed = (id: string, why = `${id} did not revert`): Said => ({ id, is: "missed", why });

export const gone = (id: string, why = `${id} is archived`): Said => ({ id, is: "gone", why });
export const moved = (id: string, why = `${id} was moved`): Said => ({ id, is: "moved", why });

/** A store, and what happens to it one thing after another. */
export class Play {
  kv: Store = new Map();
  now = NOW;
  /** What the last event came to. */
  last: Decision | undefined;
  readonly speakers: Speaker[] = [];

  /** @param cut so many writes are stored, and nobody hears of it */
  do(event: Event, cut?: number): Decision {
    const outcome = decide(this.kv, event, this.now);
    this.kv = carriedOut(this.kv, outcome.writes, cut);
    this.last = outcome;
    if (cut !== undefined) return outcome;
    for (const ring of outcome.rings) for (const speaker of this.speakers) speaker.hear(ring);
    return outcome;
  }

  /** A lane as it talks to the core; the driver's own for an event that begins a drive. */
  drives(event: Event & { invocationId: string }, window = 500): Speaker {
    const { answer } = this.do(event);
    const speaker = new Speaker(this, event.invocationId, answer.lane ?? 0, answer.rolloutId, window);
    this.speakers.push(speaker);
    return speaker;
  }

  /** The lanes that a driver is told to open. */
  opens({ driver }: Answer): Speaker[] {
    return (driver?.open ?? []).map((lane) => {
      const speaker = new Speaker(this, `lane ${lane}`, lane, this.head.rolloutId);
      this.speakers.push(speaker);
      return speaker;
    });
  }

  /** A rollout of the small fleet whose first wave is open. */
  begun(): Speaker {
    const driver = this.drives(begin());
    driver.open(0);
    return driver;
  }

  /** The same, with the first wave over and the second one open. */
  second(): Speaker {
    const driver = this.begun();
    driver.report([ready("a")]);
    driver.open(1);
    return driver;
  }

  get rollout(): RolloutState | undefined {
    return this.kv.get(HEAD_KEY) as RolloutState | undefined;
  }

  get head(): RolloutState {
    if (this.rollout === undefined) throw new Error("there is no rollout");
    return this.rollout;
  }

  get drive(): Drive | undefined {
    return this.kv.get("drive") as Drive | undefined;
  }

  get phase(): State {
    return this.rollout?.state ?? "idle";
  }

  get numbers(): Numbers {
    return numbersOf(this.head, this.drive);
  }

  get view(): View {
    return viewOf(this.rollout, this.drive);
  }

  part(at: Place): Part {
    return (this.kv.get(partKey(at)) ?? {}) as Part;
  }

  get told(): string[] {
    return (this.last?.notifications ?? []).map(({ kind }) => kind);
  }
}

/** What a play leads to. */
export function played(story: (play: Play) => unknown): Play {
  const play = new Play();
  story(play);
  return play;
}

/** Each phase, and the ways to be in it that make a difference. */
export const MACHINES = {
  idle: () => new Play(),
  "in_progress, not opened": () => played((play) => play.drives(begin())),
  "in_progress, first wave": () => played((play) => play.begun()),
  "in_progress, last wave": () => played((play) => play.second()),
  "in_progress, told to stop": () =>
    played((play) => {
      play.second();
      play.do(interrupt("rollout-1"));
    }),
  "paused, by a failure": () => played((play) => play.begun().report([failed("a")])),
  "paused, by a failure in the last wave": () =>
    played((play) => play.second().report([ready("b"), failed("c")])),
  "paused, by an interruption": () =>
    played((play) => {
      play.drives(begin());
      play.do(interrupt("rollout-1"));
    }),
  "cancelled, settled": () =>
    played((play) => {
      const driver = play.begun();
      play.do(cancel());
      driver.report([ready("a")]);
    }),
  "cancelled, Deploys in flight": () =>
    played((play) => {
      play.second();
      play.do(cancel());
    }),
  completed: () => played((play) => play.second().report([ready("b"), ready("c")])),
  "rolling_back, settled": () =>
    played((play) => {
      play.second().report([failed("b"), ready("c")]);
      play.drives(beginRollback()).open(0);
    }),
  "rolling_back, Deploys in flight": () =>
    played((play) => {
      play.second();
      play.do(cancel());
      play.drives(beginRollback()).open(0);
    }),
} as const satisfies Record<string, () => Play>;
