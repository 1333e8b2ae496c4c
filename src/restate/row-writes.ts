import type { ObjectContext } from "@restatedev/restate-sdk";
import type { Logger } from "../log.ts";
import type { WorkMetrics } from "../metrics/work.ts";
import type { DesiredValues, SentinelRow, SentinelStore } from "../mysql/sentinels.ts";
import type { Ending, Settlement } from "./converge.ts";
import type { Look } from "./look.ts";
import { ROLLOUT_ID_HEADER, WAVE_HEADER } from "./names.ts";

export interface RowWritesOptions {
  store: SentinelStore;
  logger: Logger;
  metrics: Pick<WorkMetrics, "deploySettled">;
}

interface Written {
  /** Why a sentinel that failed is skipped instead; null when it is not. */
  skipped: string | null;
  /** Unix ms. */
  endedMs: number;
}

/**
 * What one Deploy writes into its row, in order: a step that a cancellation left behind still runs, and must not write
 * over how the Deploy ended.
 */
export class RowWrites {
  /** When the Deploy began, in unix ms. */
  startedMs: number | undefined;
  /** Of a revert: what its row says again, should the sentinel be none of its business any more. */
  before: Pick<SentinelRow, "deployStatus" | "deployError"> | undefined;
  readonly #id: string;
  readonly #about: object;
  readonly #options: RowWritesOptions;
  #last: Promise<unknown> = Promise.resolve();
  #over = false;

  constructor(ctx: ObjectContext, options: RowWritesOptions) {
    const { headers } = ctx.request();
    const [rolloutId, wave] = [headers.get(ROLLOUT_ID_HEADER), headers.get(WAVE_HEADER)];
    this.#id = ctx.key;
    this.#about = {
      sentinelId: ctx.key,
      ...(rolloutId === undefined ? {} : { rolloutId }),
      ...(wave === undefined ? {} : { wave: Number(wave) }),
    };
    this.#options = options;
  }

  async progressing(desired: DesiredValues, nowMs: number): Promise<void> {
    if (this.#over) return;
    await this.#inOrder(() => this.#options.store.markProgressing(this.#id, desired, nowMs));
  }

  /**
   * Within the step that saw it converge, which saves a step. That step has a deadline, and MySQL's trouble is none of
   * its own: then a step without one writes it.
   */
  async afterLook(look: Look): Promise<Look> {
    if (look.verdict.kind !== "converged" || this.#over) return look;
    const written = this.#inOrder(() => this.#write(readyAfter(look).ending));
    return written.then(
      ({ endedMs: writtenMs }) => ({ ...look, writtenMs }),
      () => look,
    );
  }

  /** The last write. */
  end(ending: Ending): Promise<Written> {
    this.#over = true;
    return this.#inOrder(() => this.#write(ending));
  }

  /**
   * The last write of a Deploy that was cancelled before it was known to have begun: a row that does not say
   * `progressing` was not touched, and stays as it is.
   */
  async endIfBegun(ending: Ending): Promise<void> {
    this.#over = true;
    await this.#inOrder(async () => {
      const row = await this.#options.store.read(this.#id);
      if (row?.deployStatus === "progressing") await this.#write(ending);
    });
  }

  /** The last write of a revert that has nothing to do any more. */
  putBack(reason: string): Promise<Written> {
    this.#over = true;
    return this.#inOrder(async () => {
      const endedMs = Date.now();
      await this.#putBack(reason, endedMs);
      return { skipped: reason, endedMs };
    });
  }

  /** A row that was progressing before was left so by a Deploy that was killed: it has failed. */
  async #putBack(reason: string, nowMs: number): Promise<void> {
    const { store, logger, metrics } = this.#options;
    const { before } = this;
    if (before === undefined || before.deployStatus === "progressing") {
      await store.settle(this.#id, { status: "failed", reason }, nowMs);
    } else {
      await store.putBack(this.#id, before, nowMs);
    }
    metrics.deploySettled({ sentinelId: this.#id, startedMs: this.startedMs ?? nowMs, status: "skipped" });
    logger.warn({ ...this.#about, reason }, "sentinel skipped");
  }

  /** Writes nothing but the log. */
  standsDown(reason: string): void {
    this.#options.logger.info({ ...this.#about, reason }, "sentinel deploy stood down");
  }

  async #write(ending: Ending): Promise<Written> {
    const { store, logger, metrics } = this.#options;
    const endedMs = Date.now();
    if (this.before !== undefined && ending.status === "failed") {
      const why = retired(await store.read(this.#id));
      if (why !== undefined) {
        await this.#putBack(why, endedMs);
        return { skipped: why, endedMs };
      }
    }
    await store.settle(this.#id, ending, endedMs);
    const settled = { sentinelId: this.#id, startedMs: this.startedMs ?? endedMs };
    if (ending.status === "ready") {
      metrics.deploySettled({ ...settled, ...ending });
      logger.info(this.#about, "sentinel deploy ready");
      return { skipped: null, endedMs };
    }
    // Whoever archives or deletes a sentinel takes its Deployment away, which is no fault of the image.
    const reason = retired(await store.read(this.#id)) ?? null;
    metrics.deploySettled({ ...settled, status: reason === null ? "failed" : "skipped" });
    if (reason === null) logger.error({ ...this.#about, reason: ending.reason }, "sentinel deploy failed");
    else logger.warn({ ...this.#about, reason }, "sentinel skipped");
    return { skipped: reason, endedMs };
  }

  #inOrder<T>(write: () => Promise<T>): Promise<T> {
    const written = this.#last.then(write);
    this.#last = written.catch(() => undefined);
    return written;
  }
}

export function readyAfter({ observed, atMs, writtenMs }: Look): Settlement {
  const seen = observed ?? { health: "unknown", availableReplicas: 0 };
  const ending: Ending = { status: "ready", observed: seen, seenMs: atMs };
  return writtenMs === undefined ? { ending } : { ending, writtenMs };
}

/** Why a sentinel is no rollout's business any more; undefined while it is. */
export function retired(row: SentinelRow | undefined): string | undefined {
  if (row === undefined) return "it has no row any more";
  return row.desiredState === "running" ? undefined : `its desired state is ${row.desiredState}`;
}
