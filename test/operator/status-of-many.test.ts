import { expect } from "vitest";
import { it, type World } from "../support/world.ts";
import { statusOf } from "./outside.ts";

const SENTINELS = 1_000;
const MAX_BYTES = 32 * 1024;
const image = (tag: string) => `ghcr.io/unkeyed/sentinel:${tag}`;

/** Bytes of the state that were read so far, by all who read it. */
async function bytesRead({ stack }: World): Promise<number> {
  const text = await (await fetch(`${stack.health}/metrics`)).text();
  const [, bytes] = /^sentinel_rollout_state_bytes_total\{operation="read"\} (\d+)$/m.exec(text) ?? [];
  if (bytes === undefined) throw new Error("/metrics does not count what is read of the state");
  return Number(bytes);
}

/** A rollout in which those fail whose number meets the condition (SQL), paused after the wave. */
async function failing(world: World, tag: string, condition: string, waves: number[]): Promise<void> {
  const number = "CAST(SUBSTRING(id, 5) AS UNSIGNED)";
  await world.change("UPDATE sentinels SET k8s_name = TRIM(LEADING 'gone-' FROM k8s_name)");
  await world.change(
    `UPDATE sentinels SET k8s_name = CONCAT('gone-', k8s_name) WHERE ${condition.replaceAll("n", number)}`,
  );
  const { body } = await world.verb("Rollout", { image: image(tag), wave_percentages: waves });
  expect(body).toMatchObject({ state: "paused" });
  await world.quiet();
}

async function statusAndBytes(world: World) {
  const before = await bytesRead(world);
  const { failed, failed_on_image } = await statusOf(world);
  return { failed, failed_on_image, bytes: (await bytesRead(world)) - before };
}

it.override({ options: { sentinels: SENTINELS, env: { MAX_IN_FLIGHT: "64" } } });

it("Status of a paused rollout reads no more of the state where more of a large fleet failed", {
  timeout: 180_000,
}, async ({ world }) => {
  // More than the head names, in one part.
  await failing(world, "a", "n % 12 = 0", [30, 100]);
  const few = await statusAndBytes(world);
  expect(few).toMatchObject({ failed: 25, failed_on_image: 0 });
  await world.verb("Cancel");

  // All over the fleet, and named in the head.
  await failing(world, "b", "n % 50 = 0", [100]);
  const named = await statusAndBytes(world);
  expect(named).toMatchObject({ failed: 20, failed_on_image: 0 });
  expect(named.bytes).toBeLessThan(MAX_BYTES);
  await world.verb("Cancel");

  await failing(world, "c", "n % 2 = 0", [100]);
  const half = await statusAndBytes(world);
  expect(half).toMatchObject({ failed: SENTINELS / 2, failed_on_image: null });
  expect(half.bytes).toBeLessThan(MAX_BYTES);
  // A rollback tells it once, however many they are.
  await world.verb("Cancel");
  const rollback = await world.verb<{ failed_on_image: number }>("RollbackAll");
  expect(rollback.body.failed_on_image).toBe(SENTINELS / 2);
});
