import { type ObjectSharedContext, RestatePromise, rpc, type TerminalError } from "@restatedev/restate-sdk";
import type { Answer } from "../domain/answer.ts";
import type { Grant, Item, SentinelResult } from "../domain/drive-state.ts";
import type { Report } from "../domain/event.ts";
import {
  GRANT_HEADER,
  type LaneRequest,
  REVERTS_HEADER,
  ROLLOUT_ID_HEADER,
  SentinelObject,
  UNRECORDED_HEADER,
  WAVE_HEADER,
} from "../restate/contract.ts";
import { grantText } from "../restate/grant.ts";
import { deployResult } from "./deploy-result.ts";
import { reportUntilTaken, type Stop } from "./request-change.ts";

/**
 * A lane reports as soon as it has RESULTS_IN_A_REPORT results or has nothing more in flight, and at the latest GATHER_MS (ms)
 * after the first result.
 */
const RESULTS_IN_A_REPORT = 32;
const GATHER_MS = 400;
/** It is told to report again within this time (ms) to launch more, and mostly later than that to have results recorded. */
const SOON_MS = 600;

/** What a lane waits for. */
export type Arrival =
  | { kind: "result"; result: SentinelResult }
  | { kind: "rung"; grant?: Grant }
  | { kind: "time"; timer: Timer }
  | { kind: "lane"; lane: number; failure?: string }
  | { kind: "loaded"; left: number }
  | { kind: "cancelled" };

/** Results that are gathered for a report, or a moment that the lane was told: an earlier one does not wait for a later one. */
type Timer = "gather" | "soon" | "again";

/**
 * One lane of a drive. It launches the Deploys that it is granted, at most LANE_SLOTS at a time, and reports their results.
 * It decides nothing: the change that takes a report decides what the lane launches next and when it ends.
 */
export class Lane {
  readonly #ctx: ObjectSharedContext;
  readonly #job: LaneRequest;
  /** What it waits for, and what has come of it and is not heard yet, in the order in which it came. */
  readonly #expected = new Set<RestatePromise<void>>();
  readonly #arrived: Arrival[] = [];
  #inFlight = 0;
  #results: SentinelResult[] = [];
  /** Id of the awakeable by which it hears of something new. */
  #bell: string | undefined;
  readonly #timers = new Set<Timer>();
  #seq = 0;
  #got = 0;
  #at: string | undefined;
  /** It was told to report again, and has not yet. */
  #wantsAgain = false;
  #due = false;

  constructor(ctx: ObjectSharedContext, job: LaneRequest) {
    this.#ctx = ctx;
    this.#job = job;
  }

  get idle(): boolean {
    return this.#inFlight === 0 && this.#results.length === 0;
  }

  isNew({ n }: Grant): boolean {
    return n > this.#got;
  }

  /** Does what an answer grants. True: this is to be told at once, for others wait for their turn to launch. */
  take(answer: Pick<Answer, "grant" | "at" | "againInMs">): boolean {
    this.#at = answer.at ?? answer.grant?.items.at(-1)?.at ?? this.#at;
    if (answer.againInMs !== undefined) {
      this.#wantsAgain = true;
      this.#wakeIn(answer.againInMs <= SOON_MS ? "soon" : "again", answer.againInMs);
    }
    const { grant } = answer;
    if (grant === undefined || !this.isNew(grant)) return false;
    for (const item of grant.items) this.#launch(item, grant);
    this.#got = grant.n;
    return grant.confirm;
  }

  /** Is there something to say now? */
  get reports(): boolean {
    const results = this.#results.length;
    return this.#due || results >= RESULTS_IN_A_REPORT || (results > 0 && this.#inFlight === 0);
  }

  /**
   * Says what it launched, and what became of earlier ones.
   * @param stop what is not to wait for the answer
   */
  async report(opens?: Report["opens"], stop?: Stop): Promise<Answer> {
    const { rolloutId, lane } = this.#job;
    const results = this.#results;
    const event: Report = {
      type: "report",
      rolloutId,
      lane,
      seq: ++this.#seq,
      got: this.#got,
      results,
      bell: this.#listen(),
      invocationId: this.#ctx.request().id,
      due: this.#due,
      ...(this.#at === undefined ? {} : { at: this.#at }),
      ...(opens === undefined ? {} : { opens }),
    };
    this.#results = [];
    this.#wantsAgain = false;
    this.#due = false;
    return reportUntilTaken(this.#ctx, event, stop);
  }

  /**
   * Waits for this, too. Arrivals are queued in their order: a race returns one of several, and when the next race sees the others
   * depends on the time that the process takes. A replay takes another time. One `map` and no more: with each arrival the SDK
   * goes through all of them.
   */
  expect<T>(promise: RestatePromise<T>, arrives: (value?: T, failure?: TerminalError) => Arrival): void {
    const heard: RestatePromise<void> = promise.map((value, failure) => {
      this.#expected.delete(heard);
      this.#arrived.push(arrives(value, failure));
      return undefined;
    });
    this.#expected.add(heard);
  }

  /** Waits for the next thing to happen. */
  async next(): Promise<Arrival> {
    this.#listen();
    let arrival = this.#arrived.shift();
    while (arrival === undefined) {
      await RestatePromise.race([...this.#expected]);
      arrival = this.#arrived.shift();
    }
    if (arrival.kind === "rung") this.#bell = undefined;
    if (arrival.kind === "time") {
      this.#timers.delete(arrival.timer);
      this.#due = this.#results.length > 0 || (arrival.timer !== "gather" && this.#wantsAgain);
    }
    if (arrival.kind === "result") {
      this.#inFlight--;
      this.#results.push(arrival.result);
      this.#wakeIn("gather", GATHER_MS);
    }
    return arrival;
  }

  #listen(): string {
    if (this.#bell === undefined) {
      const { id, promise } = this.#ctx.awakeable<{ grant?: Grant }>();
      this.#bell = id;
      this.expect(promise, (heard) => ({ kind: "rung", ...heard }));
    }
    return this.#bell;
  }

  #wakeIn(timer: Timer, ms: number): void {
    if (this.#timers.has(timer)) return;
    this.#timers.add(timer);
    const name = timer === "gather" ? "gather results" : "report again";
    this.expect(this.#ctx.sleep(ms, name), () => ({ kind: "time", timer }));
  }

  #launch(item: Item, { n, atMs, image }: Grant): void {
    const { rolloutId, direction } = this.#job;
    const wave = item.at.slice(0, item.at.indexOf("/"));
    const { lane } = this.#job;
    const revert = {
      [REVERTS_HEADER]: this.#job.image,
      ...(item.unrecorded ? { [UNRECORDED_HEADER]: "1" } : {}),
    };
    const headers = {
      [ROLLOUT_ID_HEADER]: rolloutId,
      [WAVE_HEADER]: wave,
      [GRANT_HEADER]: grantText({ lane, n, atMs }),
      ...(direction === "rollback" ? revert : {}),
    };
    const name = `${direction === "rollback" ? "revert" : "Deploy"} ${item.id}`;
    const call = this.#ctx
      .objectClient(SentinelObject, item.id)
      .Deploy({ image: image ?? item.from ?? "" }, rpc.opts({ name, headers }));
    this.#inFlight++;
    const result = deployResult(item, direction);
    this.expect(call, (reply, failure) => ({ kind: "result", result: result(reply, failure) }));
  }
}
