import type { Drive, Lane } from "./drive-state.ts";
import type { Silence } from "./event.ts";
import { inFlightOf } from "./progress.ts";
import type { RolloutState } from "./state.ts";

/** An invocation that does not answer. Without `why`, only its silence is known. */
export type Quiet = Omit<Silence, "why"> & Partial<Pick<Silence, "why">>;

/** A lane counts as not answering this long (ms) after its Deploys must have ended. */
const MARGIN_MS = 60_000;

/**
 * The invocations of a drive that do not answer: those that the watchdog has marked; and, because the watchdog may be paused,
 * too, those that have reported nothing for longer than their Deploys can take.
 * @param deployTimeoutMs the longest time (ms) a Deploy takes. It may first wait as long for an earlier Deploy of its sentinel
 */
export function unanswering(
  rollout: RolloutState | undefined,
  drive: Drive | undefined,
  nowMs: number,
  deployTimeoutMs: number,
): Quiet[] {
  if (rollout === undefined || drive === undefined) return [];
  const lateMs = nowMs - 2 * deployTimeoutMs - MARGIN_MS;
  const lanes = Object.values(drive.lanes);
  const silent = lanes.flatMap((lane): Quiet[] => {
    const { invocationId, silent: known } = lane;
    if (invocationId === undefined) return [];
    if (known !== undefined) return [{ invocationId, ...known }];
    const sinceMs = heardMs(lane, drive);
    const isLate = inFlightOf([lane]) > 0 && sinceMs !== undefined && sinceMs <= lateMs;
    // One of version 0.1 says nothing until it has results, and takes them in its own order.
    return isLate && driverOf(lane, drive)?.legacy === undefined ? [{ invocationId, sinceMs }] : [];
  });
  if (silent.length > 0 || inFlightOf(lanes) > 0) return silent;
  return idleDriver(rollout, drive).filter(({ sinceMs }) => sinceMs <= lateMs);
}

/** If nothing is in flight, the driver has something to do, except in a soak. */
function idleDriver(rollout: RolloutState, drive: Drive): Quiet[] {
  const { state, soakUntilMs, waveStartedAtMs } = rollout;
  const drivers = { in_progress: drive.forward, rolling_back: drive.rollback };
  const driver = state === "in_progress" || state === "rolling_back" ? drivers[state] : undefined;
  if (driver === undefined || driver.legacy !== undefined || soakUntilMs !== undefined) return [];
  const heard = Object.values(drive.lanes).map(({ seenMs = 0 }) => seenMs);
  const sinceMs = Math.max(driver.startedAtMs, rollout.sinceMs, waveStartedAtMs, ...heard);
  return [{ invocationId: driver.invocationId, sinceMs }];
}

/** The lanes that have said nothing since they were asked to (unix ms). */
export function quietSince(drive: Drive, askedMs: number): Quiet[] {
  return Object.values(drive.lanes).flatMap((lane): Quiet[] => {
    const [{ invocationId }, sinceMs] = [lane, heardMs(lane, drive)];
    if (invocationId === undefined || sinceMs === undefined || sinceMs >= askedMs) return [];
    return [{ invocationId, sinceMs }];
  });
}

/** When a lane was heard of last (unix ms); undefined: that is not known. */
function heardMs(lane: Lane, drive: Drive): number | undefined {
  return lane.seenMs ?? driverOf(lane, drive)?.startedAtMs;
}

function driverOf({ of }: Lane, { forward, rollback }: Drive) {
  return of === "forward" ? forward : rollback;
}
