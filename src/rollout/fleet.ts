import { setTimeout as sleep } from "node:timers/promises";
import { type ObjectSharedContext, TerminalError } from "@restatedev/restate-sdk";
import { DatabaseError } from "../mysql/pool.ts";
import type { RolloutRequest } from "../restate/rollout-requests.ts";
import { atMost } from "../util/at-most.ts";
import { unlessCancelled } from "./drive.ts";
import { type Fleet, type PlannedWaves, planWavesOf } from "./planned-waves.ts";

/** A caller waits at most this long (ms) for the fleet to be read. Then nothing has happened, and nothing will by itself. */
const PATIENCE_MS = 30_000;
/** Between two tries (ms). */
const AGAIN_MS = 500;

type Selected = { plan: PlannedWaves } | { away: string };

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
): Promise<PlannedWaves> {
  const selected = await unlessCancelled(
    ctx,
    ctx.run("select the sentinels", () => inTime(askedMs + PATIENCE_MS, () => planWavesOf(store, request))),
  );
  if ("plan" in selected) return selected.plan;
  throw new TerminalError(
    `The fleet could not be read for ${PATIENCE_MS / 1000} s: ${selected.away}. Nothing was changed, and nothing will start by itself: ask again once MySQL is back.`,
    { errorCode: 503 },
  );
}

/** Also a try that hangs ends at the deadline; one that begins after it, because the service was away, is not made. */
async function inTime(deadlineMs: number, read: () => Promise<PlannedWaves>): Promise<Selected> {
  let away = "the service itself was away";
  while (Date.now() < deadlineMs) {
    const reading = read().then((plan) => ({ plan }));
    try {
      return await atMost(deadlineMs - Date.now(), reading, () => ({ away: "MySQL does not answer" }));
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      away = `MySQL does not answer as it should (${error.code})`;
      await sleep(AGAIN_MS);
    }
  }
  return { away };
}
