import { type ObjectSharedContext, RestatePromise, rpc } from "@restatedev/restate-sdk";
import type { RollbackScope, RollbackTarget } from "../domain/rollback.ts";
import type { Failure, SentinelResult } from "../domain/state.ts";
import { recordEvery } from "../domain/waves.ts";
import { deployOutcome } from "./deploy-outcome.ts";
import { cancellation, driveId, report } from "./driver.ts";
import { InFlight } from "./fan-out.ts";
import { SentinelObject } from "./names.ts";

export interface RollbackOptions {
  /** The image in each row that was asked for, by sentinel id. */
  images(ids: string[]): Promise<Map<string, string>>;
  maxInFlight: number;
}

/** What a rollback came to. */
export interface RollbackReport {
  reverted: number;
  targets: number;
  /** Sentinels that did not revert, and those left alone because somebody moved them since. */
  failures: Failure[];
  interrupted: boolean;
}

/** Of a long list of failures this many are kept for the response; the count is always the full one. */
const KEPT_FAILURES = 20;
/** Slack shows so many. */
const REPORTED_FAILURES = 5;
const INTERRUPTED = "the driving invocation was cancelled; the Deploys in flight were left to finish";

/** Returns every sentinel that took the new image to its own previous one, newest first. */
export async function driveRollback(
  ctx: ObjectSharedContext,
  options: RollbackOptions,
): Promise<RollbackReport> {
  const drive = driveId(ctx);
  const run = new Rollback(ctx, options);
  let signal = ctx.awakeable<void>();
  let step = await report(ctx, "rollback", {
    type: "beginRollback",
    drive: { invocationId: drive, signal: signal.id },
  });
  // Deploys that were in flight at the Cancel settle one by one, and follow as they do.
  while (step.scope !== undefined && !run.interrupted) {
    const { scope } = step;
    const launched = await run.revert(scope);
    if (scope.settled || run.interrupted) break;
    if (!launched) await run.wait(signal.promise);
    signal = ctx.awakeable<void>();
    step = await report(ctx, "look for late results", { type: "listen", drive, signal: signal.id });
  }
  const { reverted, targets, failures } = run;
  await report(ctx, "rollback finished", {
    type: "finishRollback",
    drive,
    ids: run.unrecorded,
    reverted,
    targets,
    failures: failures.slice(0, REPORTED_FAILURES),
    ...(run.interrupted ? { interruption: INTERRUPTED } : {}),
  });
  return { reverted, targets, failures, interrupted: run.interrupted };
}

class Rollback {
  reverted = 0;
  targets = 0;
  failures: Failure[] = [];
  interrupted = false;
  unrecorded: string[] = [];
  readonly #ctx: ObjectSharedContext;
  readonly #options: RollbackOptions;
  readonly #seen = new Set<string>();
  readonly #inFlight: InFlight<SentinelResult, "interrupted">;
  readonly #cancelled: RestatePromise<"interrupted">;

  constructor(ctx: ObjectSharedContext, options: RollbackOptions) {
    this.#ctx = ctx;
    this.#options = options;
    this.#inFlight = new InFlight(ctx);
    this.#cancelled = cancellation(ctx).map(() => "interrupted");
  }

  /** Reverts those of the scope that it has not seen yet; says whether there were any. */
  async revert(scope: RollbackScope): Promise<boolean> {
    const targets = await this.#choose(scope);
    const every = recordEvery(targets.length);
    const waiting = targets.values();
    for (;;) {
      while (!this.interrupted && this.#inFlight.size < this.#options.maxInFlight) {
        const { value: target, done } = waiting.next();
        if (done) break;
        const call = this.#ctx
          .objectClient(SentinelObject, target.id)
          .Deploy({ image: target.image }, rpc.opts({ name: `revert ${target.id}` }));
        await this.#inFlight.add(target.id, call, deployOutcome(target.id, call));
      }
      if (this.#inFlight.size === 0) return targets.length > 0;
      const arrival = await this.#inFlight.next(this.interrupted ? undefined : this.#cancelled);
      if (arrival.kind === "stop") this.interrupted = true;
      if (arrival.kind === "result") this.#settled(arrival.value);
      const due = arrival.kind === "quiet" ? 1 : every;
      if (this.unrecorded.length >= due) await this.#record();
    }
  }

  /** Waits until results came in late, or this invocation is cancelled. */
  async wait(signal: RestatePromise<void>): Promise<void> {
    const first = await RestatePromise.race([this.#cancelled, signal.map(() => "late results" as const)]);
    if (first === "interrupted") this.interrupted = true;
  }

  /** Sentinels that somebody moved to another image since are left alone and reported. */
  async #choose(scope: RollbackScope): Promise<RollbackTarget[]> {
    const fresh = (targets: RollbackTarget[]) => targets.filter((target) => !this.#seen.has(target.id));
    const [recorded, unrecorded] = [fresh(scope.recorded), fresh(scope.unrecorded)];
    if (recorded.length + unrecorded.length === 0) return [];
    const moved = await this.#ctx.run("look where the sentinels are now", () =>
      this.#moved(scope.image, recorded, unrecorded),
    );
    const took = unrecorded.filter((target) => !(target.id in moved));
    for (const target of [...recorded, ...took]) this.#seen.add(target.id);
    this.targets += recorded.length + took.length;
    for (const { id } of recorded) {
      const image = moved[id];
      if (image !== undefined)
        this.#failed({
          id,
          reason:
            image === ""
              ? "left alone: it has no row any more"
              : `left alone: somebody moved it to ${image} since`,
        });
    }
    return [...took, ...recorded.filter((target) => !(target.id in moved))];
  }

  async #moved(
    image: string,
    recorded: RollbackTarget[],
    unrecorded: RollbackTarget[],
  ): Promise<Record<string, string>> {
    const images = await this.#options.images([...recorded, ...unrecorded].map((target) => target.id));
    const elsewhere = [
      // One that is back on its previous image already (an earlier rollback was cut short) is a target that is done at once.
      ...recorded.filter((target) => ![image, target.image].includes(images.get(target.id) ?? "")),
      ...unrecorded.filter((target) => images.get(target.id) !== image),
    ];
    return Object.fromEntries(elsewhere.map(({ id }) => [id, images.get(id) ?? ""]));
  }

  #settled({ id, failure }: SentinelResult): void {
    this.#inFlight.remove(id);
    if (failure !== undefined) {
      this.#failed({ id, reason: failure });
    } else {
      this.reverted++;
      this.unrecorded.push(id);
    }
  }

  #failed(failure: Failure): void {
    if (this.failures.length < KEPT_FAILURES) this.failures.push(failure);
  }

  async #record(): Promise<void> {
    const ids = this.unrecorded;
    this.unrecorded = [];
    await report(this.#ctx, `record ${ids.length} reverted`, {
      type: "recordReverted",
      drive: driveId(this.#ctx),
      ids,
    });
  }
}
