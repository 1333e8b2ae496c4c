import { InvocationIdParser, type ObjectSharedContext, RestatePromise } from "@restatedev/restate-sdk";
import type { Drive } from "../domain/drive-state.ts";
import type { Silence } from "../domain/event.ts";
import { formerKey } from "../domain/former.ts";
import type { RolloutState } from "../domain/state.ts";
import type { Admin } from "../restate/admin.ts";
import { SCRAPE_HEADER, type WatchRequest } from "../restate/contract.ts";
import { requestChange } from "./request-change.ts";
import { type RowsOfLaneOptions, rowsOfLane } from "./rows-of-lane.ts";
import { sendEndSoak, sendHealthWatch, sendWatchdog } from "./sends.ts";
import { type CountBytes, load, readHead, type Sight } from "./state.ts";

export interface WatchdogOptions extends RowsOfLaneOptions {
  admin: Admin | undefined;
  countBytes: CountBytes;
}

/** The first wait (ms) between two looks at the drive, and the longest: it has to be short enough for an operator. */
const FIRST_LOOK_MS = 2_000;
const LATER_LOOK_MS = 20_000;
const LAST_LOOK_MS = 60_000;
/** After this many looks the looks become rare. */
const RARE_AFTER = 180;
/** A watchdog ends after this many looks, so that its journal does not grow. The next call of Status or a verb sends another. */
const LOOKS = 800;
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
 * the rows tell meanwhile what became of the sentinels.
 */
export async function watch(
  ctx: ObjectSharedContext,
  { invocationId, rolloutId: watched }: WatchRequest,
  options: WatchdogOptions,
): Promise<void> {
  const ended = ctx
    .invocation(InvocationIdParser.fromString(invocationId))
    .attach()
    .map((_, failure): { ended?: string } => ({ ended: failure?.message ?? "it ended" }));
  let quietMs = QUIET_MS;
  let askedMs: number | undefined;
  let seen = false;
  for (let n = 0; n < LOOKS; n++) {
    const wait = n > RARE_AFTER ? LAST_LOOK_MS : Math.min(FIRST_LOOK_MS * 1.5 ** n, LATER_LOOK_MS);
    const tick = ctx.sleep(Math.round(wait), "watch the drive").map((): { ended?: string } => ({}));
    const first = await RestatePromise.race([ended, tick]);
    const { drive, rollout } = await readHead(ctx, options.countBytes);
    const driver = [drive?.forward, drive?.rollback].find((each) => each?.invocationId === invocationId);
    // A look can fall between the writes of the change that sent this watchdog, and see no driver yet: a drive that ended is
    // asked about in a change, which sees all or nothing; a drive that lives is looked for a few times.
    const found = drive !== undefined && driver !== undefined;
    const gone = !found && (seen || (first.ended === undefined && n >= UNSEEN_LOOKS));
    // A drive whose rollout was replaced goes on until what is in flight has settled.
    if (gone && !(await isKept(ctx, watched, { rollout, drive }, options.countBytes))) return;
    seen ||= found;
    if (first.ended !== undefined) {
      const reason = `the driving invocation ended before its time (${first.ended})`;
      // Awaited: the next watchdog of this drive has the same id, and an answer that comes late would be taken for its own.
      const of = watched === undefined ? {} : { rolloutId: watched };
      await requestChange(ctx, "the drive has ended", { type: "abandon", ...of, invocationId, reason });
      return;
    }
    if (!found) continue;
    const { rolloutId } = drive;
    const { hasAdmin, silent, nowMs } = await askRestate(ctx, invocationsOf(drive), options.admin);
    watchOverSoak(ctx, rollout, nowMs);
    if (hasAdmin) {
      await tellSilence(ctx, drive, silent, options);
      continue;
    }
    // One of version 0.1 has no bell, and says nothing until it has results.
    if (driver.legacy !== undefined) continue;
    const quiet = askedMs === undefined ? [] : quietSince(drive, askedMs);
    if (quiet.length > 0 || Object.values(drive.lanes).some(({ silent: known }) => known)) {
      await tellSilence(ctx, drive, quiet, options);
    }
    const seenMs = Math.min(...Object.values(drive.lanes).map((lane) => lane.seenMs ?? nowMs));
    if (nowMs - Math.max(seenMs, askedMs ?? 0) > quietMs) {
      await requestChange(ctx, "ask the drive", { type: "ask", rolloutId });
      askedMs = nowMs;
      quietMs = Math.min(quietMs * 2, LONGEST_QUIET_MS);
    }
  }
}

/** Has another rollout replaced this one before it settled? */
async function isKept(
  ctx: ObjectSharedContext,
  rolloutId: string | undefined,
  { rollout, drive }: Sight,
  count: CountBytes,
): Promise<boolean> {
  if (rolloutId === undefined) return false;
  // The other one has just begun: its head is written before the rest.
  if (rollout !== undefined && rollout.rolloutId !== rolloutId && drive === undefined) return true;
  const key = formerKey(rolloutId);
  const loaded = new Map<string, unknown>();
  await load(ctx, loaded, [key], count);
  return (loaded.get(key) ?? undefined) !== undefined;
}

/** The watchdog ends a soak that is this long (ms) overdue. */
const OVERDUE_MS = 2_000;

/** What watches the health, and what ends a soak, may have been killed. */
function watchOverSoak(ctx: ObjectSharedContext, rollout: RolloutState | undefined, nowMs: number): void {
  sendHealthWatch(ctx, rollout);
  const { soakUntilMs: untilMs, rolloutId = "" } = rollout ?? {};
  if (untilMs !== undefined && nowMs > untilMs + OVERDUE_MS) sendEndSoak(ctx, { rolloutId, untilMs });
}

/** The lanes that have said nothing since they were asked to. */
function quietSince(drive: Drive, askedMs: number): Silence[] {
  const { forward, rollback } = drive;
  return Object.values(drive.lanes).flatMap(({ of, invocationId, ...lane }): Silence[] => {
    const seenMs = lane.seenMs ?? (of === "forward" ? forward : rollback)?.startedAtMs;
    if (invocationId === undefined || seenMs === undefined || seenMs >= askedMs) return [];
    const why = `it has not answered since ${new Date(seenMs).toISOString()}`;
    return [{ invocationId, sinceMs: seenMs, why }];
  });
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

function askRestate(ctx: ObjectSharedContext, ids: string[], admin: Admin | undefined): Promise<Looked> {
  return ctx.run("look at the drive", async () => {
    const nowMs = Date.now();
    if (admin === undefined) return { hasAdmin: false, nowMs };
    const silent = await admin.silent(ids).catch(() => undefined);
    return { hasAdmin: true, nowMs, ...(silent === undefined ? {} : { silent }) };
  });
}

async function tellSilence(
  ctx: ObjectSharedContext,
  drive: Drive,
  silent: Silence[] | undefined,
  options: WatchdogOptions,
): Promise<void> {
  if (silent === undefined) return;
  const { rolloutId } = drive;
  const lanes = Object.values(drive.lanes);
  const ids = new Set(silent.map(({ invocationId }) => invocationId));
  const concerns = lanes.some((lane) => lane.silent !== undefined || ids.has(lane.invocationId ?? ""));
  if (!concerns) return;
  const { held = [] } = await requestChange(ctx, "who does not answer", {
    type: "silent",
    rolloutId,
    silent,
  });
  for (const holding of held) {
    const results = await ctx.run(`read the rows of lane ${holding.lane}`, () =>
      rowsOfLane(holding, options),
    );
    if (results.length === 0) continue;
    const { lane } = holding;
    await requestChange(ctx, `rows of lane ${lane}: ${results.length}`, {
      type: "found",
      rolloutId,
      lane,
      results,
    });
  }
}

/**
 * Killing everything in the UI also kills the watchdog. So Status and the verbs start it again, and mend a state that names
 * a driver that is gone. Scrapes change nothing.
 */
export function ensureWatchdog(ctx: ObjectSharedContext, { rollout, drive }: Sight): void {
  if (rollout === undefined || ctx.request().headers.has(SCRAPE_HEADER)) return;
  const drivers = [drive?.forward, drive?.rollback].filter((driver) => driver !== undefined);
  for (const { invocationId } of drivers) sendWatchdog(ctx, invocationId, rollout);
  sendHealthWatch(ctx, rollout);
  if (nobodyDrives({ rollout, drive })) void requestChange(ctx, "nobody drives", NOBODY);
}

export function nobodyDrives({ rollout, drive }: Sight): boolean {
  if (rollout?.state === "in_progress") return drive?.forward === undefined;
  return rollout?.state === "rolling_back" && drive?.rollback === undefined;
}

export const NOBODY = { type: "abandon", reason: "nobody drives it any more" } as const;
