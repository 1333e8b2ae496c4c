import { setTimeout as sleep } from "node:timers/promises";
import { type ObjectSharedContext, TerminalError } from "@restatedev/restate-sdk";
import { DatabaseError } from "../mysql/pool.ts";
import type { RolloutRequest } from "../restate/schemas.ts";
import { unlessCancelled } from "./drive.ts";
import { type Fleet, planRollout, type RolloutPlan } from "./plan.ts";

/** So long (ms) a caller waits for the fleet to be read; then nothing has happened, and nothing will by itself. */
const PATIENCE_MS = 30_000;
/** Between two tries (ms). */
const AGAIN_MS = 500;

type Selected = { plan: RolloutPlan } | { away: string };

/**
 * Reads the fleet and plans the waves.
 * @param askedMs unix ms
 * @throws TerminalError 503 when it cannot be read for 30 s, counted from the moment of the request
 */
export async function selectSentinels(
  ctx: ObjectSharedContext,
  store: Fleet,
  request: RolloutRequest,
  askedMs: number,
): Promise<RolloutPlan> {
  const selected = await unlessCancelled(
    ctx,
    ctx.run("select the sentinels", () => inTime(askedMs + PATIENCE_MS, () => planRollout(store, request))),
  );
  if ("plan" in selected) return selected.plan;
  throw new TerminalError(
    `The fleet could not be read for ${PATIENCE_MS / 1000} s: ${selected.away}. Nothing was changed, and nothing will start by itself: ask again once MySQL is back.`,
    { errorCode: 503 },
  );
}

/** Also a try that hangs ends at the deadline; one that begins after it, because the service was away, is not made. */
async function inTime(deadlineMs: number, read: () => Promise<RolloutPlan>): Promise<Selected> {
  let away = "the service itself was away";
  while (Date.now() < deadlineMs) {
    const over = new AbortController();
    const tooLate = sleep(
      deadlineMs - Date.now(),
      { away: "MySQL does not answer" },
      { signal: over.signal },
    );
    try {
      return await Promise.race([read().then((plan) => ({ plan })), tooLate]);
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      away = `MySQL does not answer as it should (${error.code})`;
      await sleep(AGAIN_MS);
    } finally {
      over.abort();
      tooLate.catch(() => undefined);
    }
  }
  return { away };
}
