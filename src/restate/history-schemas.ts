import { z } from "zod";
import { EXAMPLE_ROLLOUT_ID, message } from "./answer-fields.ts";
import { EXAMPLE_IMAGE } from "./rollout-requests.ts";

const MOST = 1_000;
export const DEFAULT_LIMIT = 20;
const LIMIT = `must be a whole number from 1 to ${MOST}`;
const ID_LENGTH = 64;
/** An outcome, a slash and an id. */
const AFTER_LENGTH = 80;

/** The body of `History`. */
export const HistoryRequest = z
  .strictObject({
    limit: z
      .int(LIMIT)
      .min(1, LIMIT)
      .max(MOST, LIMIT)
      .optional()
      .describe(
        `How many rollouts to list, or with rollout_id how many sentinels; and how many actions: 1 to ${MOST}, default ${DEFAULT_LIMIT}.`,
      ),
    rollout_id: z
      .string("must be a string")
      .min(1, "must not be empty")
      .max(ID_LENGTH, `must have at most ${ID_LENGTH} characters`)
      .optional()
      .describe("Only this rollout, with what became of its sentinels, and the verbs that were about it."),
    after: z
      .string("must be a string")
      .min(1, "must not be empty")
      .max(AFTER_LENGTH, `must have at most ${AFTER_LENGTH} characters`)
      .optional()
      .describe(
        "The next_after of an answer, to go on behind what it listed: a rollout's id, or with rollout_id an outcome and a sentinel, such as failed/sen_0017.",
      ),
    actions_after: z
      .string("must be a string")
      .min(1, "must not be empty")
      .max(ID_LENGTH, `must have at most ${ID_LENGTH} characters`)
      .optional()
      .describe("The next_actions_after of an answer, to go on behind the actions that it listed."),
  })
  .meta({ examples: [{}] });
export type HistoryRequest = z.infer<typeof HistoryRequest>;

const time = z.string().describe("ISO 8601.");

const PastRollout = z.object({
  rollout_id: z.string(),
  image: z.string(),
  rewritten_to: z.string().nullable().describe("What a cluster's admission has made of the image."),
  state: z.enum(["in_progress", "paused", "cancelled", "completed", "rolling_back"]),
  started_by: z.string().nullable().describe("The header x-operator of the call that started it."),
  invocation_id: z.string().nullable().describe("The Restate invocation that started it."),
  wave: z.int().describe("The wave it was in last, counted from 1."),
  waves: z.int(),
  wave_sizes: z.array(z.int()).describe("Sentinels in each wave."),
  total: z.int(),
  succeeded: z.int(),
  failed: z.int(),
  skipped: z.int().describe("Sentinels that were archived or deleted since the rollout began."),
  reverted: z.int(),
  pause_reason: z.string().nullable().describe("Why it was paused last; null if it never was."),
  started_at: time,
  ended_at: time.nullable().describe("When it was completed or cancelled (ISO 8601)."),
  updated_at: time,
});

const PastOutcome = z.object({
  sentinel_id: z.string(),
  wave: z.int().describe("Counted from 1."),
  outcome: z.enum(["failed", "skipped", "reverted", "succeeded"]),
  reason: z.string().nullable(),
  duration_ms: z.int().nullable().describe("How long its Deploy took; null where that is not known."),
  recorded_at: time,
});

const PastAction = z.object({
  id: z
    .string()
    .describe(
      "The Restate invocation of the call; an awakeable of it where a Cancel names neither itself nor a reason.",
    ),
  verb: z.string().describe("Rollout, Resume, Cancel, …"),
  operator: z.string().nullable().describe("The header x-operator of the call; null: it had none."),
  comment: z.string().nullable().describe("Why, as the caller said."),
  rollout_id: z
    .string()
    .nullable()
    .describe("The rollout that it was about, or that was there when it was refused; null: there was none."),
  from: z.string().nullable().describe("The state before it; null where that could not be read."),
  to: z.string().nullable().describe("The state that it led to; null where it was refused."),
  refused: z
    .string()
    .nullable()
    .describe("Why it was refused, as the caller was answered; null where it was not."),
  at: time,
});

/** What `History` answers. */
export const HistoryResponse = z
  .object({
    rollouts: z.array(PastRollout).describe("The newest first."),
    sentinels: z
      .array(PastOutcome)
      .optional()
      .describe(
        "With rollout_id: the failed ones first, then skipped, reverted, succeeded. One that was reverted is listed as what it was before, too.",
      ),
    actions: z
      .array(PastAction)
      .describe(
        "Who called which verb, also where it was refused, the newest first: of all rollouts, or with rollout_id of that one.",
      ),
    total: z
      .int()
      .describe("How many there are in all: rollouts, or with rollout_id outcomes of its sentinels."),
    next_after: z
      .string()
      .nullable()
      .describe("To be sent as after, for those that come behind the last one listed; null: there are none."),
    next_actions_after: z.string().nullable().describe("Likewise as actions_after, for earlier actions."),
    message,
  })
  .meta({
    examples: [
      {
        rollouts: [
          {
            rollout_id: EXAMPLE_ROLLOUT_ID,
            image: EXAMPLE_IMAGE,
            rewritten_to: null,
            state: "paused",
            started_by: "alice",
            invocation_id: "inv_1gdJBtdVEcM942bjcDmb1c1khoaJe11Hbz",
            wave: 3,
            waves: 5,
            wave_sizes: [1, 4, 20, 25, 50],
            total: 100,
            succeeded: 24,
            failed: 1,
            skipped: 0,
            reverted: 0,
            pause_reason: "wave 3/5: 1 of 20 sentinels failed",
            started_at: "2026-01-31T02:15:00.000Z",
            ended_at: null,
            updated_at: "2026-01-31T02:52:00.000Z",
          },
        ],
        sentinels: [
          {
            sentinel_id: "sen_0017",
            wave: 3,
            outcome: "failed",
            reason: "ImagePullBackOff: manifest unknown",
            duration_ms: 121_034,
            recorded_at: "2026-01-31T02:52:00.000Z",
          },
        ],
        actions: [
          {
            id: "inv_1gdJBtdVEcM942bjcDmb1c1khoaJe11Hbz",
            verb: "Rollout",
            operator: "alice",
            comment: "the fix for the handshake",
            rollout_id: EXAMPLE_ROLLOUT_ID,
            from: "idle",
            to: "in_progress",
            refused: null,
            at: "2026-01-31T02:15:00.000Z",
          },
        ],
        total: 25,
        next_after: "failed/sen_0017",
        next_actions_after: null,
        message: `The rollout of ${EXAMPLE_IMAGE} is paused: 24 of 100 sentinels succeeded, 1 failed. 1 of 25 outcomes is listed; the next ones with "after": "failed/sen_0017".`,
      },
    ],
  });
export type HistoryResponse = z.infer<typeof HistoryResponse>;
