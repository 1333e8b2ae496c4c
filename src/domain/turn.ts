import type { Book, Write } from "./book.ts";
import { hasBegun } from "./counts.ts";
import type { Drive, Driver, Grant, Lane, LaneBook, RollbackDriver } from "./drive-state.ts";
import type { FreezeNotification } from "./freeze-notification.ts";
import type { HistoryEntry, OutcomeRecord } from "./history-entry.ts";
import { legacyRollout, migrate } from "./legacy.ts";
import type { Notification } from "./notification.ts";
import { readable } from "./readable.ts";
import type { Failure, RolloutState } from "./state.ts";
import { DRIVE_KEY, HEAD_KEY, laneKey, TALLIES_KEY } from "./state-keys.ts";
import type { Tallies } from "./tally.ts";

/** What a lane hears through its bell: its next grant, or only that there is something to ask for. */
export interface Ring {
  bell: string;
  grant?: Grant;
}

/** A rollback that an earlier version began has only its first fields. */
function copyOfRollback(rollback: RollbackDriver): RollbackDriver {
  const {
    gone = 0,
    moved = 0,
    skips = [],
    failures,
  } = rollback as Partial<RollbackDriver> & { failures: Failure[] };
  return { ...rollback, gone, moved, skips: [...skips], failures: [...failures] };
}

function copyOfForward(forward: Driver): Driver {
  const { retries } = forward;
  return { ...forward, ...(retries === undefined ? {} : { retries: { ...retries } }) };
}

/** A decision changes its own copy: what was read stays as it was, should it have to be made again. */
function copyOf(drive: Drive | undefined): Drive | undefined {
  if (drive === undefined) return undefined;
  const { forward, rollback, queue, late, pending } = drive;
  const lanes = Object.entries(drive.lanes).map(([n, lane]): [string, Lane] => [n, { ...lane }]);
  return {
    ...drive,
    ...(forward === undefined ? {} : { forward: copyOfForward(forward) }),
    ...(rollback === undefined ? {} : { rollback: copyOfRollback(rollback) }),
    ...(queue === undefined ? {} : { queue: { ...queue } }),
    ...(late === undefined ? {} : { late: { ...late } }),
    ...(pending === undefined ? {} : { pending: { ...pending } }),
    lanes: Object.fromEntries(lanes),
    hungry: [...drive.hungry],
  };
}

/** One decision in the making: what it goes by, what it changes, and whom it tells. */
export class Turn {
  readonly book: Book;
  readonly nowMs: number;
  /** Absent before the first rollout. */
  rollout: RolloutState | undefined;
  /** Absent where there is none of this rollout. */
  drive: Drive | undefined;
  /** The rollout has had a drive; one whose beginning was cut short has had none. (Somebody may have cleared its key since.) */
  readonly begun: boolean;
  readonly notifications: Notification[] = [];
  readonly rings: Ring[] = [];
  readonly freezeNotifications: FreezeNotification[] = [];
  /** A freeze that is to end by itself. */
  ends: { id: string; inMs: number } | undefined;
  /** What the history is told of sentinels. */
  readonly outcomes: OutcomeRecord[] = [];
  /** And of a rollout that another one has taken the place of. */
  readonly others: { entry: HistoryEntry; revision: number }[] = [];
  /** A soak that is to end by itself. */
  soaks: { untilMs: number; inMs: number } | undefined;
  /** It has paused, and is to be rolled back by itself. */
  rollsBack: { pausedMs: number } | undefined;
  /** The invocation of a drive that has just begun. */
  watch: string | undefined;
  /** What is stored before anything else of the change; until the rest is, it counts for nothing. */
  readonly first: Write[] = [];
  /** What the lane that reports is granted. */
  grant: Grant | undefined;
  /** It has slots free that are not worth a grant yet. */
  askAgain = false;

  /** @throws UnreadableError */
  constructor(book: Book, nowMs: number) {
    this.book = book;
    this.nowMs = nowMs;
    const legacy = legacyRollout(book.get<unknown>(HEAD_KEY));
    if (legacy !== undefined) migrate(book, legacy);
    const rollout = readable(book.get<unknown>(HEAD_KEY));
    const drive = book.get<Drive>(DRIVE_KEY);
    this.rollout = rollout;
    // A decision that was cut short may have left the drive of another rollout.
    this.drive = drive?.rolloutId === rollout?.rolloutId ? copyOf(drive) : undefined;
    this.begun = this.drive !== undefined || (rollout !== undefined && hasBegun(rollout));
  }

  /** @throws Error when there is no drive: nothing that needs one comes here then */
  driving(): { rollout: RolloutState; drive: Drive } {
    const { rollout, drive } = this;
    if (rollout === undefined || drive === undefined) throw new Error("nobody drives");
    return { rollout, drive };
  }

  lane(lane: number | string): Lane | undefined {
    return this.drive?.lanes[lane];
  }

  /** A grant that the drive does not know of was never made: what made it was cut short. */
  laneBook(lane: number | string): LaneBook {
    const { grant, ...book } = this.book.get<LaneBook>(laneKey(lane)) ?? { seq: 0, out: [], done: [] };
    const made = grant !== undefined && grant.n <= (this.lane(lane)?.grants ?? 0);
    return made ? { ...book, grant } : book;
  }

  setLaneBook(lane: number | string, book: LaneBook): void {
    this.book.set(laneKey(lane), book);
  }

  tallies(): Tallies {
    return this.book.get<Tallies>(TALLIES_KEY) ?? {};
  }

  /** Changes the rollout; the moment is kept in which its state, or its wave, became what it is. */
  become(change: Partial<RolloutState>): void {
    const { rollout } = this.driving();
    const next = { ...rollout, ...change };
    const entered = next.state !== rollout.state || next.currentWave !== rollout.currentWave;
    this.rollout = entered ? { ...next, sinceMs: this.nowMs } : next;
  }

  /** It is no longer paused, if it was. */
  unpause(state: RolloutState["state"], change: Partial<RolloutState> = {}): void {
    this.become({ ...change, state, pauseReason: "" });
    const { pauseKind: _, rollsBack: __, ...rollout } = this.driving().rollout;
    this.rollout = rollout;
    if (state !== "in_progress") this.soak({});
  }

  /** The wave soaks until `soakUntilMs`, or `soakLeftMs` of its soak is left; neither: it has not begun to soak. */
  soak(soak: Pick<RolloutState, "soakUntilMs" | "soakLeftMs">): void {
    const { soakUntilMs: _, soakLeftMs: __, ...rollout } = this.driving().rollout;
    this.rollout = { ...rollout, ...soak };
  }

  /** Whether a rollback that begins returns those that failed, too. */
  revertsFailed(includeFailed: boolean): void {
    const { revertsFailed: _, ...rollout } = this.driving().rollout;
    this.rollout = includeFailed ? { ...rollout, revertsFailed: true } : rollout;
  }

  /** What the head counts beside its waves. */
  count(beside: Pick<RolloutState, "stay" | "stayFailed" | "takenOver" | "retried">): void {
    const { stay: _, takenOver: __, retried: ___, stayFailed: ____, ...head } = this.driving().rollout;
    this.rollout = { ...head, ...beside };
  }

  /** Has a lane ask for what is new, or take its grant. False: it is not waiting. */
  ring(lane: number | string, grant?: Grant): boolean {
    const book = this.laneBook(lane);
    const { bell, ...rest } = book;
    if (bell === undefined) return false;
    this.setLaneBook(lane, { ...rest, rung: bell, ...(grant === undefined ? {} : { grant }) });
    this.rings.push({ bell, ...(grant === undefined ? {} : { grant }) });
    return true;
  }

  /** A drive of version 0.1 has something new to look at. */
  ringLegacy({ legacy }: Driver): void {
    if (legacy === undefined || this.rings.some(({ bell }) => bell === legacy.signal)) return;
    this.rings.push({ bell: legacy.signal });
  }
}
