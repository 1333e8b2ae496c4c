import type { Answer, Decision } from "../../../src/domain/answer.ts";
import type { Direction, Grant, Item, SentinelResult } from "../../../src/domain/drive-state.ts";
import type { Event } from "../../../src/domain/event.ts";
import type { Limits, Place } from "../../../src/domain/state.ts";
import type { Store } from "../harness.ts";

/**
 * Everything that matters of a running system, as one immutable value: the state as it is stored, the invocations that
 * drive, the Deploys in flight, and the rows.
 */
export interface World {
  kv: Store;
  shells: readonly Shell[];
  /** In the order in which they were launched: those of one sentinel run one after another. */
  deploys: readonly Deploy[];
  rows: Readonly<Record<string, Row>>;
  /** How much more of each may happen; what is not in it is unlimited. */
  left: Readonly<Record<Bounded, number>>;
  /** The freeze in spite of which a drive was begun, by its id. */
  overrode: Readonly<Record<string, string>>;
  /** Drives so far: their ids are numbered. */
  drives: number;
  soaking: Soaking;
}

/** What there is beside the state where a rollout soaks. */
export interface Soaking {
  /** So much time (ms) has passed in soaks, and so much of it in that of the present wave. */
  passedMs: number;
  ofWaveMs: number;
  /** So many of the present wave had failed when somebody resumed it. */
  acknowledged: number;
  /** Messages that are to end a soak, by its end, and those that have looked at all and are about to tell. */
  timers: readonly number[];
  ending: readonly number[];
  /** Who came up and broke; and of whom the one that watches has told that. */
  broken: readonly string[];
  told: readonly string[];
  /** Who was noted, with nothing cut short, since somebody went on last. */
  noted: readonly string[];
  /** Messages that have a pause go on to a rollback; and the number of drives there were when each was sent. */
  rollbacks: readonly { rolloutId: string; pausedMs: number; drives: number }[];
}

/** What would make the exploration endless. `torn`: a change is killed alone. `freeze`: an invocation is paused in Restate. `pass`: the time of a Freeze is up. `break`: who came up no longer serves. `regress`, `recover`: likewise, while it is watched; `hint`: that is told though it is nothing new. */
export type Bounded =
  | ("Rollout" | "Resume" | "RollbackAll" | "Pause" | "Abort" | "fail" | "skip" | "miss" | "break")
  | ("RetryFailed" | "Freeze" | "Unfreeze" | "pass")
  | ("regress" | "recover" | "hint")
  | ("kill" | "killLane" | "torn" | "interrupt" | "freeze" | "thaw" | "ask");

/**
 * An invocation that drives, or is a lane of a drive, as src/rollout/drive.ts and lane.ts have it: it holds what it holds
 * and does what it is told.
 */
export interface Shell {
  id: string;
  of: Direction;
  rolloutId: string;
  image: string;
  lane: number;
  /** The driver that opened it; a driver has none. */
  parent?: string;
  seq: number;
  got: number;
  at?: Place;
  unsent: readonly SentinelResult[];
  /** Its bells are numbered. */
  bell: number;
  heard?: { grant?: Grant };
  /** Timers that run: to report what it has gathered, and to report because it was told to. */
  gather?: true;
  again?: true;
  wantsAgain?: true;
  due?: true;
  /** A change that it has asked for, and what it does with the answer. */
  call?: { event: Event; then: "loop" | "report" };
  /** Paused in Restate; the answer to its call waits for it. */
  frozen?: true;
  answer?: Answer;
  opened: readonly number[];
  /** Lanes of whose end it has not heard yet. */
  ended: readonly { lane: number; failed: boolean }[];
  loading?: "runs" | "done";
  /** Cancelled in Restate: once it has heard of it, it tells of it at once, beside any report. */
  cancelled?: "unheard" | "heard";
  interrupts?: Event;
  interrupted?: Answer;
}

export interface Deploy extends Item {
  image: string;
  /** The image of the rollout that it is of. */
  rollout: string;
  reverts: boolean;
  /** It waited for one of an earlier rollout, and its own was stopped meanwhile. */
  standsDown?: true;
  /** Who hears of its result. */
  shell?: string;
}

export interface Row {
  image: string;
  is: "ready" | "failed" | "progressing";
  /** The image that came up last. */
  ran: string;
  /** How many drives there had been when it was written last. */
  at?: number;
}

/** What is explored. */
export interface System {
  /** The sentinels of each part of each wave. */
  waves: string[][][];
  left: Partial<Record<Bounded, number>>;
  window: number;
  /** So many Deploys a lane launches in its life; the lane that drives: so many. */
  life?: { driver: number; lane: number };
  /** The fleet is read in parts, while the rollout runs. */
  loads?: true;
  limits?: Limits;
  /** Each RollbackAll, and each Abort, returns the failed ones, too. */
  includeFailed?: true;
  /** All rollouts are of one image: who serves it is left out of the next, as its row says. */
  sameImage?: true;
}

/** One thing that can happen to a world. */
export interface Step {
  name: string;
  /** What happens by itself as against what operators and faults do. */
  by: "system" | "operator" | "fault";
  to: World;
  event?: Event;
  /** What was decided; absent where the change was cut short. */
  outcome?: Decision;
  torn?: true;
}

export function bellOf({ id, bell }: Shell): string {
  return `${id} bell ${bell}`;
}
