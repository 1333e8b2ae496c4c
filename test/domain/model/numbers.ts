import type { Drive, LaneBook } from "../../../src/domain/drive-state.ts";
import { namedInHead } from "../../../src/domain/left-behind.ts";
import { waveOf } from "../../../src/domain/parts.ts";
import { inFlightOf, lanesOf, numbersOf } from "../../../src/domain/progress.ts";
import type { RolloutState } from "../../../src/domain/state.ts";
import { laneKey, PLAN_KEY } from "../../../src/domain/state-keys.ts";
import { holds, isWhole } from "./holds.ts";
import { entriesOf } from "./recorded.ts";
import { driveOf } from "./steps.ts";
import type { System, World } from "./world.ts";

/** Waves follow one another, and each sentinel has one place. */
export function bookkeeping(world: World, rollout: RolloutState, system: System): void {
  const { currentWave, state, pauseReason } = rollout;
  holds((state === "paused") === (pauseReason !== ""), "a pause, and nothing else, has its reason");
  const entries = entriesOf(world);
  // Its beginning was cut short.
  if (!world.kv.has(PLAN_KEY) || driveOf(world) === undefined) return;
  const planned = system.waves.flat(2);
  const ids = entries.map(({ id }) => id);
  holds(system.loads || system.sameImage || ids.length === planned.length, "every sentinel has its place");
  const torn = world.left.torn !== (system.left.torn ?? 0);
  holds(torn || new Set(ids).size === ids.length, "and no other one");
  for (const { wave, is, id, stays } of entries.filter((entry) => entry.wave >= 0)) {
    holds(wave >= currentWave || is !== "waiting", `${id} of an earlier wave was not forgotten`);
    const found = is === "failed" && rollout.countsTakenOver === true;
    const back = system.sameImage && (is === "reverted" || stays !== undefined || found);
    holds(wave <= currentWave || is === "waiting" || back, `${id} of a later wave was not deployed`);
    holds(state !== "completed" || is !== "waiting", `completed: ${id} has a result`);
  }
}

export function numbersAddUp(rollout: RolloutState, drive: Drive | undefined): void {
  const { total, succeeded, failed, skipped, reverted, inFlight, waiting } = numbersOf(rollout, drive);
  const sum = succeeded + failed + skipped + inFlight + waiting;
  const numbers = JSON.stringify({ total, succeeded, failed, skipped, reverted, inFlight, waiting });
  holds(sum === total, `the numbers add up: ${numbers}`);
  holds(reverted <= succeeded, `no more were reverted than took the image: ${numbers}`);
}

/**
 * Each sentinel is counted as what it is: as its part says, and its lane's book until that is recorded. Once a RollbackAll has
 * begun, who was deployed by an earlier rollout of the image counts along, and who failed when this one deployed it again has
 * taken the image all the same.
 */
export function numbersAreTrue(world: World, rollout: RolloutState, drive: Drive, system: System): void {
  if (!isWhole(world, system)) return;
  const books = Object.keys(drive.lanes).map((n) => world.kv.get(laneKey(n)) as LaneBook | undefined);
  const flying = new Set(
    books.flatMap((book) => [...(book?.out ?? []), ...(book?.grant?.items ?? [])]).map(placed),
  );
  const told = new Map(books.flatMap((book) => book?.done ?? []).map((result) => [placed(result), result]));
  const right = { succeeded: 0, failed: 0, skipped: 0, reverted: 0, inFlight: 0 };
  const along = rollout.countsTakenOver === true;
  const back = rollout.revertsFailed === true;
  for (const { id, wave, is, earlier } of entriesOf(world)) {
    if (wave < 0 && (!along || is === "failed" || is === "skipped")) continue;
    const key = placed({ id, at: `${wave + 1}/` });
    const result = told.get(key);
    const ends = result?.is ?? is;
    const tookIt = (along && earlier && is !== "waiting") || (back && is === "failed" && wave >= 0);
    const recorded = tookIt ? "succeeded" : is;
    if (flying.has(key)) right.inFlight++;
    else if (ends === "reverted" || is === "reverted") right.reverted++;
    else if (
      ends === "succeeded" ||
      recorded === "succeeded" ||
      (result?.unrecorded && (back || ends !== "failed"))
    )
      right.succeeded++;
    else if (ends === "failed" || ends === "skipped") right[ends]++;
  }
  right.succeeded += right.reverted;
  const { succeeded, failed, skipped, reverted, inFlight } = numbersOf(rollout, drive);
  const counted = JSON.stringify({ succeeded, failed, skipped, reverted, inFlight });
  holds(counted === JSON.stringify(right), `the numbers are true: ${counted} is ${JSON.stringify(right)}`);
}

/** Where the head names those that a rollback leaves alone, it names just those that the parts have. */
export function theHeadNamesTheFailed(world: World, rollout: RolloutState, system: System): void {
  const named = namedInHead(rollout);
  if (named === undefined || !isWhole(world, system)) return;
  const failed = rollout.revertsFailed ? [] : entriesOf(world).filter(({ is }) => is === "failed");
  const ids = failed.map(({ id }) => id).sort();
  holds(
    JSON.stringify(ids) === JSON.stringify([...named].sort()),
    `the head names the failed: ${named.join(" ")} are ${ids.join(" ")}`,
  );
}

function placed({ id, at }: { id: string; at: string }): string {
  return `${waveOf(at)} ${id}`;
}

export function theWindowIsKept(drive: Drive, { window }: System): void {
  for (const of of ["forward", "rollback"] as const) {
    holds(inFlightOf(lanesOf(drive, of)) <= window, `no more are in flight ${of} than the window`);
  }
}

/** What is in flight, and who hears of it is a lane of the present drive, is in that lane's book. */
export function whatFliesIsCounted({ kv, deploys, shells, left }: World, drive: Drive, system: System): void {
  // Until its lane has reported again, a change that was cut short may have left the drive behind.
  const whole = (["kill", "killLane", "torn"] as const).every(
    (fault) => left[fault] === (system.left[fault] ?? 0),
  );
  for (const [n, lane] of Object.entries(drive.lanes)) {
    const { out = [], grant, done = [] } = (kv.get(`lane/${n}`) ?? {}) as Partial<LaneBook>;
    holds(!whole || lane.out === out.length, `lane ${n} has the number in flight of its book`);
    const known = [...out, ...(grant?.items ?? []), ...done].map(({ id }) => id);
    const shell = shells.find((each) => each.id === lane.invocationId && each.rolloutId === drive.rolloutId);
    // Rows that told of a lane which did not answer may have been ahead of its Deploys.
    const told = lane.of === "rollback" && left.freeze !== (system.left.freeze ?? 0);
    if (shell === undefined || lane.silent !== undefined || lane.over || told) continue;
    for (const deploy of deploys.filter((each) => each.shell === shell.id)) {
      holds(known.includes(deploy.id), `${deploy.id}, in flight on lane ${n}, is in its book`);
    }
  }
}

/** A rollout launches nobody whose Deploy it knows to be in flight. */
export function nobodyFliesTwice({ deploys, shells }: World, drive: Drive): void {
  const present = new Set(lanesOf(drive).map(({ invocationId }) => invocationId));
  const known = shells.filter(({ id, rolloutId }) => present.has(id) && rolloutId === drive.rolloutId);
  const silent = new Set(lanesOf(drive).flatMap((lane) => (lane.silent ? [lane.invocationId] : [])));
  const flying = deploys.filter(({ shell }) => known.some(({ id }) => id === shell) && !silent.has(shell));
  holds(new Set(flying.map(({ id }) => id)).size === flying.length, "nobody is deployed twice at a time");
}
