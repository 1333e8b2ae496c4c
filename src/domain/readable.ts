import { z } from "zod";
import type { RolloutState } from "./state.ts";
import { HEAD_KEY } from "./state-keys.ts";

const count = z.int().min(0);
const failure = z.looseObject({ id: z.string(), reason: z.string() });

/** What every decision and every answer needs of the head; what later features add is let through. */
const Head = z.looseObject({
  rolloutId: z.string(),
  state: z.enum(["in_progress", "paused", "cancelled", "completed", "rolling_back"]),
  image: z.string(),
  wavePercentages: z.array(z.number()),
  waves: z.array(
    z.looseObject({ size: count, succeeded: count, failed: count, skipped: count, reverted: count }),
  ),
  currentWave: count,
  totalSentinels: count,
  failures: z.array(failure),
  skips: z.array(failure),
  startedAtMs: z.number(),
  waveStartedAtMs: z.number(),
  sinceMs: z.number(),
  pauseReason: z.string(),
});

/** The stored value was not written by this service. */
export class UnreadableError extends Error {
  constructor(
    problem: string,
    key = HEAD_KEY,
    or = "clear the key in the State tab of Restate to begin anew",
  ) {
    super(
      `${key} is unreadable: ${problem}. Put back the value that it had, or ${or}; a repaired value counts at once.`,
    );
    this.name = "UnreadableError";
  }
}

/**
 * The head, if it is one.
 * @throws UnreadableError
 */
export function readable(value: unknown): RolloutState | undefined {
  if (value === undefined || value === null) return undefined;
  const parsed = Head.safeParse(value);
  if (parsed.success) return parsed.data as RolloutState;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join(".") ?? "";
  throw new UnreadableError(
    where === "" ? "it is not a rollout" : `its field ${where} is not as it should be`,
  );
}
