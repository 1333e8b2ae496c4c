/** What is stored of who drives a rollout: lanes, what they hold, and the queue. Times are unix milliseconds. */

import type { Failure, Place } from "./state.ts";

export type Direction = "forward" | "rollback";

/** What a drive does that deploys failed sentinels again; the number of the attempt is that of its lane. */
export interface Retries {
  /** How many it set out to deploy again, how many of them have a result, and how many of these failed again. */
  total: number;
  settled: number;
  failed: number;
  /** Only those that the operator named: they are stored under a key of their own. */
  chosen?: true;
  /** Once none of the wave is failed any more, it goes on as Resume does. */
  resume?: true;
}

/** Who drives: an invocation of Rollout, Resume, RetryFailed, RollbackAll, Abort or OnFailure. It is also a lane of its own drive. */
export interface Driver {
  invocationId: string;
  lane: number;
  startedAtMs: number;
  /** The wave (0-based) that it began with; where it began in a soak, the one after that, from whose beginning its time counts. */
  firstWave: number;
  /** The wave (0-based) that it has opened last: only then its sentinels are launched. */
  openedWave?: number;
  /** Why nothing more is launched: its invocation was cancelled, or a lane was lost. */
  stopping?: string;
  /** Absent: its drive ended before its time. */
  stoppingKind?: "budget" | "operator" | "regression";
  /** The number of the watchdog that watches it. Absent: it is the first one. */
  watchdog?: number;
  /** An operator has asked for the pause, too: nothing follows it by itself. */
  attended?: true;
  /** In their words, where something else had it stop before. */
  asked?: string;
  /** It was begun in spite of this freeze, which stops it between no two waves. */
  overrides?: string;
  /** It deploys failed sentinels again, and no others yet. */
  retries?: Retries;
  /** It is of version 0.1, which launches a whole wave by itself, and hears of a Cancel through this awakeable. */
  legacy?: { signal: string };
}

export interface RollbackDriver extends Driver {
  reverted: number;
  /**
   * Targets that did not revert, how many of them are gone, and how many on another image; and the first few of those that
   * are gone, and of the others.
   */
  missed: number;
  gone: number;
  moved: number;
  skips: Failure[];
  failures: Failure[];
}

/** One lane: an invocation that launches what it is granted, and reports. What it holds is in its book. */
export interface Lane {
  of: Direction;
  invocationId?: string;
  /** Deploys that it has launched and not reported. */
  out: number;
  /** Granted, but it has not said yet that it launched them. */
  launching: number;
  /** The grant left it with many slots free. */
  fills?: true;
  /** It says at once that it has launched its grant. Otherwise it says so with its next results. */
  tells?: true;
  /** Over its whole life. */
  launched: number;
  /** When it reported last. */
  seenMs?: number;
  /** Of its last report, and its last grant. */
  seq: number;
  grants: number;
  /** Results that are in its book and not in the parts yet. */
  succeeded: number;
  failed: number;
  skipped: number;
  reverted: number;
  stays: number;
  /**
   * The same of wave 0, which the rollout's own numbers omit: in flight, granted but not confirmed as launched, and three
   * kinds of results.
   */
  earlierOut: number;
  earlierLaunching: number;
  earlierTook: number;
  earlierReverted: number;
  earlierStays: number;
  /**
   * Counts sentinels that an earlier rollout may have deployed and that have an entry in a wave: forward in flight, forward
   * granted but not confirmed as launched, and results of a rollback. Absent: none.
   */
  againOut?: number;
  againLaunching?: number;
  leftOverReverted?: number;
  leftOverStays?: number;
  /**
   * Counts sentinels of a rollback that are not known to have taken the image: in flight, and granted but not confirmed as
   * launched. Absent: none.
   */
  unrecordedOut?: number;
  unrecordedLaunching?: number;
  /**
   * Counts sentinels that their parts record as failed and that are deployed again: in flight, granted but not confirmed as
   * launched, and results that are not in the parts yet. `leftOver…` counts those of the first two that an earlier rollout
   * deployed. Absent: none.
   */
  retryOut?: number;
  retryLaunching?: number;
  retryDone?: number;
  leftOverOut?: number;
  leftOverLaunching?: number;
  /** Its driver has been told to open it. */
  announced?: true;
  /** It gets nothing more, and ends. */
  over?: true;
  /** Since when it does not answer, and why. */
  silent?: { sinceMs: number; why: string };
}

/** Where the launching stands. */
export interface Queue {
  /** The place whose sentinels are being launched, how many of them there are, and how many were handed out. */
  at: Place;
  length: number;
  next: number;
  /** Of those that failed, and are deployed again: the number of the attempt. */
  retry?: number;
}

/** Who drives, and what is in flight; under the key `drive`. */
export interface Drive {
  rolloutId: string;
  /** Counts what was sent to the history. */
  revision: number;
  forward?: Driver;
  rollback?: RollbackDriver;
  lanes: Record<string, Lane>;
  nextLane: number;
  /** Most Deploys in flight at a time: of the setting as it was when the wave was opened, and of the rollout's own limit. */
  window: number;
  /** A wave that ramps up: so many may be in flight now, and so many have succeeded since that was so. */
  ramp?: { places: number; succeeded: number };
  /** Absent: nothing more is to be launched now. */
  queue?: Queue;
  /** Lanes that have slots free and wait for their turn to launch. */
  hungry: number[];
  /** How many were granted and how many settled in the last moments, the oldest first. Absent: the window alone is pace enough. */
  moments?: { atMs: number; granted: number; settled: number }[];
  /** The lane that reports so that more is launched once the pace allows it, and when that is. Absent: nothing waits for that alone. */
  paced?: { lane: number; untilMs: number };
  /** Since when a result waits for its record, and the lane that sees to it. */
  pending?: { sinceMs: number; lane: number };
  /**
   * Sentinels that a rollback has still to take up because their Deploy settled late: the first chunk of them, how many of
   * it were handed out, and how many chunks there have been.
   */
  late?: { chunk: number; next: number; chunks: number };
  /** Awakeable of a Cancel that waits until nothing more is on its way. */
  fence?: string;
  /**
   * It was cancelled with Deploys in flight, and Slack is told once they have settled. Counts those whose results will not
   * come.
   */
  settles?: number;
  /** A lane went with Deploys in flight: only the rows tell whether its sentinels without a result took the image. */
  lost?: true;
  /**
   * Set where a freeze may exist; changes then read its key. A drive without it never saw a freeze, and its changes do not
   * read the key, so changes that an earlier version began are replayed unchanged.
   */
  mayBeFrozen?: true;
  /**
   * It is unknown of some sentinels whether an earlier rollout of the image deployed them, and a rollback has not looked at
   * them yet.
   */
  again?: true;
}

/** What a lane is to launch. `n` counts the grants of a lane. */
export interface Grant {
  n: number;
  /** When it was made: an old one is not launched without a question. */
  atMs: number;
  /** In a rollout: the image for all of them. */
  image?: string;
  /** It is to be told at once that these are launched. */
  confirm: boolean;
  items: Item[];
}

export interface Item {
  id: string;
  at: Place;
  /** The image to return to, in a rollback. */
  from?: string;
  /** In a rollback: it is unknown whether it took the image; its row tells. */
  unrecorded?: true;
  /** An earlier rollout of the image may have deployed it. In a rollback: it failed or was skipped in its wave. */
  earlier?: true;
  /** Its part has it as failed. In a rollback: a retry of it has no result. */
  retry?: true;
}

/**
 * What became of one sentinel. In a rollback: `missed` did not revert, `gone` is archived, on standby or deleted, `moved` is on
 * another image since, `untouched` never took the image; `failed` did not either, and had no record.
 */
export interface SentinelResult {
  id: string;
  at: Place;
  is: "succeeded" | "failed" | "skipped" | "reverted" | "missed" | "gone" | "moved" | "untouched";
  why?: string;
  /** How long its Deploy took, where that is known. */
  durationMs?: number;
  /** What its cluster's admission has made of the image. */
  rewrittenTo?: string;
  /** It failed because its cluster did not answer. */
  away?: true;
  /** It was not known to have taken the image, and has, as its row or its Deployment tells. */
  unrecorded?: true;
  /** In a rollback: as its item has it. */
  earlier?: true;
  /** As its item has it. */
  retry?: true;
}

/** What a lane holds; under the key `lane/<n>`. */
export interface LaneBook {
  seq: number;
  out: Item[];
  /** The last grant, until the lane has said that it launched it. */
  grant?: Grant;
  /** Results that are not in the parts yet. */
  done: SentinelResult[];
  /** Awakeable id by which it hears of something new; used once. */
  bell?: string;
  rung?: string;
}

/** The fleet of a rollout before it is read: what belongs into each part. */
export interface PartPlan {
  at: Place;
  size: number;
  /** The ids of the first and the last of its sentinels. */
  first: string;
  last: string;
}
