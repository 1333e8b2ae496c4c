import { z } from "zod";
import {
  asOf,
  EXAMPLE_AS_OF,
  EXAMPLE_ROLLOUT_ID,
  EXAMPLE_TELLS_OF,
  Failure,
  failures,
  guard,
  message,
  State,
} from "./answer-fields.ts";
import { EXAMPLE_IMAGE } from "./rollout-requests.ts";

/** What `RollbackAll` and `Abort` answer. */
export const RollbackResponse = z
  .object({
    reverted: z.int().describe("Sentinels that run their previous image again."),
    total: z.int().describe("Sentinels that were to be reverted."),
    skipped: z
      .int()
      .describe("Of them those that are archived, on standby or deleted: nothing of theirs was touched."),
    moved: z
      .int()
      .describe("Of them those that somebody moved to another image since: they were left alone."),
    failed_on_image: z
      .int()
      .nullable()
      .describe(
        "Sentinels that failed, also in an earlier rollout of the image, and whose Deployments are set to the image (by their rows where these cannot be read, or where more than 200 failed): whoever heals comes up with it. Null: none failed, or it cannot be told now.",
      ),
    failed_serving: z.int().nullable().describe("Of them those that run it and are healthy."),
    failures,
    skips: z.array(Failure).describe("At most 20 of the skipped and why."),
    state: State,
    rollout_id: z.string(),
    image: z.string().describe("What was rolled back."),
    as_of: asOf,
    guard,
    message,
  })
  .meta({
    examples: [
      {
        reverted: 24,
        total: 24,
        skipped: 0,
        moved: 0,
        failed_on_image: null,
        failed_serving: null,
        failures: [],
        skips: [],
        state: "cancelled",
        rollout_id: EXAMPLE_ROLLOUT_ID,
        image: EXAMPLE_IMAGE,
        as_of: EXAMPLE_AS_OF,
        guard: { rollout_id: EXAMPLE_ROLLOUT_ID, wave: 3 },
        message: `Rolled back: 24 of 24 sentinels reverted. ${EXAMPLE_TELLS_OF}`,
      },
    ],
  });
export type RollbackResponse = z.infer<typeof RollbackResponse>;
