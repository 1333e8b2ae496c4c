import { z } from "zod";
import { PHASES } from "../domain/phase.ts";
import {
  asOf,
  EXAMPLE_AS_OF,
  EXAMPLE_FAILURE,
  EXAMPLE_ROLLOUT_ID,
  EXAMPLE_TELLS_OF,
  Failure,
  failures,
  guard,
  message,
  State,
} from "./answer-fields.ts";
import { EXAMPLE_DETAIL, StatusDetail } from "./detail-schemas.ts";
import { Frozen } from "./freeze-schemas.ts";
import { EXAMPLE_IMAGE } from "./rollout-requests.ts";

const EXAMPLE_ROLLOUT = {
  state: "paused",
  phase: "paused",
  pause_kind: "failure",
  never_attempted: 0,
  rollout_id: EXAMPLE_ROLLOUT_ID,
  image: EXAMPLE_IMAGE,
  wave: 3,
  waves: 5,
  total: 100,
  succeeded: 24,
  failed: 1,
  failures: [EXAMPLE_FAILURE],
  skipped: 0,
  skips: [],
  in_flight: 0,
  waiting: 75,
  taken_over: 0,
  next: ["Resume", "Cancel", "RollbackAll"],
  guard: { rollout_id: EXAMPLE_ROLLOUT_ID, wave: 3 },
  soak_until: null,
  soak_seconds_left: null,
  rolls_back: false,
  regressed: 0,
  regressions: [],
  message: `Paused in wave 3 of 5: 1 of 20 sentinels failed. 24 of 100 sentinels took ${EXAMPLE_IMAGE}, 1 failed. Resume: go on with wave 4; the 1 failed is not retried. Cancel: stop here and keep the new image where it came up. RollbackAll: revert the 24 that took it.`,
};

const HealthCount = z.object({ total: z.int(), unhealthy: z.int() });
const healthPair = { updated: HealthCount, not_updated: HealthCount };

/** Absent in the answer of a service that knows no soak yet. */
const Health = z
  .object({
    ...healthPair,
    regions: z.array(z.object({ region: z.string(), ...healthPair })),
    unseen: z.array(z.string()).describe("Clusters that do not answer now: their sentinels count nowhere."),
  })
  .nullable()
  .default(null)
  .describe(
    "Of a rollout with soak_seconds: how those on the image stand now, and those that wait for it; unhealthy: fewer replicas available than desired. Null: no soak was asked for.",
  );

const rolloutFields = z.object({
  state: State,
  phase: z
    .string()
    .default("")
    .describe(`What it does now, in finer words than its state: ${PHASES.join(", ")}.`),
  pause_kind: z
    .enum(["failure", "budget", "operator", "interrupted", "freeze", "regression"])
    .nullable()
    .default(null)
    .describe(
      "Why it is paused: a wave with a failure, an exceeded budget, an operator, a drive that ended before its time, a freeze, or sentinels that broke after they had come up. Null unless it is paused.",
    ),
  never_attempted: z
    .int()
    .default(0)
    .describe("Paused inside a wave: its sentinels without a result, which Resume deploys first."),
  rollout_id: z.string().describe("Empty when there is no rollout."),
  image: z.string(),
  wave: z.int().describe("The current wave, counted from 1; 0 when there is no rollout."),
  waves: z.int(),
  total: z
    .int()
    .describe("Sentinels in the rollout; once a RollbackAll has begun, those that were taken over, too."),
  succeeded: z.int(),
  failed: z.int().describe("The full count of failures."),
  failures,
  skipped: z.int().describe("Sentinels that were archived or deleted since the rollout began."),
  skips: z.array(Failure).describe("At most 20 of them and why, the newest last."),
  in_flight: z.int().describe("Deploys in flight."),
  waiting: z
    .int()
    .describe(
      "Sentinels whose turn has not come: succeeded, failed, skipped, in flight and waiting are all.",
    ),
  taken_over: z
    .int()
    .describe(
      "Sentinels that an earlier, cancelled rollout of this image deployed, and that are in no wave of this one: RollbackAll reverts them, too.",
    ),
  next: z
    .array(z.string())
    .describe(
      "The verbs that are legal now; but no RollbackAll where nothing is left to revert, which would answer 0 of 0, and no Rollout or Resume in a freeze.",
    ),
  guard,
  soak_until: z
    .string()
    .nullable()
    .default(null)
    .describe(
      "The wave is watched before the rollout goes on, until then (ISO 8601). Null: it does not soak.",
    ),
  soak_seconds_left: z
    .int()
    .nullable()
    .default(null)
    .describe("Paused in a soak: so much of it is left, which Resume goes on with."),
  rolls_back: z
    .boolean()
    .default(false)
    .describe(
      "Paused, and RollbackAll is about to follow by itself (on_failure); Resume or Cancel before it decide instead.",
    ),
  regressed: z
    .int()
    .default(0)
    .describe("Sentinels that broke after they had come up with the image; they stay among the succeeded."),
  regressions: z
    .array(
      z.object({
        sentinel_id: z.string(),
        since: z.string().describe("ISO 8601."),
        reason: z.string(),
        recovered: z.boolean(),
      }),
    )
    .default([])
    .describe("At most 20 of them, the newest last."),
  message,
});

/** What `Rollout`, `Resume` and `Cancel` answer. */
export const RolloutResponse = rolloutFields.extend({ as_of: asOf }).meta({
  examples: [
    {
      ...EXAMPLE_ROLLOUT,
      as_of: EXAMPLE_AS_OF,
      message: `${EXAMPLE_ROLLOUT.message} ${EXAMPLE_TELLS_OF}`,
    },
  ],
});
export type RolloutResponse = z.infer<typeof RolloutResponse>;

export const StatusResponse = rolloutFields
  .extend({
    started_at: z.string().nullable().describe("When the rollout started (ISO 8601)."),
    wave_started_at: z.string().nullable().describe("When its current wave started (ISO 8601)."),
    wave_sizes: z.array(z.int()).describe("Sentinels in each wave."),
    reverted: z.int().describe("Sentinels that were rolled back."),
    failed_on_image: z
      .int()
      .nullable()
      .describe(
        "Sentinels that failed, also in an earlier rollout of the image, and whose Deployments are set to the image (by their rows where these cannot be read, or where more than 200 failed): whoever heals comes up with it. Null: none failed, it cannot be told now, or they are all over a large fleet (more than 20, or after an earlier rollout of the image, or a retry): RollbackAll and Slack count these.",
      ),
    failed_serving: z.int().nullable().describe("Of them those that run it and are healthy."),
    frozen: Frozen,
    health: Health,
    waiting_for: z.string().describe("What it is waiting for; empty when for nothing."),
    waiting_since: z
      .string()
      .nullable()
      .describe("Since when the state, and the wave, is what it is now (ISO 8601)."),
    estimated_seconds_left: z
      .int()
      .nullable()
      .describe("From the waves done so far; null while there are none, or nothing runs."),
    ...StatusDetail.partial().shape,
  })
  .meta({
    examples: [
      {
        ...EXAMPLE_ROLLOUT,
        started_at: "2026-01-31T02:15:00.000Z",
        wave_started_at: "2026-01-31T02:40:00.000Z",
        wave_sizes: [1, 4, 20, 25, 50],
        reverted: 0,
        failed_on_image: 1,
        failed_serving: 0,
        frozen: null,
        health: null,
        waiting_for: "an operator: Resume, Cancel or RollbackAll",
        waiting_since: "2026-01-31T02:52:00.000Z",
        estimated_seconds_left: null,
        ...EXAMPLE_DETAIL,
      },
    ],
  });
export type StatusResponse = z.infer<typeof StatusResponse>;
