import type { Driver, LaneBook, SentinelResult } from "../../../src/domain/drive-state.ts";
import type { Event } from "../../../src/domain/event.ts";
import { change, cutShort } from "./change.ts";
import { draftOf } from "./shell.ts";
import { driveOf, headOf, spent } from "./steps.ts";
import type { Step, System, World } from "./world.ts";

/** What the watchdog does, and what every question does where nobody drives. */
export function watchdogSteps(world: World, system: System): Step[] {
  const [rollout, drive] = [headOf(world), driveOf(world)];
  if (rollout === undefined) return [];
  const step = (name: string, event: Event, from = world): Step => {
    const draft = draftOf(from, system);
    const outcome = change(draft, event);
    return { name, by: "system", to: draft, event, outcome };
  };
  /** Also a change of the watchdog's may be killed; the next question has the drive watched anew. */
  const torn = (name: string, event: Event): Step[] => {
    if (world.left.torn === 0) return [];
    return cutShort(world, system, event).map((cut, i): Step => {
      const to = { ...spent(world, "torn"), ...cut };
      return { name: `${name}, killed after ${i + 1} writes`, by: "fault", to, event, torn: true };
    });
  };
  const steps: Step[] = [];
  for (const driver of [drive?.forward, drive?.rollback]) {
    if (driver === undefined || world.shells.some(({ id }) => id === driver.invocationId)) continue;
    const { invocationId } = driver;
    const event: Event = { type: "abandon", invocationId, reason: "it was killed" };
    const name = `watchdog of ${invocationId}`;
    steps.push(step(name, event), ...torn(name, event));
  }
  if (nobodyDrives(world)) {
    const event: Event = { type: "abandon", reason: "nobody drives" };
    steps.push(step("nobody drives", event), ...torn("nobody drives", event));
  }
  if (drive === undefined) return steps;
  const { rolloutId } = rollout;
  const lanes = Object.entries(drive.lanes);
  const frozen = new Set(world.shells.flatMap((shell) => (shell.frozen ? [shell.id] : [])));
  const news = lanes.some(([, lane]) => frozen.has(lane.invocationId ?? "") !== (lane.silent !== undefined));
  if (news) steps.push(step("silence is seen", { type: "silent", rolloutId, silent: silences(world) }));
  for (const [n, lane] of lanes) {
    if (lane.silent === undefined) continue;
    const book = world.kv.get(`lane/${n}`) as LaneBook | undefined;
    const results = found(world, rollout.image, lane.of === "forward" ? drive.forward : undefined, book);
    if (results.length === 0) continue;
    const event: Event = { type: "found", rolloutId, lane: Number(n), results };
    steps.push(step(`rows of lane ${n}`, event));
  }
  if (world.left.ask > 0) {
    steps.push({
      ...step("the drive is asked", { type: "ask", rolloutId }, spent(world, "ask")),
      by: "fault",
    });
  }
  return steps;
}

export function silences({ shells }: World) {
  return shells
    .filter(({ frozen }) => frozen)
    .map(({ id: invocationId }) => ({ invocationId, sinceMs: 0, why: "it is paused" }));
}

export function nobodyDrives(world: World): boolean {
  const [state, drive] = [headOf(world)?.state, driveOf(world)];
  if (state === "in_progress") return drive?.forward === undefined;
  return state === "rolling_back" && drive?.rollback === undefined;
}

function found(
  { rows }: World,
  image: string,
  forward: Driver | undefined,
  book: LaneBook | undefined,
): SentinelResult[] {
  // What a row says of an earlier attempt is not what the retry came to.
  const since = forward?.retries === undefined ? 0 : Number(forward.invocationId.replace("drive ", ""));
  const items = [...(book?.out ?? []), ...(book?.grant?.items ?? [])];
  return items.flatMap(({ id, at, from, unrecorded }): SentinelResult[] => {
    const row = rows[id];
    if (row === undefined || row.image !== (from ?? image) || row.is === "progressing") return [];
    if ((row.at ?? 0) < since) return [];
    const [good, bad] =
      from === undefined ? (["succeeded", "failed"] as const) : (["reverted", "missed"] as const);
    return [{ id, at, is: row.is === "ready" ? good : bad, ...(unrecorded ? { unrecorded } : {}) }];
  });
}
