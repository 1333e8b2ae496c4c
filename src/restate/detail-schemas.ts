import { z } from "zod";

const Slow = z.object({
  sentinel_id: z.string(),
  region: z.string(),
  since: z.string().describe("When its Deploy began (ISO 8601)."),
  deadline: z
    .string()
    .describe("When it fails at the latest (ISO 8601), by this replica's DEPLOY_TIMEOUT_SECONDS."),
  lacks: z.string().describe("What its Deployment lacks, as far as this replica has seen."),
  pods: z.string().describe("What its pods say, in the words of Kubernetes; empty when they say nothing."),
  news_age_seconds: z
    .int()
    .nullable()
    .describe("How long ago the newest of that was seen here; null: nothing was."),
});

const Region = z.object({
  region: z.string(),
  waiting: z.int(),
  in_flight: z.int(),
  succeeded: z.int().describe("Those that were reverted since included."),
  failed: z.int(),
});

const Reason = z.object({
  reason: z.string().describe("With … in the place of numbers, ids and images that differ."),
  count: z.int(),
  examples: z.array(z.string()).describe("A few of the sentinels."),
});

/** What `Status` adds when it is asked for detail. */
export const StatusDetail = z.object({
  slowest: z
    .array(Slow)
    .nullable()
    .describe(
      "With detail: at most 20 of the Deploys in flight, the longest first. From the rows that are progressing and from the caches of the replica that answers. Null: it cannot be told now.",
    ),
  by_region: z
    .array(Region)
    .nullable()
    .describe(
      "With detail: how far it is in each region (at most 100). Counted from the rows: in flight, succeeded and failed are those deployed since the rollout started, by deploy_status; waiting are the others that do not serve the image. So it does not know of sentinels that are no longer running, counts Deploys by hand, and may differ from the rollout's own numbers while it runs. Null: it cannot be told now.",
    ),
  failures_by_reason: z
    .array(Reason)
    .nullable()
    .describe(
      "With detail: the ten most common reasons. From the history (at most 2,000 of its failures) and the newest failures of the rollout. Null: it cannot be told now.",
    ),
  detail_message: z
    .string()
    .describe(
      "With detail: one sentence on what it is from and how old that is, or on why it cannot be told.",
    ),
});
export type StatusDetail = z.infer<typeof StatusDetail>;

export const EXAMPLE_DETAIL: StatusDetail = {
  slowest: [
    {
      sentinel_id: "sen_0031",
      region: "eu-west-1",
      since: "2026-01-31T02:41:00.000Z",
      deadline: "2026-01-31T02:51:00.000Z",
      lacks: "1 of 2 updated replicas to be available",
      pods: "ImagePullBackOff: manifest unknown",
      news_age_seconds: 12,
    },
  ],
  by_region: [{ region: "eu-west-1", waiting: 75, in_flight: 0, succeeded: 24, failed: 1 }],
  failures_by_reason: [{ reason: "ImagePullBackOff: manifest unknown", count: 1, examples: ["sen_0017"] }],
  detail_message: "The rows are as of 2026-01-31T02:52:10.000Z.",
};
