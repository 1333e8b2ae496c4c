import { type ObjectContext, TerminalError } from "@restatedev/restate-sdk";
import type { Clusters } from "../kubernetes/clusters.ts";
import type { Logger } from "../log.ts";
import { type Fence, laterThan } from "../mysql/fence.ts";
import type { SentinelStore } from "../mysql/sentinels.ts";
import { serving, targetOf } from "./look.ts";
import { retired } from "./retired.ts";

export interface HealOptions {
  store: Pick<SentinelStore, "read" | "settle" | "isRewritten">;
  clusters: Pick<Clusters, "all" | "forRegion">;
  logger: Logger;
}

/** The watcher that noticed it will notice it again. */
const ATTEMPTS = { maxRetryAttempts: 3, initialRetryInterval: 200 } as const;

/**
 * Settles the row of a sentinel that failed and has come up since: its Deployment has converged on the image of the row. It
 * only looks: nothing is patched, and where it is not so, the row stays as it is. Like a Deploy it is one at a time for a
 * sentinel, so that `deploy_status` keeps its one writer.
 */
export async function heal(ctx: ObjectContext, { store, clusters, logger }: HealOptions): Promise<void> {
  try {
    await ctx.run("look whether it has come up since", look, ATTEMPTS);
  } catch (error) {
    if (!(error instanceof TerminalError)) throw error;
    logger.warn(
      { sentinelId: ctx.key, reason: error.message },
      "a sentinel that came up late is not settled",
    );
  }

  async function look(): Promise<void> {
    const row = await store.read(ctx.key);
    if (row?.deployStatus !== "failed" || retired(row) !== undefined) return;
    const cluster = clusters.forRegion(row.regionId)?.name;
    if (cluster === undefined) return;
    const { image } = row;
    const isRewritten = (other: string) => store.isRewritten(image, other);
    const { observed } = await serving(
      targetOf(row, cluster, clusters),
      { image, changeCause: "" },
      isRewritten,
    );
    if (observed === undefined || observed.health === "unhealthy") return;
    const fence: Fence = [row.updatedAtMs];
    const write = { fence, atMs: laterThan(fence, Date.now()) };
    const { written } = await store.settle(ctx.key, { status: "ready", observed }, write);
    if (!written) return;
    logger.info({ sentinelId: ctx.key, image: row.image }, "sentinel came up late");
  }
}
