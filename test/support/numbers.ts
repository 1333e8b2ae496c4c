import { expect } from "vitest";
import type { HistoryResponse } from "../../src/restate/history-schemas.ts";
import { scrape } from "./exposition.ts";
import type { World } from "./stack-world.ts";
import { until } from "./until.ts";

interface Numbers {
  total: number;
  succeeded: number;
  failed: number;
  skipped: number;
  reverted: number;
}

/** Once nothing runs any more, Status, History and the metrics tell the same of the rollout, and it adds up. */
export async function expectNumbers(world: World, expected: Numbers): Promise<void> {
  await world.quiet();
  const { in_flight, waiting, ...status } = await world.status();
  const { total, succeeded, failed, skipped, reverted } = expected;
  expect(status).toMatchObject(expected);
  expect(in_flight).toBe(0);
  expect(succeeded + failed + skipped + waiting).toBe(total);
  const { body } = await world.verb<HistoryResponse>("History", { rollout_id: status.rollout_id });
  expect(body.rollouts).toMatchObject([expected]);
  const told = { target: total, succeeded, failed, reverted };
  await until(`the metrics to tell ${JSON.stringify(told)}`, async () => {
    const { value } = await scrape(world.stack.health);
    return Object.entries(told).every(
      ([what, count]) => value(`sentinel_rollout_${what}_sentinels`) === count,
    );
  });
}

/** At every moment until it is over the numbers add up. */
export async function expectSums(world: World, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const { total, succeeded, failed, skipped, in_flight, waiting, reverted } = await world.status();
    expect(succeeded + failed + skipped + in_flight + waiting).toBe(total);
    expect(reverted).toBeLessThanOrEqual(succeeded);
  }
}
