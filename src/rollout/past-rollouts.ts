import { type ObjectSharedContext, TerminalError } from "@restatedev/restate-sdk";
import { plural } from "../domain/progress.ts";
import type { HistoryStore, PastOutcome, PastRollout } from "../mysql/history.ts";
import { DatabaseError } from "../mysql/pool.ts";
import { shown } from "../restate/body.ts";
import { DEFAULT_LIMIT, type HistoryRequest, type HistoryResponse } from "../restate/history-schemas.ts";

export type HistoryReader = Pick<HistoryStore, "rollouts" | "rollout" | "outcomes">;

interface Found {
  rollouts: PastRollout[];
  sentinels?: PastOutcome[];
}

/**
 * Reads past rollouts. One try: whoever asks rather hears that it cannot be read than waits.
 * @throws TerminalError 404 for an unknown rollout, 503 when MySQL or the tables are away
 */
export async function pastRollouts(
  ctx: ObjectSharedContext,
  reader: HistoryReader,
  request: HistoryRequest,
): Promise<HistoryResponse> {
  const { rollout_id: id } = request;
  const found = await ctx.run("read the history", () => readable(find(reader, request)));
  if ("problem" in found) throw new TerminalError(found.problem, { errorCode: 503 });
  const [first] = found.rollouts;
  if (id !== undefined && first === undefined) {
    throw new TerminalError(`There is no rollout ${shown(id)} in the history.`, { errorCode: 404 });
  }
  return {
    rollouts: found.rollouts.map(rolloutResponse),
    ...(found.sentinels === undefined ? {} : { sentinels: found.sentinels.map(outcomeResponse) }),
    message: id !== undefined && first !== undefined ? sentence(first) : listed(found.rollouts.length),
  };
}

async function find(
  reader: HistoryReader,
  { rollout_id: id, limit = DEFAULT_LIMIT }: HistoryRequest,
): Promise<Found> {
  if (id === undefined) return { rollouts: await reader.rollouts(limit) };
  const [rollout, sentinels] = await Promise.all([reader.rollout(id), reader.outcomes(id, limit)]);
  return rollout === undefined ? { rollouts: [] } : { rollouts: [rollout], sentinels };
}

async function readable(found: Promise<Found>): Promise<Found | { problem: string }> {
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

function sentence({ image, state, total, succeeded, failed, skipped, reverted }: PastRollout): string {
  const rest = Object.entries({ failed, skipped, reverted }).flatMap(([what, count]) =>
    count === 0 ? [] : [`, ${count} ${what}`],
  );
  const done = `${succeeded} of ${plural(total, "sentinel")} succeeded${rest.join("")}`;
  return `The rollout of ${image} is ${state.replace("_", " ")}: ${done}.`;
}

function listed(count: number): string {
  return count === 0 ? "No rollout is recorded yet." : `The last ${plural(count, "rollout")}, newest first.`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
