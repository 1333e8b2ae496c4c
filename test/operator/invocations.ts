import { setTimeout as delay } from "node:timers/promises";
import type { HeldLink } from "../support/held-link.ts";
import { until } from "../support/until.ts";
import type { World } from "../support/world.ts";
import { openDeploys, press, type Status, statusOf } from "./outside.ts";

/** Somebody who looks at Status sees within this time (ms) what is true of a drive that was paused. */
export const TOLD_WITHIN_MS = 45_000;

/** Where an invocation stands, in Restate's words. */
export async function stageOf(world: World, invocation: string): Promise<string | undefined> {
  const [row] = await world.sql<{ status: string }>(
    `SELECT status FROM sys_invocation WHERE id = '${invocation}'`,
  );
  return row?.status;
}

/** What the UI's button does; resolves once Restate says so. */
export async function pauseInvocation(world: World, invocation: string): Promise<void> {
  await press(world, invocation, "pause");
  await untilPaused(world, invocation);
}

/** Pauses an invocation whose next words are held back: they are lost, as if it had never come to say them. */
export async function pauseHeld(world: World, link: HeldLink, invocation: string): Promise<void> {
  await press(world, invocation, "pause");
  // It takes effect once Restate has lost the service.
  link.cut();
  await untilPaused(world, invocation);
}

async function untilPaused(world: World, invocation: string): Promise<void> {
  await until("the invocation to be paused", async () => (await stageOf(world, invocation)) === "paused");
}

/** Waits until an invocation is over, and all Deploys are. */
export async function untilOver(world: World, invocation: string): Promise<void> {
  await until("the invocation to be over", async () => {
    const stage = await stageOf(world, invocation);
    return (stage === undefined || stage === "completed") && (await openDeploys(world)) === 0;
  });
}

/** The lanes that are under way, beside the driver's own. */
export async function openLanes(world: World): Promise<string[]> {
  return world.running("hydra.v1.SentinelRolloutService/singleton/Lane");
}

/** Who launched which sentinels, by Restate's own book. */
export async function launchedBy(
  world: World,
  invocation: string,
): Promise<{ id: string; sentinel: string; status: string }[]> {
  return world.sql(
    `SELECT id, target_service_key AS sentinel, status FROM sys_invocation
     WHERE target_service_name = 'hydra.v1.SentinelService' AND target_handler_name = 'Deploy'
     AND invoked_by_id = '${invocation}' ORDER BY target_service_key`,
  );
}

/** Waits as long as that, and no longer, for what a test then states. */
export async function withinOrNot(condition: () => Promise<boolean>, ms: number): Promise<void> {
  await until("it", condition, Math.max(0, ms)).catch(() => undefined);
}

/** Status' `in_flight` is the number of Deploys that are open, as soon as an operator has to be told. */
export async function inFlightIsTrue(world: World): Promise<boolean> {
  const [{ in_flight }, open] = [await statusOf(world), await openDeploys(world)];
  return in_flight === open;
}

/** Looks at Status again and again for so long, and keeps what was told, each different answer once. */
export async function toldDuring<T>(world: World, ms: number, what: (status: Status) => T): Promise<T[]> {
  const told = new Map<string, T>();
  const endMs = Date.now() + ms;
  do {
    const seen = what(await statusOf(world));
    told.set(JSON.stringify(seen), seen);
    await delay(250);
  } while (Date.now() < endMs);
  return [...told.values()];
}
