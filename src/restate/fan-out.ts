import { type InvocationPromise, type ObjectSharedContext, RestatePromise } from "@restatedev/restate-sdk";

/** What happened next among the calls in flight. */
export type Arrival<T, S> = { kind: "result"; value: T } | { kind: "stop"; why: S } | { kind: "quiet" };

/** First and longest wait (ms) before a drive looks past the oldest call in flight. */
const FIRST_PATIENCE_MS = 2_000;
const LONGEST_PATIENCE_MS = 30_000;
/** After so many launches a drive waits until Restate has taken the last of them. */
const BURST = 16;
/** So many calls are watched at once while the oldest is slow. */
const SAMPLE = 64;

/**
 * The calls in flight of one drive. Waiting for the oldest alone costs next to nothing, racing all of them costs time in
 * proportion to their number for every result (three times as much in all at 5,000 calls). So results are taken in
 * order; only when nothing came for a while a sample of the calls, moving on through all of them, is raced.
 */
export class InFlight<T, S> {
  readonly #ctx: ObjectSharedContext;
  readonly #live = new Map<string, RestatePromise<Arrival<T, S>>>();
  #timer: RestatePromise<Arrival<T, S>> | undefined;
  #patienceMs = FIRST_PATIENCE_MS;
  #arrivedSinceTimer = 0;
  #sampleFrom: number | undefined;
  #launched = 0;

  constructor(ctx: ObjectSharedContext) {
    this.#ctx = ctx;
  }

  get size(): number {
    return this.#live.size;
  }

  /**
   * Not all at once: whatever else is asked for while a wave begins (Status, Cancel) would have to wait behind hundreds.
   * @param outcome of the call; does not reject
   */
  async add(key: string, call: InvocationPromise<unknown>, outcome: RestatePromise<T>): Promise<void> {
    this.#live.set(
      key,
      outcome.map((value, failure) => {
        if (failure !== undefined) throw failure;
        return { kind: "result", value: value as T };
      }),
    );
    this.#launched++;
    if (this.#launched % BURST === 0) await call.invocationId;
  }

  /** Waits for the next result, for a stop, or until it has been quiet for a while. The caller removes what arrived. */
  async next(stop?: RestatePromise<S>): Promise<Arrival<T, S>> {
    const stopped = stop?.map((why): Arrival<T, S> => ({ kind: "stop", why: why as S }));
    this.#timer ??= this.#ctx
      .sleep(this.#patienceMs, "look past the oldest Deploy")
      .map(() => ({ kind: "quiet" }));
    const watched = [...this.#watched(), this.#timer];
    const arrival = await RestatePromise.race(stopped === undefined ? watched : [stopped, ...watched]);
    if (arrival.kind === "quiet") this.#elapsed();
    if (arrival.kind === "result") this.#arrivedSinceTimer++;
    return arrival;
  }

  remove(key: string): void {
    const [oldest] = this.#live.keys();
    this.#live.delete(key);
    if (key === oldest) this.#sampleFrom = undefined;
  }

  #watched(): RestatePromise<Arrival<T, S>>[] {
    const [oldest] = this.#live.values();
    if (oldest === undefined) return [];
    if (this.#sampleFrom === undefined) return [oldest];
    const sample = [...this.#live.values()].slice(this.#sampleFrom, this.#sampleFrom + SAMPLE);
    return this.#sampleFrom === 0 ? sample : [oldest, ...sample];
  }

  #elapsed(): void {
    if (this.#arrivedSinceTimer > 0) {
      this.#patienceMs = FIRST_PATIENCE_MS;
    } else {
      this.#patienceMs = Math.min(this.#patienceMs * 2, LONGEST_PATIENCE_MS);
      const from = this.#sampleFrom === undefined ? 0 : this.#sampleFrom + SAMPLE;
      this.#sampleFrom = from < this.#live.size ? from : 0;
    }
    this.#arrivedSinceTimer = 0;
    this.#timer = undefined;
  }
}
