import { setTimeout as think } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startStack } from "../../src/local-stack/stack.ts";
import { until } from "../support/until.ts";
import { ids, NEW, OLD, World } from "../support/world.ts";
import { Launched, openDeploys, type Status, statusOf, sumOf } from "./outside.ts";

const ASKED_EVERY_MS = 50;

/** Asks for the Status again and again, and keeps what does not add up. */
class Bookkeeper {
  readonly wrong: string[] = [];
  looks = 0;
  #over = false;
  readonly #ended: Promise<void>;

  constructor(world: World) {
    this.#ended = this.#watch(world);
  }

  async #watch(world: World): Promise<void> {
    while (!this.#over) {
      const status = await statusOf(world);
      this.looks++;
      const { state, total, reverted, succeeded, failed, skipped, in_flight, waiting } = status;
      if (sumOf(status) !== total || reverted > succeeded) {
        this.wrong.push(
          `${state}: ${succeeded} succeeded + ${failed} failed + ${skipped} skipped + ${in_flight} in flight + ${waiting} waiting, of ${total}; ${reverted} reverted`,
        );
      }
      await think(ASKED_EVERY_MS);
    }
  }

  async end(): Promise<void> {
    this.#over = true;
    await this.#ended;
  }
}

describe("of 200 sentinels in one wave the first 140 never come up, and the others do after a second", () => {
  const TOTAL = 200;
  const NEVER = 140;
  const UP = TOTAL - NEVER;
  /** Until the others settle: what is seen before has not waited for them. */
  const TIMEOUT_SECONDS = 45;
  let world: World;
  let books: Bookkeeper | undefined;
  let rollout: string;

  beforeAll(async () => {
    const env = { DEPLOY_TIMEOUT_SECONDS: String(TIMEOUT_SECONDS) };
    world = new World(await startStack({ sentinels: TOTAL, env, embedded: { podStartMs: 1_000 } }));
    // Broken later their Deployments keep their own deadline, which is longer than this story.
    await Promise.all(ids(1, NEVER).map((id) => world.fault(id, "NeverReady")));
    rollout = await world.start("Rollout", { image: NEW, wave_percentages: [100] });
    await until("the rollout to have begun", async () => (await statusOf(world)).state === "in_progress");
    books = new Bookkeeper(world);
  });
  afterEach(() => books?.end());
  afterAll(() => world.close());

  it("Status says who succeeded while all of them are in flight, and its numbers add up all the time", async () => {
    const seen = await until(
      "the results to be seen",
      async () => {
        const status = await statusOf(world);
        return (status.succeeded === UP || status.failed > 0) && status;
      },
      TIMEOUT_SECONDS * 1_000,
    );
    expect(seen).toMatchObject({ succeeded: UP, failed: 0, in_flight: NEVER });
    await books?.end();
    expect(books?.looks).toBeGreaterThan(0);
    expect(books?.wrong).toEqual([]);
  });

  it("after Cancel in_flight is the true number, and the numbers add up", async () => {
    const { body } = await world.verb("Cancel");
    expect(body.state).toBe("cancelled");
    const numbers = await until("two counts that agree", async () => {
      const before = await openDeploys(world);
      const status = await statusOf(world);
      return (await openDeploys(world)) === before && { open: before, status };
    });
    const { in_flight, succeeded, failed, total } = numbers.status;
    expect({ in_flight, succeeded, failed }).toEqual({ in_flight: numbers.open, succeeded: UP, failed: 0 });
    expect(numbers.open).toBe(NEVER);
    expect(sumOf(numbers.status)).toBe(total);
  });

  it("RollbackAll says how many it waits for, and until when at the latest", async () => {
    const rollback = await world.start("RollbackAll");
    // What is recorded is reverted at once; then only those in flight are left.
    const waits = await until("all that came up to be reverted", async () => {
      const status = await statusOf(world);
      return status.state === "rolling_back" && status.reverted === UP && status;
    });
    expect(await openDeploys(world), "Deploys in flight").toBe(NEVER);
    expect(waits.in_flight).toBe(NEVER);
    expect(waits.waiting_for).toMatch(new RegExp(`\\b${NEVER}\\b`));
    expect(waits.waiting_for).toMatch(/\d\d:\d\d/);
    const { body } = await world.answer<{ reverted: number; total: number }>(rollback);
    expect(body).toMatchObject({ reverted: UP, total: UP });
    await world.answer(rollout);
    const { in_flight, failed, succeeded, reverted } = await statusOf(world);
    expect({ in_flight, failed, succeeded, reverted }).toEqual({
      in_flight: 0,
      failed: NEVER,
      succeeded: UP,
      reverted: UP,
    });
    expect(await world.on(OLD)).toEqual(ids(NEVER + 1, TOTAL));
  });
});

/** The longest time between two launches. */
function longestGapMs({ calls }: Launched): number {
  const at = [...calls.values()].map(({ createdAtMs }) => createdAtMs).sort((a, b) => a - b);
  return Math.max(0, ...at.slice(1).map((ms, i) => ms - (at[i] ?? ms)));
}

describe("of 60 sentinels, ten at a time, the first one is slow", () => {
  const SLOW_MS = 20_000;
  /** A result frees its place within a second (contract); half a second goes until the next ones have come up. */
  const GAP_MS = 1_500;
  let world: World;
  beforeAll(async () => {
    const faults = [{ sentinelId: "sen_0001", fault: `slow:${SLOW_MS / 1_000}` as const }];
    const env = { MAX_IN_FLIGHT: "10" };
    world = new World(await startStack({ sentinels: 60, env, faults, embedded: { podStartMs: 200 } }));
  });
  afterAll(() => world.close());

  it("the other places go on being used: all the others are done long before it", {
    timeout: 6 * SLOW_MS,
  }, async () => {
    const launched = await Launched.since(world);
    const rollout = await world.start("Rollout", { image: NEW, wave_percentages: [100] });
    let most: Status | undefined;
    const books = new Bookkeeper(world);
    await until(
      "all the others to have succeeded",
      async () => {
        await launched.look();
        most = await statusOf(world);
        return most.succeeded === 59;
      },
      SLOW_MS,
    ).catch(() => undefined);
    await books.end();
    expect(longestGapMs(launched), "ms without a launch").toBeLessThanOrEqual(GAP_MS);
    expect(most).toMatchObject({ state: "in_progress", succeeded: 59, in_flight: 1 });
    expect(books.wrong).toEqual([]);
    expect((await world.answer(rollout)).body).toMatchObject({ state: "completed", succeeded: 60 });
  });
});
