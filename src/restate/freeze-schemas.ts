import { z } from "zod";
import { EXAMPLE_ROLLOUT_ID, message, State } from "./answer-fields.ts";
import { comment } from "./rollout-requests.ts";

const REASON_LIMIT = 500;

/**
 * The body of `Freeze`. Its example may be sent as it is: no sentinel is touched, and the reason says what ends it. It names
 * no moment, for a request that does is refused once that is over.
 */
export const FreezeRequest = z
  .strictObject({
    reason: z
      .string("must be a string")
      .max(REASON_LIMIT, `must have at most ${REASON_LIMIT} characters`)
      .regex(/[^\p{C}\s]/u, "must say why rollouts are frozen")
      .describe("Why: every refusal, Slack and Status say it."),
    until: z.iso
      .datetime({
        offset: true,
        error: 'must be a moment in ISO 8601 with its time zone, such as "2026-01-31T08:00:00Z"',
      })
      .optional()
      .describe(
        "From this moment on the freeze holds no more: ISO 8601 with a time zone, in the future, at most a year from now. Without it the freeze holds until Unfreeze.",
      ),
    comment,
  })
  .meta({ examples: [{ reason: "Tried out in the playground. Unfreeze ends it." }] });
export type FreezeRequest = z.infer<typeof FreezeRequest>;

/** The body of `Unfreeze`. */
export const UnfreezeRequest = z.strictObject({ comment }).meta({ examples: [{}] });
export type UnfreezeRequest = z.infer<typeof UnfreezeRequest>;

/** Absent in the answer of a service that knows no freeze yet. */
export const Frozen = z
  .object({
    reason: z.string(),
    by: z.string().describe("Who asked for it, as they said."),
    since: z.string().describe("ISO 8601."),
    until: z.string().nullable().describe("ISO 8601; null: until Unfreeze."),
  })
  .nullable()
  .default(null)
  .describe(
    "The freeze that holds: Rollout and Resume are refused, and a running rollout is paused at the end of its wave. Null: none.",
  );
export const EXAMPLE_FROZEN = {
  reason: "year-end closing",
  by: "alice",
  since: "2026-01-30T18:00:00.000Z",
  until: "2026-01-31T08:00:00.000Z",
};

/** What `Freeze` and `Unfreeze` answer. */
export const FreezeResponse = z
  .object({
    frozen: Frozen,
    state: State,
    rollout_id: z.string().describe("Empty when there is no rollout."),
    next: z.array(z.string()).describe("The verbs that are legal now."),
    message,
  })
  .meta({
    examples: [
      {
        frozen: EXAMPLE_FROZEN,
        state: "completed",
        rollout_id: EXAMPLE_ROLLOUT_ID,
        next: ["Unfreeze"],
        message: `Frozen by alice until ${EXAMPLE_FROZEN.until}: ${EXAMPLE_FROZEN.reason}; a Rollout needs override_freeze and a comment, or Unfreeze first.`,
      },
    ],
  });
export type FreezeResponse = z.infer<typeof FreezeResponse>;
