import {
  CancelledError,
  type ObjectSharedContext,
  RestatePromise,
  rpc,
  TerminalError,
} from "@restatedev/restate-sdk";
import { askedOf } from "../domain/action.ts";
import type { Answer, DriverOrder } from "../domain/answer.ts";
import type { Direction } from "../domain/drive-state.ts";
import type { Event } from "../domain/event.ts";
import { plural } from "../domain/progress.ts";
import type { Logger } from "../log.ts";
import { RolloutObject } from "../restate/contract.ts";
import { type Arrival, Lane } from "./lane.ts";
import { requestChange } from "./request-change.ts";
import { cancellation, heard } from "./run-lane.ts";

export interface DriveOptions {
  logger: Logger;
  /** Most Deploys of one rollout in flight at a time. */
  maxInFlight: number;
}

type Opening = Extract<Event, { type: "begin" | "resume" | "retryFailed" | "beginRollback" | "abort" }>;

/**
 * Drives a rollout, or its rollback, to its end: opens its waves and its lanes, and is a lane itself, so that the Deploys
 * of a small fleet stand in its own journal. Holds no lock: every change of the state is a short call of its own.
 * @param name of the opening step in the journal
 */
export async function drive(
  ctx: ObjectSharedContext,
  options: DriveOptions,
  name: "rollout" | "resume" | "retry" | "rollback",
  opening: Opening,
): Promise<DriverOrder> {
  const opened = await requestChange(ctx, name, opening);
  const { driver: order } = opened;
  if (order === undefined) throw new TerminalError("the change gave no order");
  if (order.done) return order;
  if (name !== "rollback") await announce(ctx, options.logger, name, order, opening);
  return new Drive(ctx, options, name === "rollback" ? "rollback" : "forward", opened).run(order);
}

const INTERRUPTED = "the driving invocation was cancelled; the Deploys in flight were left to finish";

class Drive {
  readonly #ctx: ObjectSharedContext;
  readonly #options: DriveOptions;
  readonly #direction: Direction;
  readonly #rolloutId: string;
  readonly #image: string;
  readonly #lane: Lane;
  /** Lanes that were opened, and how many of them in the present wave. */
  readonly #opened = new Set<number>();
  #title = "rollback";
  #lanesOfWave = 1;
  #loads = false;
  /** Until it was heard. */
  #cancellation: RestatePromise<void> | undefined;
  #interruption: Promise<Answer> | undefined;

  constructor(ctx: ObjectSharedContext, options: DriveOptions, direction: Direction, opened: Answer) {
    const { rolloutId, lane = 0, view } = opened;
    this.#ctx = ctx;
    this.#options = options;
    this.#direction = direction;
    this.#rolloutId = rolloutId;
    this.#image = view?.image ?? "";
    this.#lane = new Lane(ctx, { rolloutId, lane, direction, image: this.#image });
    this.#cancellation = cancellation(ctx);
    this.#lane.expect(this.#cancellation, () => ({ kind: "cancelled" }));
  }

  async run(first: DriverOrder): Promise<DriverOrder> {
    const lane = this.#lane;
    let answer: Answer | undefined =
      this.#direction === "rollback" ? await this.#openRollback(first) : await this.#begin(first);
    for (;;) {
      if (answer === undefined && this.#interruption !== undefined) {
        answer = await this.#interruption;
        this.#interruption = undefined;
      }
      if (answer !== undefined) {
        const { driver } = answer;
        const tells = lane.take(answer);
        if (driver?.done) return driver;
        answer = driver === undefined ? undefined : await this.#follow(driver);
        if (answer === undefined && tells) answer = await this.#report();
      } else if (lane.reports) {
        answer = await this.#report();
      } else {
        answer = await this.#hear(await lane.next());
      }
    }
  }

  /** One that goes on with a soak has nothing to do yet: it says so, and with that by which bell it hears of the next wave. */
  async #begin(first: DriverOrder): Promise<Answer | undefined> {
    const waits = first.wave === undefined && first.open.length === 0;
    return waits ? this.#report() : this.#follow(first);
  }

  async #hear(arrival: Arrival): Promise<Answer | undefined> {
    switch (arrival.kind) {
      case "result":
      case "time":
        return undefined;
      case "rung":
        return heard(this.#lane, arrival.grant, () => this.#report());
      case "loaded":
        this.#loads = false;
        return this.#report();
      case "cancelled":
        this.#interrupt();
        return undefined;
      case "lane": {
        if (arrival.failure === undefined) return undefined;
        const reason = `a lane of the drive ended before its time (${arrival.failure})`;
        const { lane } = arrival;
        await requestChange(this.#ctx, "a lane is lost", {
          type: "laneLost",
          rolloutId: this.#rolloutId,
          lane,
          reason,
        });
        return this.#report();
      }
    }
  }

  /** A cancellation of this invocation stops the launching at once, even while other changes wait for their turn. */
  #report(opens?: { wave: number; window: number }): Promise<Answer> {
    const cancelled = this.#cancellation;
    const stop = cancelled === undefined ? undefined : { cancelled, now: () => this.#interrupt() };
    return this.#lane.report(opens, stop);
  }

  #interrupt(): void {
    if (this.#cancellation === undefined) return;
    this.#cancellation = undefined;
    const invocationId = this.#ctx.request().id;
    const rolloutId = this.#rolloutId;
    const event = { type: "interrupt", rolloutId, invocationId, reason: INTERRUPTED } as const;
    this.#interruption = requestChange(this.#ctx, `${this.#title}: interrupted`, event);
  }

  /** Opens what it is told to open. @returns the answer to the opening of a wave */
  async #follow({ wave, open }: DriverOrder): Promise<Answer | undefined> {
    if (wave?.load) {
      this.#load();
      return undefined;
    }
    if (wave !== undefined) {
      const place = `wave ${wave.number}/${wave.of}`;
      const { retries } = wave;
      this.#title = retries === undefined ? place : `retry in ${place}`;
      this.#lanesOfWave = 1;
      const { logger } = this.#options;
      const rolloutId = this.#rolloutId;
      const sentinels = retries ?? wave.size;
      const whom = plural(sentinels, retries === undefined ? "sentinel" : "failed sentinel");
      // The setting of this moment holds for the whole wave, also where another process replays this.
      const window = await this.#ctx.run(`${this.#title}: ${whom}`, () => {
        const what = retries === undefined ? "starting wave" : "retrying failed sentinels";
        logger.info({ rolloutId, image: wave.image, wave: wave.number, sentinels }, what);
        return this.#options.maxInFlight;
      });
      return this.#report({ wave: wave.number - 1, window });
    }
    for (const lane of open) this.#open(lane);
    return undefined;
  }

  async #openRollback({ view }: DriverOrder): Promise<Answer> {
    const window = await this.#ctx.run(`rollback of ${view.image}`, () => this.#options.maxInFlight);
    return this.#report({ wave: 0, window });
  }

  #open(lane: number): void {
    if (this.#opened.has(lane)) return;
    this.#opened.add(lane);
    const name = `${this.#title}, lane ${++this.#lanesOfWave}`;
    const call = this.#ctx
      .objectClient(RolloutObject, this.#ctx.key)
      .Lane(
        { rolloutId: this.#rolloutId, lane, direction: this.#direction, image: this.#image },
        rpc.opts({ name }),
      );
    this.#lane.expect(call, (_, failure) => ({
      kind: "lane",
      lane,
      ...(failure === undefined ? {} : { failure: failure.message }),
    }));
  }

  /** Has more of the fleet read, while the waves before it run. */
  #load(): void {
    if (this.#loads) return;
    this.#loads = true;
    const call = this.#ctx
      .objectClient(RolloutObject, this.#ctx.key)
      .Load({ rolloutId: this.#rolloutId }, rpc.opts({ name: "read the fleet" }));
    this.#lane.expect(call, (loaded) => ({ kind: "loaded", left: loaded?.left ?? 0 }));
  }
}

async function announce(
  ctx: ObjectSharedContext,
  logger: Logger,
  name: string,
  { view }: DriverOrder,
  opening: Opening,
): Promise<void> {
  const { rolloutId, image, total, waves } = view;
  const asked = askedOf(opening);
  await ctx.run("announce", () =>
    logger.info({ rolloutId, image, sentinels: total, waves, ...asked }, `starting sentinel ${name}`),
  );
}

/**
 * Awaits a step before anything was changed: a cancellation ends the invocation there and then.
 * @throws CancelledError
 */
export async function unlessCancelled<T>(ctx: ObjectSharedContext, step: RestatePromise<T>): Promise<T> {
  const cancelled = cancellation(ctx).map((): { cancelled: true } => ({ cancelled: true }));
  const done = step.map((value, failure) => {
    if (failure !== undefined) throw failure;
    return { cancelled: false as const, value: value as T };
  });
  const first = await RestatePromise.race([cancelled, done]);
  if (first.cancelled) throw new CancelledError();
  return first.value;
}
