import { z } from "zod";

// What several answers have in common.

export const State = z.enum(["idle", "in_progress", "paused", "cancelled", "completed", "rolling_back"]);
export const Failure = z.object({ sentinel_id: z.string(), reason: z.string() });
export const failures = z.array(Failure).describe("At most 20 of the failures, the newest last.");

/** Absent in the answer of a service that has no guards yet. */
export const guard = z
  .object({ rollout_id: z.string(), wave: z.int() })
  .nullable()
  .default(null)
  .describe(
    "The body with which Resume, Cancel or RollbackAll is about this rollout in this wave alone, to be sent as it is; null when there is no rollout.",
  );

export const asOf = z
  .string()
  .nullable()
  .describe(
    "Since when the state was what it is here (ISO 8601): an answer to an idempotency-key that was used before tells of then.",
  );

export const message = z.string().describe("One sentence for a person.");

export const EXAMPLE_ROLLOUT_ID = "7781234a-c6dd-46f2-9b25-bd023dd2129f";
export const EXAMPLE_FAILURE = { sentinel_id: "sen_0017", reason: "ImagePullBackOff: manifest unknown" };
export const EXAMPLE_AS_OF = "2026-01-31T02:52:00.000Z";
export const EXAMPLE_TELLS_OF = `This tells of rollout ${EXAMPLE_ROLLOUT_ID} as of ${EXAMPLE_AS_OF}.`;
