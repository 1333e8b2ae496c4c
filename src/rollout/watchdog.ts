import {
  CancelledError,
  InvocationIdParser,
  type ObjectSharedContext,
  RestatePromise,
  TerminalError,
} from "@restatedev/restate-sdk";
import type { Drive } from "../domain/drive-state.ts";
import type { Silence } from "../domain/event.ts";
import { quietSince } from "../domain/overdue.ts";
import { UnreadableError } from "../domain/readable.ts";
import type { Admin } from "../restate/admin.ts";
import { SCRAPE_HEADER, type WatchRequest } from "../restate/contract.ts";
import { JournalRoom } from "./journal-room.ts";
import { isKept } from "./kept.ts";
import { requestChange } from "./request-change.ts";
import type { RowsOfLaneOptions } from "./rows-of-lane.ts";
import { sendHealthWatch, sendWatchdog, watchOverSoak } from "./sends.ts";
import { type CountBytes, readHead, type Sight } from "./state.ts";
import { inWords, tellSilence } from "./tell-silence.ts";

export interface WatchdogOptions extends RowsOfLaneOptions {
  admin: Admin | undefined;
  countBytes: CountBytes;
}

/** The first wait (ms) between two looks at the drive, and the longest: it has to be short enough for an operator. */
const FIRST_LOOK_MS = 2_000;
const LATER_LOOK_MS = 20_000;
/** The first wait (ms) of a watchdog that takes over: the lanes that it asks to report need their time. */
const TAKEN_OVER_LOOK_MS = 10_000;
/**
 * After this many looks in a row at a state that cannot be read, or a change that is killed, it looks this rarely (ms): it cannot
 * hand over then, and its journal is to last until somebody has repaired the state.
 */
const PATIENT_FAILURES = 30;
const RARE_LOOK_MS = 300_000;
/** A look waits, reads up to three values, asks Restate, and may make two sends and a call. */
const LOOK_ENTRIES = 17;
/** A watchdog that has never seen its drive looks this many times more before it ends. */
const UNSEEN_LOOKS = 2;
/**
 * Without an admin API: a lane that has been silent for QUIET_MS (ms) is asked to report. The interval grows to
 * LONGEST_QUIET_MS (ms).
 */
const QUIET_MS = 15_000;
const LONGEST_QUIET_MS = 300_000;

/**
 * Watches a driving invocation until it has ended, however it did. A killed one runs no code of its own any more, so this
 * is what brings the rollout to a state with a legal way out. It also finds out when the drive does not get on, and lets
 * the rows tell meanwhile what became of the sentinels. Before its journal grows too long another one takes over.
 */
export async function watch(
  ctx: ObjectSharedContext,
  request: WatchRequest,
  options: WatchdogOptions,
): Promise<void> {
  const ended = ctx
    .invocation(InvocationIdParser.fromString(request.invocationId))
    .attach()
    .map((_, failure): { ended?: string } => ({ ended: failure?.message ?? "it ended" }));
  const watchdog = new Watchdog(ctx, request, options);
  let failures = 0;
  for (let n = 0; ; n++) {
    const usual = Math.min(firstLookMs(request) * 1.5 ** n, LATER_LOOK_MS);
    const wait = failures > PATIENT_FAILURES ? RARE_LOOK_MS : usual;
    const tick = ctx.sleep(Math.round(wait), "watch the drive").map((): { ended?: string } => ({}));
    const first = await RestatePromise.race([ended, tick]);
    try {
      if (await watchdog.look(first.ended)) return;
      failures = 0;
    } catch (error) {
      if (!passes(error)) throw error;
      failures++;
      await tick;
    }
  }
}

function firstLookMs({ number = 0 }: WatchRequest): number {
  return number === 0 ? FIRST_LOOK_MS : TAKEN_OVER_LOOK_MS;
}

/** The state was edited, or a change was killed: an operator repairs the state, and the next look asks for the change again. */
function passes(error: unknown): boolean {
  if (error instanceof UnreadableError) return true;
  return error instanceof TerminalError && !(error instanceof CancelledError);
}

class Watchdog {
  readonly #ctx: ObjectSharedContext;
  readonly #invocationId: string;
  /** Of a request of an earlier version it is not known. */
  readonly #rolloutId: string | undefined;
  readonly #number: number;
  readonly #options: WatchdogOptions;
  readonly #room = new JournalRoom();
  #seen = false;
  #unseen = 0;
  #quietMs = QUIET_MS;
  #askedMs: number | undefined;

  constructor(
    ctx: ObjectSharedContext,
    { invocationId, rolloutId, number = 0 }: WatchRequest,
    options: WatchdogOptions,
  ) {
    this.#ctx = ctx;
    this.#invocationId = invocationId;
    this.#rolloutId = rolloutId;
    this.#number = number;
    this.#options = options;
  }

  /**
   * @param ended why the drive has; absent: it has not
   * @returns whether there is nothing more to watch
   * @throws UnreadableError
   */
  async look(ended: string | undefined): Promise<boolean> {
    const [ctx, invocationId] = [this.#ctx, this.#invocationId];
    this.#room.add(LOOK_ENTRIES);
    const count = this.#room.counting(this.#options.countBytes);
    const sight = await readHead(ctx, count);
    const { drive, rollout } = sight;
    const driver = [drive?.forward, drive?.rollback].find((each) => each?.invocationId === invocationId);
    // A look can fall between the writes of the change that sent this watchdog, and see no driver yet: a drive that ended is
    // asked about in a change, which sees all or nothing; a drive that lives is looked for a few times.
    const found = drive !== undefined && driver !== undefined;
    const gone = !found && (this.#seen || (ended === undefined && this.#unseen++ >= UNSEEN_LOOKS));
    // A drive whose rollout was replaced goes on until what is in flight has settled.
    if (gone && !(await isKept(ctx, this.#rolloutId, sight, count))) return true;
    this.#seen ||= found;
    if (ended !== undefined) {
      const reason = `the driving invocation ended before its time (${ended})`;
      // Awaited: the next watchdog of this drive has the same id, and an answer that comes late would be taken for its own.
      const of = this.#rolloutId === undefined ? {} : { rolloutId: this.#rolloutId };
      await requestChange(ctx, "the drive has ended", { type: "abandon", ...of, invocationId, reason });
      return true;
    }
    // Of a replaced rollout no other caller asks for a watchdog, so its number need not be stored.
    const known = driver?.watchdog ?? 0;
    const isFull = this.#room.isFull && (!found || (await this.#isRelieved(drive)));
    if (isFull || known > this.#number) {
      const watchdog = Math.max(known, this.#number + 1);
      sendWatchdog(ctx, { invocationId, watchdog }, { rolloutId: this.#rolloutId });
      return true;
    }
    if (!found) return false;
    const { hasAdmin, silent, nowMs } = await this.#askRestate(invocationsOf(drive));
    watchOverSoak(ctx, rollout, nowMs);
    if (hasAdmin) await tellSilence(ctx, drive, silent, this.#options, this.#room);
    // One of version 0.1 has no bell, and says nothing until it has results.
    else if (driver.legacy === undefined) await this.#listen(drive, nowMs);
    return false;
  }

  /**
   * Stores the number of the next watchdog before it is sent, so that Status and the verbs ask for that one. The number gives it
   * another id than this one has: an answer that is still on its way to this one cannot reach it.
   */
  async #isRelieved({ rolloutId }: Drive): Promise<boolean> {
    const [invocationId, number] = [this.#invocationId, this.#number + 1];
    const event = { type: "relieve", rolloutId, invocationId, number } as const;
    return (await requestChange(this.#ctx, "another watchdog takes over", event)).accepted;
  }

  async #askRestate(ids: string[]): Promise<Looked> {
    const { admin } = this.#options;
    const looked = await this.#ctx.run("look at the drive", async (): Promise<Looked> => {
      const nowMs = Date.now();
      if (admin === undefined) return { hasAdmin: false, nowMs };
      const silent = await admin.silent(ids).catch(() => undefined);
      return { hasAdmin: true, nowMs, ...(silent === undefined ? {} : { silent }) };
    });
    this.#room.add(0, looked);
    return looked;
  }

  /** Without an admin API: a lane that was asked to report, and has not, does not answer. */
  async #listen(drive: Drive, nowMs: number): Promise<void> {
    const lanes = Object.values(drive.lanes);
    if (this.#askedMs !== undefined) {
      const quiet = quietSince(drive, this.#askedMs).map(inWords);
      if (quiet.length > 0 || lanes.some(({ silent }) => silent)) {
        await tellSilence(this.#ctx, drive, quiet, this.#options, this.#room);
      }
    }
    const seenMs = Math.min(...lanes.map((lane) => lane.seenMs ?? nowMs));
    if (nowMs - Math.max(seenMs, this.#askedMs ?? 0) <= this.#quietMs) return;
    await requestChange(this.#ctx, "ask the drive", { type: "ask", rolloutId: drive.rolloutId });
    this.#askedMs = nowMs;
    this.#quietMs = Math.min(this.#quietMs * 2, LONGEST_QUIET_MS);
  }
}

interface Looked {
  /** Whether Restate's admin API is configured where this step ran. */
  hasAdmin: boolean;
  /** Absent: it does not answer. */
  silent?: Silence[];
  nowMs: number;
}

/** The invocations that drive, and their lanes. */
export function invocationsOf(drive: Drive): string[] {
  return Object.values(drive.lanes).flatMap(({ invocationId }) => invocationId ?? []);
}

/**
 * Killing everything in the UI also kills the watchdog. So Status and the verbs start it again, and mend a state that names
 * a driver that is gone. Scrapes change nothing.
 */
export function ensureWatchdog(ctx: ObjectSharedContext, { rollout, drive }: Sight): void {
  if (rollout === undefined || ctx.request().headers.has(SCRAPE_HEADER)) return;
  const drivers = [drive?.forward, drive?.rollback].filter((driver) => driver !== undefined);
  for (const driver of drivers) sendWatchdog(ctx, driver, rollout);
  sendHealthWatch(ctx, rollout);
  if (nobodyDrives({ rollout, drive })) void requestChange(ctx, "nobody drives", NOBODY);
}

export function nobodyDrives({ rollout, drive }: Sight): boolean {
  if (rollout?.state === "in_progress") return drive?.forward === undefined;
  return rollout?.state === "rolling_back" && drive?.rollback === undefined;
}

export const NOBODY = { type: "abandon", reason: "nobody drives it any more" } as const;
