import { type ObjectSharedContext, TerminalError } from "@restatedev/restate-sdk";
import { plural } from "../domain/progress.ts";
import type { ActionStore, PastAction } from "../mysql/actions.ts";
import { type HistoryStore, OUTCOMES, type PastOutcome, type PastRollout } from "../mysql/history.ts";
import { DatabaseError } from "../mysql/pool.ts";
import { BadRequestError, shown } from "../restate/body.ts";
import { DEFAULT_LIMIT, type HistoryRequest, type HistoryResponse } from "../restate/history-schemas.ts";

export type HistoryReader = Omit<HistoryStore, "record" | "failures">;
export type ActionReader = Omit<ActionStore, "recordAction">;

interface Readers {
  history: HistoryReader;
  actions: ActionReader;
}

/** One page, and how many there are in all. */
interface Found {
  rollouts: PastRollout[];
  sentinels?: PastOutcome[];
  total: number;
  /** There are some behind the last one. */
  more: boolean;
  /** Absent in what an earlier version has found. */
  acts?: { actions: PastAction[]; more: boolean };
}

/**
 * Reads past rollouts. It tries once: an operator would rather hear that it cannot be read than wait.
 * @throws BadRequestError when the place to go on from is unknown
 * @throws TerminalError 404 for an unknown rollout, 503 when MySQL or the tables are away
 */
export async function history(
  ctx: ObjectSharedContext,
  request: HistoryRequest,
  readers: Readers,
): Promise<HistoryResponse> {
  const { rollout_id: id, after, actions_after: actionsAfter } = request;
  if (id !== undefined && after !== undefined && outcomeAt(after) === undefined) {
    throw new BadRequestError(
      `The field after must be an outcome and a sentinel, as next_after gives them, such as failed/sen_0017, got ${shown(after)}.`,
    );
  }
  const found = await ctx.run("read the history", () => readable(find(readers, request)));
  if ("problem" in found) throw new TerminalError(found.problem, { errorCode: 503 });
  if ("nowhere" in found) {
    throw new BadRequestError(
      found.nowhere === "actions"
        ? `The field actions_after must be the id of an action in the history, as next_actions_after gives it, got ${shown(actionsAfter)}.`
        : `The field after must be the id of a rollout in the history, as next_after gives it, got ${shown(after)}.`,
    );
  }
  const [first] = found.rollouts;
  if (id !== undefined && first === undefined) {
    throw new TerminalError(`There is no rollout ${shown(id)} in the history.`, { errorCode: 404 });
  }
  const nextAfter = found.more ? placeOf(found) : null;
  const { actions, more } = found.acts ?? { actions: [], more: false };
  return {
    rollouts: found.rollouts.map(rolloutResponse),
    ...(found.sentinels === undefined ? {} : { sentinels: found.sentinels.map(outcomeResponse) }),
    actions: actions.map(actionResponse),
    total: found.total,
    next_after: nextAfter,
    next_actions_after: more ? (actions.at(-1)?.id ?? null) : null,
    message:
      id !== undefined && first !== undefined
        ? `${sentence(first)} ${listedOutcomes(found, after, nextAfter)}`
        : listedRollouts(found, after, nextAfter),
  };
}

async function find(
  { history: reader, actions: acts }: Readers,
  request: HistoryRequest,
): Promise<Found | { nowhere: "rollouts" | "actions" }> {
  const page = await findPage(reader, request);
  if ("nowhere" in page) return page;
  const { rollout_id: rolloutId, limit = DEFAULT_LIMIT, actions_after: place } = request;
  const after = place === undefined ? undefined : await acts.action(place);
  if (place !== undefined && after === undefined) return { nowhere: "actions" };
  const actions = await acts.actions(limit + 1, { rolloutId, after });
  return { ...page, acts: { actions: actions.slice(0, limit), more: actions.length > limit } };
}

async function findPage(
  reader: HistoryReader,
  { rollout_id: id, limit = DEFAULT_LIMIT, after }: HistoryRequest,
): Promise<Found | { nowhere: "rollouts" }> {
  if (id === undefined) {
    const from = after === undefined ? undefined : await reader.rollout(after);
    if (after !== undefined && from === undefined) return { nowhere: "rollouts" };
    const [rollouts, total] = await Promise.all([reader.rollouts(limit + 1, from), reader.countRollouts()]);
    return { rollouts: rollouts.slice(0, limit), total, more: rollouts.length > limit };
  }
  const [rollout, sentinels, total] = await Promise.all([
    reader.rollout(id),
    reader.outcomes(id, limit + 1, after === undefined ? undefined : outcomeAt(after)),
    reader.countOutcomes(id),
  ]);
  const page = { sentinels: sentinels.slice(0, limit), total, more: sentinels.length > limit };
  return { rollouts: rollout === undefined ? [] : [rollout], ...page };
}

/** `failed/sen_0017`: the place of an outcome in the list. */
function outcomeAt(after: string): Pick<PastOutcome, "outcome" | "sentinelId"> | undefined {
  const slash = after.indexOf("/");
  const outcome = OUTCOMES.find((each) => each === after.slice(0, Math.max(slash, 0)));
  const sentinelId = after.slice(slash + 1);
  return outcome === undefined || sentinelId === "" ? undefined : { outcome, sentinelId };
}

/** Of the last one listed. */
function placeOf({ rollouts, sentinels }: Found): string | null {
  const last = sentinels?.at(-1);
  if (last !== undefined) return `${last.outcome}/${last.sentinelId}`;
  return rollouts.at(-1)?.id ?? null;
}

async function readable<T>(found: Promise<T>): Promise<T | { problem: string }> {
  try {
    return await found;
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    const why =
      error.code === "ER_NO_SUCH_TABLE"
        ? "its tables do not exist yet; run the migrations (npm run db:migrate)"
        : `MySQL does not answer as it should (${error.code})`;
    return { problem: `The history cannot be read now: ${why}. Rollouts go on without it.` };
  }
}

function rolloutResponse(past: PastRollout): HistoryResponse["rollouts"][number] {
  return {
    rollout_id: past.id,
    image: past.image,
    rewritten_to: past.rewrittenTo,
    state: past.state,
    started_by: past.startedBy,
    invocation_id: past.invocationId,
    wave: past.wave,
    waves: past.waves,
    wave_sizes: JSON.parse(past.waveSizes),
    total: past.total,
    succeeded: past.succeeded,
    failed: past.failed,
    skipped: past.skipped,
    reverted: past.reverted,
    pause_reason: past.pauseReason,
    started_at: iso(past.startedAt),
    ended_at: past.endedAt === null ? null : iso(past.endedAt),
    updated_at: iso(past.updatedAt),
  };
}

function outcomeResponse(past: PastOutcome): NonNullable<HistoryResponse["sentinels"]>[number] {
  return {
    sentinel_id: past.sentinelId,
    wave: past.wave,
    outcome: past.outcome,
    reason: past.reason,
    duration_ms: past.durationMs,
    recorded_at: iso(past.recordedAt),
  };
}

function actionResponse(past: PastAction): HistoryResponse["actions"][number] {
  return {
    id: past.id,
    verb: past.verb,
    operator: past.operator,
    comment: past.comment,
    rollout_id: past.rolloutId,
    from: past.fromState,
    to: past.toState,
    refused: past.refused,
    at: iso(past.askedAt),
  };
}

function sentence({ image, state, total, succeeded, failed, skipped, reverted }: PastRollout): string {
  const rest = Object.entries({ failed, skipped, reverted }).flatMap(([what, count]) =>
    count === 0 ? [] : [`, ${count} ${what}`],
  );
  const done = `${succeeded} of ${plural(total, "sentinel")} succeeded${rest.join("")}`;
  return `The rollout of ${image} is ${state.replace("_", " ")}: ${done}.`;
}

function listedRollouts({ rollouts, total }: Found, after: string | undefined, next: string | null): string {
  if (total === 0) return "No rollout is recorded yet.";
  if (rollouts.length === total) {
    return total === 1 ? "The only rollout so far." : `All ${total} rollouts, the newest first.`;
  }
  const behind = after === undefined ? "" : `, after ${after}`;
  return `${rollouts.length} of ${plural(total, "rollout")}, the newest first${behind}${nextOnes(next)}.`;
}

function listedOutcomes(
  { sentinels = [], total }: Found,
  after: string | undefined,
  next: string | null,
): string {
  if (total === 0) return "No outcome is recorded yet.";
  const { length } = sentinels;
  if (length === total)
    return total === 1 ? "Its one outcome is listed." : `All ${total} outcomes are listed.`;
  const behind = after === undefined ? "" : ` behind ${after}`;
  return `${length} of ${plural(total, "outcome")} ${length === 1 ? "is" : "are"} listed${behind}${nextOnes(next)}.`;
}

function nextOnes(next: string | null): string {
  return next === null ? "" : `; the next ones with "after": ${JSON.stringify(next)}`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
