import { type ObjectContext, TerminalError } from "@restatedev/restate-sdk";
import type { Logger } from "../log.ts";
import type { WorkMetrics } from "../metrics/work.ts";
import { type Fence, laterThan } from "../mysql/fence.ts";
import type { DesiredValues, Observation, SentinelRow } from "../mysql/row.ts";
import { fittingReason } from "../mysql/rows.ts";
import type { SentinelStore } from "../mysql/sentinels.ts";
import { ROLLOUT_ID_HEADER, WAVE_HEADER } from "../restate/contract.ts";
import { plainText } from "../util/plain-text.ts";
import { type Ending, readyAfter } from "./ending.ts";
import type { Look } from "./look.ts";
import { retired } from "./retired.ts";

/** As many characters as the row's image takes. */
const IMAGE_LENGTH = 255;

export interface RowWritesOptions {
  store: SentinelStore;
  logger: Logger;
  metrics: Pick<WorkMetrics, "deploySettled">;
  /** Told of what was written into the observed columns. */
  onObserved?(sentinelId: string, observed: Observation): void;
}

interface Written {
  /** Why a sentinel that failed is skipped instead; null when it is not. */
  skipped: string | null;
  /** Unix ms. */
  endedMs: number;
  /** Set where another writer changed the row meanwhile, and nothing was written: what the row says now. */
  superseded?: string;
}

/**
 * Another writer that is no Deploy changed the row, which still says `progressing`. Nothing was written. The next step
 * writes, within a fence that only a living Deploy knows.
 */
interface Touched {
  /** The row's updated_at (unix ms). */
  touchedMs: number | null;
}

/**
 * What one Deploy writes into its row, in order: a step that a cancellation left behind still runs, and must not write
 * over how the Deploy ended. All of it is fenced by what its `begin` read: a process that was frozen, or a statement that
 * waited for a lock, comes too late for a row that has been written since.
 */
export class RowWrites {
  /** When the Deploy began, in unix ms. */
  startedMs: number | undefined;
  /** Of a rollout's Deploy, or its revert: what its row says again, should the sentinel be none of its business any more. */
  before: Pick<SentinelRow, "deployStatus" | "deployError"> | undefined;
  readonly #ctx: ObjectContext;
  readonly #id: string;
  readonly #about: object;
  readonly #options: RowWritesOptions;
  /** Undefined: what `begin` read is not known, or it was not over. */
  #begun: { row: SentinelRow; desired: DesiredValues; atMs: number } | undefined;
  #touched: (number | null)[] = [];
  #last: Promise<unknown> = Promise.resolve();
  #over = false;

  constructor(ctx: ObjectContext, options: RowWritesOptions) {
    const { headers } = ctx.request();
    const [rolloutId, wave] = [headers.get(ROLLOUT_ID_HEADER), headers.get(WAVE_HEADER)];
    this.#ctx = ctx;
    this.#id = ctx.key;
    this.#about = {
      sentinelId: ctx.key,
      ...(rolloutId === undefined ? {} : { rolloutId }),
      ...(wave === undefined ? {} : { wave: Number(wave) }),
    };
    this.#options = options;
  }

  /**
   * Within the step that reads the row.
   * @throws Error where it was written since it was read, or Restate has given this attempt up: another one reads it again
   */
  async begins(row: SentinelRow, desired: DesiredValues, nowMs: number): Promise<void> {
    if (this.#over || this.#ctx.request().attemptCompletedSignal.aborted) {
      throw new Error("this attempt is over");
    }
    const fence: Fence = [row.updatedAtMs];
    const write = { fence, atMs: laterThan(fence, nowMs) };
    const done = await this.#inOrder(() => this.#options.store.markProgressing(this.#id, desired, write));
    if (!done.written) throw new Error("the row was written while it was read");
  }

  /** From now on all is written into the row as this Deploy read it, or as it has written it itself since. */
  begun(row: SentinelRow, desired: DesiredValues, nowMs: number): void {
    this.#begun = { row, desired, atMs: laterThan([row.updatedAtMs], nowMs) };
  }

  /** A step of its own. @throws TerminalError where another writer has changed the row */
  async progressing(desired: DesiredValues): Promise<void> {
    const touched = await this.#ctx.run("write the desired values", () => this.writeProgressing(desired));
    if (touched === null) return;
    this.#touched.push(touched.touchedMs);
    await this.progressing(desired);
  }

  /** Within a step. Null: it is written; done again, it writes the same. */
  async writeProgressing(desired: DesiredValues): Promise<Touched | null> {
    if (this.#over) return null;
    const { store } = this.#options;
    const { row: read, atMs: begunMs } = this.#known();
    const fence: Fence = [read.updatedAtMs, begunMs, ...this.#touched];
    const write = { fence, atMs: Math.max(begunMs, laterThan(this.#touched, 0)) };
    const done = await this.#inOrder(() => store.markProgressing(this.#id, desired, write));
    if (done.written) return null;
    const { row } = done;
    if (row?.image !== read.image && row?.image !== desired.image) {
      throw new TerminalError(row === undefined ? "it has no row any more" : changed(row));
    }
    return { touchedMs: row.updatedAtMs };
  }

  /**
   * Within the step that saw it converge, which saves a step. That step has a deadline, and MySQL's trouble is none of
   * its own: then a step without one writes it.
   */
  async afterLook(look: Look): Promise<Look> {
    if (look.verdict.kind !== "converged" || this.#over) return look;
    const written = this.#inOrder(() => this.#write(readyAfter(look)));
    return written.then(
      (done) =>
        "touchedMs" in done || done.superseded !== undefined ? look : { ...look, writtenMs: done.endedMs },
      () => look,
    );
  }

  /** The last write. */
  end(ending: Ending): Promise<Written> {
    return this.#lastly(`write the outcome: ${ending.status}`, () => this.#write(ending));
  }

  /**
   * The last write of a Deploy that was cancelled before it was known to have begun: a row that does not say
   * `progressing` was not touched, and stays as it is.
   */
  async endIfBegun(ending: Ending): Promise<void> {
    this.#over = true;
    await this.#inOrder(async () => {
      const row = await this.#options.store.read(this.#id);
      if (row?.deployStatus !== "progressing") return;
      const done = await this.#write(ending, [row.updatedAtMs]);
      if ("touchedMs" in done) throw new Error("the row was written while it was read");
    });
  }

  /** The last write of one that has nothing to do any more. */
  putBack(name: string, reason: string): Promise<Written> {
    return this.#lastly(name, () => this.#putBack(reason, Date.now()));
  }

  /** Writes nothing but the log. */
  standsDown(reason: string): void {
    this.#options.logger.info({ ...this.#about, reason }, "sentinel deploy stood down");
  }

  async #lastly(name: string, write: () => Promise<Written | Touched>): Promise<Written> {
    const done = await this.#ctx.run(name, () => {
      this.#over = true;
      return this.#inOrder(write);
    });
    if (!("touchedMs" in done)) return done;
    this.#touched.push(done.touchedMs);
    return this.#lastly(name, write);
  }

  /** A row that was progressing before was left so by a Deploy that was killed: it has failed. */
  async #putBack(reason: string, nowMs: number): Promise<Written | Touched> {
    const { store, logger, metrics } = this.#options;
    const { before } = this;
    const fence = await this.#fence();
    const write = { fence, atMs: laterThan(fence, nowMs) };
    const outcome = { status: "failed", reason } as const;
    const isOver = before !== undefined && before.deployStatus !== "progressing";
    const done = isOver
      ? await store.putBack(this.#id, before, write)
      : await store.settle(this.#id, outcome, write);
    if (!done.written && done.row?.deployStatus === "progressing") return { touchedMs: done.row.updatedAtMs };
    metrics.deploySettled({ sentinelId: this.#id, startedMs: this.startedMs ?? nowMs, status: "skipped" });
    logger.warn({ ...this.#about, reason }, "sentinel skipped");
    return { skipped: reason, endedMs: write.atMs };
  }

  async #write(ending: Ending, given?: Fence): Promise<Written | Touched> {
    const { store, logger, metrics } = this.#options;
    const nowMs = Date.now();
    if (this.before !== undefined && ending.status === "failed") {
      const why = retired(await store.read(this.#id));
      if (why !== undefined) return this.#putBack(why, nowMs);
    }
    const fence = given ?? (await this.#fence());
    const write = { fence, atMs: laterThan(fence, nowMs) };
    const done = await store.settle(this.#id, ending, write);
    const other = done.written || this.#says(done.row, ending) ? undefined : done.row;
    if (other?.deployStatus === "progressing") return { touchedMs: other.updatedAtMs };
    const endedMs = write.atMs;
    const settled = { sentinelId: this.#id, startedMs: this.startedMs ?? endedMs };
    if (ending.status === "ready" && other === undefined) {
      if (done.written) this.#options.onObserved?.(this.#id, ending.observed);
      metrics.deploySettled({ ...settled, ...ending });
      logger.info(this.#about, "sentinel deploy ready");
      return { skipped: null, endedMs };
    }
    // An archived or deleted sentinel loses its Deployment, which is no fault of the image.
    const skipped = retired(other ?? (await store.read(this.#id))) ?? null;
    metrics.deploySettled({ ...settled, status: skipped === null ? "failed" : "skipped" });
    if (skipped !== null) logger.warn({ ...this.#about, reason: skipped }, "sentinel skipped");
    else if (other !== undefined) {
      logger.warn({ ...this.#about, reason: changed(other) }, "sentinel deploy superseded");
      return { skipped, endedMs, superseded: changed(other) };
    } else if (ending.status === "failed") {
      logger.error({ ...this.#about, reason: ending.reason }, "sentinel deploy failed");
    }
    return { skipped, endedMs };
  }

  /** Where `begin` told nothing, it is the row as it is. */
  async #fence(): Promise<Fence> {
    const begun = this.#begun;
    if (begun !== undefined) return [begun.row.updatedAtMs, begun.atMs, ...this.#touched];
    return [(await this.#options.store.read(this.#id))?.updatedAtMs ?? null, ...this.#touched];
  }

  /** It was written before, and the answer was lost. */
  #says(row: SentinelRow | undefined, ending: Ending): boolean {
    if (row === undefined) return true;
    if (row.deployStatus !== ending.status) return false;
    const { desired, row: read } = this.#begun ?? {};
    if (ending.status === "ready") return row.image === desired?.image;
    const images = [ending.image, desired?.image, read?.image];
    return row.deployError === fittingReason(ending.reason) && images.includes(row.image);
  }

  #known(): { row: SentinelRow; atMs: number } {
    if (this.#begun === undefined) throw new Error("nothing has begun");
    return this.#begun;
  }

  #inOrder<T>(write: () => Promise<T>): Promise<T> {
    const written = this.#last.then(write);
    this.#last = written.catch(() => undefined);
    return written;
  }
}

/** Another writer changed the row, and its values stay. */
function changed({ deployStatus, image }: SentinelRow): string {
  return `its row was written by somebody else meanwhile, and says ${deployStatus} with ${plainText(image, IMAGE_LENGTH)}`;
}
