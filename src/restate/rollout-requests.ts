import { z } from "zod";
import { IMAGE_LIMIT, imageProblem } from "../domain/image.ts";
import { DEFAULT_WAVE_PERCENTAGES } from "../domain/waves.ts";

export const EXAMPLE_IMAGE = "ghcr.io/unkeyed/sentinel:v1.2.3";

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

const COMMENT_LIMIT = 500;

export const comment = z
  .string("must be a string")
  .max(COMMENT_LIMIT, `must have at most ${COMMENT_LIMIT} characters`)
  .optional()
  .describe("Why, for those who read it later: in Slack, in the log and in History.");

const FAILURES = 'must be a whole number from 0, or a percentage such as "2%"';

function failureLimit(of: string) {
  return z
    .union(
      [
        z.int(FAILURES).min(0, FAILURES),
        z
          .string(FAILURES)
          .regex(/^(100|[1-9]?\d)(\.\d{1,2})?%$/, FAILURES)
          .refine((text) => Number.parseFloat(text) <= 100, FAILURES),
      ],
      FAILURES,
    )
    .optional()
    .describe(of);
}

const IN_FLIGHT = "must be a whole number from 1";

/** What a rollout is to keep to; without any of it all is as it was before there were limits. */
const limits = {
  max_failures: failureLimit(
    'So many sentinels of each wave may fail, or so much of it ("2%", rounded down), and the rollout goes on. One more, and it launches nothing more in that wave and is paused. Without it a wave is finished, and any failure pauses the rollout after it.',
  ),
  max_total_failures: failureLimit("Likewise of all waves together."),
  max_in_flight: z
    .int(IN_FLIGHT)
    .min(1, IN_FLIGHT)
    .optional()
    .describe("Most Deploys in flight; at most what the service allows (MAX_IN_FLIGHT)."),
  ramp: z
    .boolean("must be true or false")
    .optional()
    .describe(
      "Begins each wave with one Deploy in flight, doubles that as they succeed, and returns to one when one fails.",
    ),
};

const SOAK_LIMIT = 86_400;
const SECONDS = `must be a whole number of seconds from 0 to ${SOAK_LIMIT}`;
const SOAK = `${SECONDS}, or a list of one for each wave percentage`;

function soakSeconds(wrong: string) {
  return z.int(wrong).min(0, wrong).max(SOAK_LIMIT, wrong);
}

/** What happens after a sentinel has come up; without any of it that is the last that a rollout knows of it. */
const soak = {
  soak_seconds: z
    .union([soakSeconds(SOAK), z.array(soakSeconds(SECONDS), SOAK)], SOAK)
    .optional()
    .describe(
      `How long each wave is watched before the next one begins, and the last one before the rollout is completed: one number, or one for each wave percentage; at most ${SOAK_LIMIT}.`,
    ),
  max_regressions: failureLimit(
    'So many of those that took the image, or so much of them ("2%", rounded down), may break after they came up, and the rollout goes on. Default 0.',
  ),
  on_failure: z
    .enum(["pause", "rollback"], 'must be "pause" or "rollback"')
    .optional()
    .describe(
      'What a failed wave, an exceeded budget or a regression leads to: "pause" (the default), or "rollback": RollbackAll follows by itself.',
    ),
};

/** A list has a soak for each wave; and who allows regressions has them looked for. */
function requireSoak(
  { soak_seconds, max_regressions, wave_percentages }: z.infer<typeof RolloutBody>,
  ctx: z.core.$RefinementCtx,
): void {
  const issue = (field: string, message: string, input: unknown) =>
    ctx.addIssue({ code: "custom", message, path: [field], input });
  if (max_regressions !== undefined && soak_seconds === undefined)
    issue("max_regressions", "needs soak_seconds: without it nobody looks for regressions", max_regressions);
  const waves = (wave_percentages ?? DEFAULT_WAVE_PERCENTAGES).length;
  if (Array.isArray(soak_seconds) && soak_seconds.length !== waves)
    issue("soak_seconds", `must have one number for each of the ${waves} wave percentages`, soak_seconds);
}

/** Of all that a freeze keeps from beginning or going on. */
export const overrideFreeze = z
  .boolean("must be true or false")
  .optional()
  .describe("True: in spite of a freeze. It needs a comment that says why.");

/** Who goes on in spite of a freeze says why. */
export function requireComment(
  request: { override_freeze?: boolean | undefined; comment?: string | undefined },
  ctx: z.core.$RefinementCtx,
): void {
  const { override_freeze, comment: input = "" } = request;
  if (!override_freeze || /[^\p{C}\s]/u.test(input)) return;
  const message = "must say why the freeze is overridden";
  ctx.addIssue({ code: "custom", message, path: ["comment"], input });
}

/** The body of `Rollout` and `Plan`. */
const RolloutBody = z.strictObject({
  ...{ image, wave_percentages: wavePercentages, ...limits, ...soak },
  ...{ override_freeze: overrideFreeze, comment },
});
export const RolloutRequest = RolloutBody.superRefine(requireComment)
  .superRefine(requireSoak)
  .meta({ examples: [{ image: EXAMPLE_IMAGE }] });
export type RolloutRequest = z.infer<typeof RolloutRequest>;

const WAVE = "must be a whole number from 1";

/** The body of `Cancel` and `Pause`. The example is the body that names nothing. */
export const GuardedRequest = z
  .strictObject({
    rollout_id: z
      .string("must be a string")
      .regex(/^[\x21-\x7e]{1,64}$/, "must be the id of a rollout, in one word of at most 64 characters")
      .optional()
      .describe("Only if it is still this rollout: otherwise nothing changes (409)."),
    wave: z
      .int(WAVE)
      .min(1, WAVE)
      .optional()
      .describe("Only if it is still in this wave, counted from 1: otherwise nothing changes (409)."),
    comment,
  })
  .meta({ examples: [{}] });
export type GuardedRequest = z.infer<typeof GuardedRequest>;

/** The body of `Resume`. */
export const ResumeRequest = GuardedRequest.extend({ override_freeze: overrideFreeze })
  .superRefine(requireComment)
  .meta({ examples: [{}] });
export type ResumeRequest = z.infer<typeof ResumeRequest>;

/** The body of `RollbackAll` and `Abort`. */
export const RollbackRequest = GuardedRequest.extend({
  include_failed: z
    .boolean("must be true or false")
    .optional()
    .describe("True: the failed ones, too, return to their previous image."),
}).meta({ examples: [{}] });
export type RollbackRequest = z.infer<typeof RollbackRequest>;

/** At most this many sentinels can be named at once: each has to be found among the failed. */
const NAMED_LIMIT = 100;
const NAMED = `must be a list of 1 to ${NAMED_LIMIT} ids`;

/** The body of `RetryFailed`. */
export const RetryRequest = GuardedRequest.extend({
  override_freeze: overrideFreeze,
  sentinel_ids: z
    .array(
      z.string("must be a string").min(1, "must not be empty").max(64, "must have at most 64 characters"),
      NAMED,
    )
    .min(1, NAMED)
    .max(NAMED_LIMIT, NAMED)
    .superRefine((ids, ctx) => {
      const at = ids.findIndex((id, i) => ids.indexOf(id) < i);
      if (at < 0) return;
      ctx.addIssue({ code: "custom", message: "must be named once", path: [at], input: ids[at] });
    })
    .optional()
    .describe(
      `Only these of the failed, at most ${NAMED_LIMIT}; without it all of them, of all waves so far.`,
    ),
  resume: z
    .boolean("must be true or false")
    .optional()
    .describe("True: once none of the wave is failed any more, go on as Resume does."),
})
  .superRefine(requireComment)
  .meta({ examples: [{}] });
export type RetryRequest = z.infer<typeof RetryRequest>;

/** The body of `Status`. */
export const StatusRequest = z
  .strictObject({
    detail: z
      .boolean("must be true or false")
      .optional()
      .describe("Also what it is waiting for, by sentinel, region and reason."),
  })
  .meta({ examples: [{}] });
export type StatusRequest = z.infer<typeof StatusRequest>;
