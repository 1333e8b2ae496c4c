import type { RollbackReport } from "../domain/answer.ts";
import { type Freeze, inForce } from "../domain/freeze.ts";
import type { HealthSurvey } from "../domain/health.ts";
import { leftBehindNote } from "../domain/left-behind.ts";
import type { LeftBehind } from "../domain/notification.ts";
import { type Quiet, unanswering } from "../domain/overdue.ts";
import { numbersOf, plural } from "../domain/progress.ts";
import type { Failure, RolloutState } from "../domain/state.ts";
import { timeLeft } from "../domain/time-left.ts";
import { type View, viewOf, viewOfForgotten, viewOfResumed, viewOfSuperseded } from "../domain/view.ts";
import type { ClusterHealth } from "../kubernetes/health.ts";
import type { FreezeResponse } from "../restate/freeze-schemas.ts";
import type { RollbackResponse } from "../restate/rollback-schemas.ts";
import type { RolloutResponse, StatusResponse } from "../restate/rollout-schemas.ts";
import { healthField, soakFields } from "./soak-fields.ts";
import type { Sight } from "./state.ts";
import { inWords } from "./tell-silence.ts";
import { waitingFor } from "./waiting-for.ts";

/** What a forward drive answers of its own rollout, even if another one has begun since. */
export function viewOfDriven(view: View, rolloutId: string, image: string): View {
  if (view.rolloutId !== rolloutId) return viewOfForgotten(rolloutId, image);
  if (view.state === "in_progress") return viewOfResumed(view);
  return view.state === "rolling_back" ? viewOfSuperseded(view, "a rollback has begun since") : view;
}

/**
 * What operators are answered. Restate gives the same answer to each call with the same idempotency-key, even if it is not
 * true any more. So the answer says of which rollout it tells, and of when.
 */
export function rolloutResponse(view: View): RolloutResponse {
  return {
    ...fieldsOf(view),
    as_of: iso(view.sinceMs),
    message: `${view.message} ${tellsOf(view.rolloutId, view.sinceMs)}`,
  };
}

function tellsOf(rolloutId: string, ms: number | undefined): string {
  if (rolloutId === "") return `This tells of ${iso(ms)}, of no rollout.`;
  return `This tells of rollout ${rolloutId}${ms === undefined ? "" : ` as of ${iso(ms)}`}.`;
}

/** In the field names of the runbook. */
function fieldsOf(view: View) {
  const { state, rolloutId, image, wave, waves, total, succeeded, failed, skipped, next, message } = view;
  return {
    state,
    phase: view.phase,
    pause_kind: view.pauseKind ?? null,
    never_attempted: view.neverAttempted,
    rollout_id: rolloutId,
    image,
    wave,
    waves,
    total,
    succeeded,
    failed,
    failures: view.failures.map(failureResponse),
    skipped,
    skips: view.skips.map(failureResponse),
    in_flight: view.inFlight,
    waiting: view.waiting,
    taken_over: view.takenOver,
    next: [...next],
    guard: guardOf(rolloutId, wave),
    ...soakFields(view),
    message,
  };
}

/** A rollout of which nothing is left but its history has no wave. */
function guardOf(rolloutId: string, wave: number): { rollout_id: string; wave: number } | null {
  return wave === 0 ? null : { rollout_id: rolloutId, wave };
}

/** What `Freeze` and `Unfreeze` answer. */
export function freezeResponse({ freeze, state, rolloutId, next, message }: View): FreezeResponse {
  const said = freeze === undefined ? `Nothing is frozen. ${message}` : message;
  return { frozen: frozenOf(freeze), state, rollout_id: rolloutId, next: [...next], message: said };
}

function frozenOf(freeze: Freeze | undefined): StatusResponse["frozen"] {
  if (freeze === undefined) return null;
  const { reason, by, sinceMs, until } = freeze;
  return { reason, by, since: new Date(sinceMs).toISOString(), until: until?.iso ?? null };
}

export interface Surroundings {
  /** How each cluster is now. */
  clusters?: ClusterHealth[];
  /** How long (ms) a Deploy may take. */
  deployTimeoutMs?: number;
  leftBehind?: LeftBehind | undefined;
  /** As it is stored, whether or not it holds still; or why it cannot be read. */
  freeze?: Freeze | string | undefined;
  /** Of a rollout that watches those that took the image. */
  health?: HealthSurvey | undefined;
}

export function statusResponse(
  { rollout, drive }: Sight,
  nowMs: number,
  { clusters = [], deployTimeoutMs = 0, leftBehind, freeze, health }: Surroundings = {},
): StatusResponse {
  const leftMs = rollout === undefined ? undefined : timeLeft(rollout, drive?.forward, nowMs);
  const [frozen, unreadable] =
    typeof freeze === "string" ? [undefined, freeze] : [inForce(freeze, nowMs), ""];
  const response = fieldsOf(viewOf(rollout, drive, frozen));
  const away = clusters.map(absence).filter((text) => text !== undefined);
  const notes = [
    ...away.map((text) => `Cluster ${text}.`),
    ...silences(rollout, unanswering(rollout, drive, nowMs, deployTimeoutMs)),
  ];
  return {
    ...response,
    message: [response.message, noteOf(leftBehind), ...notes, unreadable]
      .filter((each) => each !== "")
      .join(" "),
    ...leftBehindFields(leftBehind),
    started_at: iso(rollout?.startedAtMs),
    wave_started_at: iso(rollout?.waveStartedAtMs),
    wave_sizes: rollout?.waves.map(({ size }) => size) ?? [],
    reverted: rollout === undefined ? 0 : numbersOf(rollout, drive).reverted,
    frozen: frozenOf(frozen),
    health: healthField(health),
    waiting_for: rollout === undefined ? "" : waitingFor(rollout, drive, { away, deployTimeoutMs, frozen }),
    waiting_since: iso(rollout?.sinceMs),
    estimated_seconds_left: leftMs === undefined ? null : Math.ceil(leftMs / 1000),
  };
}

/**
 * @param report undefined: the rollback was taken over by what came after it
 * @param of the rollout, and its wave, counted from 1; and when the rollback has ended, where that is known
 * @param leftBehind undefined: none failed, or it could not be told
 */
export function rollbackResponse(
  report: RollbackReport | undefined,
  { rolloutId, image, wave, sinceMs }: { rolloutId: string; image: string; wave: number; sinceMs?: number },
  leftBehind?: LeftBehind,
): RollbackResponse {
  const { reverted = 0, targets = 0, skipped = 0, moved = 0, interruption } = report ?? {};
  const { failures = [], skips = [] } = report ?? {};
  const left = targets - reverted - skipped - moved;
  const gone = skipped === 0 ? "" : `, ${skipped} skipped as no longer running`;
  const others = moved === 0 ? "" : `, ${moved} left alone on another image since`;
  const done = `${reverted} of ${plural(targets, "sentinel")} reverted${gone}${others}`;
  const message =
    interruption !== undefined
      ? `The rollback was interrupted: ${done}; call RollbackAll again for the rest.`
      : left === 0
        ? `Rolled back: ${done}.`
        : `Rolled back: ${done}; call RollbackAll again to retry the other ${left}.`;
  return {
    ...{ reverted, total: targets, skipped, moved },
    ...leftBehindFields(leftBehind),
    failures: failures.map(failureResponse),
    skips: skips.map(failureResponse),
    state: "cancelled",
    rollout_id: rolloutId,
    image,
    as_of: iso(sinceMs),
    guard: guardOf(rolloutId, wave),
    message: [message, noteOf(leftBehind), tellsOf(rolloutId, sinceMs)]
      .filter((each) => each !== "")
      .join(" "),
  };
}

function leftBehindFields(leftBehind: LeftBehind | undefined) {
  return { failed_on_image: leftBehind?.holding ?? null, failed_serving: leftBehind?.serving ?? null };
}

function noteOf(leftBehind: LeftBehind | undefined): string {
  return leftBehind === undefined ? "" : leftBehindNote(leftBehind);
}

function failureResponse({ id, reason }: Failure): { sentinel_id: string; reason: string } {
  return { sentinel_id: id, reason };
}

/** Which drive does not get on, and the two things that an operator can do about it. */
function silences(rollout: RolloutState | undefined, silent: readonly Quiet[]): string[] {
  const [first, ...others] = silent;
  if (first === undefined) return [];
  const { invocationId, why } = inWords(first);
  const other: Partial<Record<RolloutState["state"], string>> = {
    in_progress: "or stop with Cancel, which does not wait for it",
    rolling_back: "or kill it, which ends the rollback as interrupted: RollbackAll is then legal again",
    cancelled: "or go on with RollbackAll or a new Rollout, which do not wait for it",
  };
  const or = other[rollout?.state ?? "cancelled"] ?? "";
  // Only its silence is known, and Deploys wait for MySQL as long as it is away.
  const resume = first.why === undefined ? "Unless MySQL is away, resume" : "Resume";
  return [
    `The drive ${invocationId} does not answer: ${why}. ${resume} the invocation in Restate (UI, or \`restate invocations resume ${invocationId}\`), ${or}.`,
    ...(others.length === 0 ? [] : [`Nor ${others.length === 1 ? "does" : "do"} ${named(others)}.`]),
  ];
}

/** At most this many are named. */
const NAMED = 5;

function named(silent: readonly Quiet[]): string {
  const ids = silent.slice(0, NAMED).map(({ invocationId }) => invocationId);
  const more = silent.length - ids.length;
  return `${ids.join(", ")}${more > 0 ? ` (+${more} more)` : ""}`;
}

/** Undefined: it answers. */
function absence(health: ClusterHealth): string | undefined {
  if (health.reachable) return undefined;
  return `${health.cluster} is unreachable since ${iso(health.sinceMs)}: ${health.reason}`;
}

function iso(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
