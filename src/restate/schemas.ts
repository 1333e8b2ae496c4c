import { z } from "zod";
import { IMAGE_LIMIT, imageProblem } from "../domain/image.ts";
import { DEFAULT_WAVE_PERCENTAGES } from "../domain/waves.ts";

const EXAMPLE_IMAGE = "ghcr.io/unkeyed/sentinel:v1.2.3";

const image = z
  .string("must be a string")
  .min(1, "must not be empty")
  .superRefine((text, ctx) => {
    const problem = imageProblem(text);
    if (problem !== undefined) ctx.addIssue({ code: "custom", message: problem, input: text });
  })
  .describe(
    `The image to roll out: an OCI reference with an explicit tag or digest, at most ${IMAGE_LIMIT} characters.`,
  )
  .meta({ examples: [EXAMPLE_IMAGE] });

const PERCENT = "must be a whole number from 1 to 100";

const wavePercentages = z
  .array(
    z.int(PERCENT).min(1, PERCENT).max(100, PERCENT),
    "must be a list of whole numbers such as [10, 100]",
  )
  .min(1, "must have at least one wave, such as [100]")
  .superRefine((list, ctx) => {
    const at = list.findIndex((percent, i) => i > 0 && percent <= (list[i - 1] ?? 0));
    if (at > 0) {
      const message = `must be greater than the ${list[at - 1]} before it`;
      ctx.addIssue({ code: "custom", message, path: [at], input: list[at] });
    } else if (list.at(-1) !== 100) {
      ctx.addIssue({ code: "custom", message: "must end with 100", input: list });
    }
  })
  .optional()
  .describe(
    `Cumulative percent of the sentinels at the end of each wave; strictly increasing, the last one 100. Default ${JSON.stringify(DEFAULT_WAVE_PERCENTAGES)}.`,
  );

/** The body of `Rollout` and `Plan`. */
export const RolloutRequest = z
  .strictObject({ image, wave_percentages: wavePercentages })
  .meta({ examples: [{ image: EXAMPLE_IMAGE }] });
export type RolloutRequest = z.infer<typeof RolloutRequest>;

/** The body of every verb without parameters. */
export const EmptyRequest = z.strictObject({}).meta({ examples: [{}] });

const amount = (what: string, most: number) => {
  const message = `must be a whole number from 0 to ${most}`;
  return z
    .int(message)
    .min(0, message)
    .max(most, message)
    .optional()
    .describe(`${what}; absent or 0 keeps the present value.`);
};

/** The body of `Deploy`; an absent, zero or empty field keeps the present value. */
export const DeployRequest = z
  .strictObject({
    image: z
      .string("must be a string")
      .superRefine((text, ctx) => {
        const problem = text === "" ? undefined : imageProblem(text);
        if (problem !== undefined) ctx.addIssue({ code: "custom", message: problem, input: text });
      })
      .optional()
      .describe("The image to deploy, with an explicit tag or digest; absent or empty keeps the present one.")
      .meta({ examples: [EXAMPLE_IMAGE] }),
    cpu_millicores: amount("CPU limit in thousandths of a core; half of it is requested", 1_000_000),
    memory_mib: amount("Memory limit and request in MiB", 16_777_216),
    desired_replicas: amount("Number of replicas", 10_000),
  })
  .meta({ examples: [{}] });

export type DeployRequest = z.infer<typeof DeployRequest>;

/** The body of `NotifyReady`. */
export const NotifyReadyRequest = z
  .strictObject({
    image: z.string("must be a string").optional().describe("The image that was seen; a hint only."),
  })
  .meta({ examples: [{}] });

export type NotifyReadyRequest = z.infer<typeof NotifyReadyRequest>;

const State = z.enum(["idle", "in_progress", "paused", "cancelled", "completed", "rolling_back"]);
const Failure = z.object({ sentinel_id: z.string(), reason: z.string() });
const failures = z.array(Failure).describe("At most 20 of the failures, the newest last.");
const message = z.string().describe("One sentence for a person.");

/** What `Rollout`, `Resume` and `Cancel` answer. */
export const RolloutResponse = z.object({
  state: State,
  rollout_id: z.string().describe("Empty when there is no rollout."),
  image: z.string(),
  wave: z.int().describe("The current wave, counted from 1; 0 when there is no rollout."),
  waves: z.int(),
  total: z.int().describe("Sentinels in the rollout."),
  succeeded: z.int(),
  failed: z.int().describe("The full count of failures."),
  failures,
  next: z.array(z.string()).describe("The operations that are legal now."),
  message,
});
export type RolloutResponse = z.infer<typeof RolloutResponse>;

export const StatusResponse = RolloutResponse.extend({
  started_at: z.string().nullable().describe("When the rollout started (ISO 8601)."),
  wave_started_at: z.string().nullable().describe("When its current wave started (ISO 8601)."),
  reverted: z.int().describe("Sentinels that were rolled back."),
  waiting_for: z.string().describe("What it is waiting for; empty when for nothing."),
  waiting_since: z
    .string()
    .nullable()
    .describe("Since when the state, and the wave, is what it is now (ISO 8601)."),
  estimated_seconds_left: z
    .int()
    .nullable()
    .describe("From the waves done so far; null while there are none, or nothing runs."),
});
export type StatusResponse = z.infer<typeof StatusResponse>;

export const RollbackResponse = z.object({
  reverted: z.int().describe("Sentinels that run their previous image again."),
  total: z.int().describe("Sentinels that were to be reverted."),
  failures,
  state: State,
  message,
});
export type RollbackResponse = z.infer<typeof RollbackResponse>;

export const PlanResponse = z.object({
  image: z.string(),
  total: z.int().describe("Sentinels that a Rollout would deploy now."),
  waves: z.array(
    z.object({
      wave: z.int().describe("Counted from 1."),
      size: z.int(),
      sentinel_ids: z.array(z.string()).describe("At most 20 of them."),
    }),
  ),
  left_out: z.array(z.object({ reason: z.string(), count: z.int() })),
  message,
});
export type PlanResponse = z.infer<typeof PlanResponse>;

export const DeployResponse = z.object({
  status: z.enum(["ready", "failed"]),
  reason: z.string().optional().describe("Why it failed."),
});
export type DeployResponse = z.infer<typeof DeployResponse>;
