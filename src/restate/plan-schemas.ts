import { z } from "zod";
import { message } from "./answer-fields.ts";
import { EXAMPLE_IMAGE } from "./rollout-requests.ts";

/** What `Plan` answers. */
export const PlanResponse = z
  .object({
    image: z.string(),
    total: z.int().describe("Sentinels that a Rollout would deploy now."),
    waves: z.array(
      z.object({
        wave: z.int().describe("Counted from 1."),
        size: z.int(),
        sentinel_ids: z.array(z.string()).describe("At most 20 of them."),
        soak_seconds: z.int().optional().describe("How long it soaks. Absent: no soak was asked for."),
      }),
    ),
    taken_over: z
      .int()
      .describe(
        "Sentinels that RollbackAll would also revert: a cancelled rollout of this image deployed them.",
      ),
    left_out: z.array(z.object({ reason: z.string(), count: z.int() })),
    message,
  })
  .meta({
    examples: [
      {
        image: EXAMPLE_IMAGE,
        total: 2,
        waves: [
          { wave: 1, size: 1, sentinel_ids: ["sen_0001"] },
          { wave: 2, size: 1, sentinel_ids: ["sen_0002"] },
        ],
        taken_over: 0,
        left_out: [{ reason: "already serves the image", count: 1 }],
        message: `A Rollout would now deploy ${EXAMPLE_IMAGE} to 2 sentinels in 2 waves of 1, 1.`,
      },
    ],
  });
export type PlanResponse = z.infer<typeof PlanResponse>;
