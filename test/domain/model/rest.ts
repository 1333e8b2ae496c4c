import type { Drive } from "../../../src/domain/drive-state.ts";
import { offered } from "../../../src/domain/next-steps.ts";
import { waveOf } from "../../../src/domain/parts.ts";
import { lanesOf } from "../../../src/domain/progress.ts";
import type { Entry, Part, RolloutState } from "../../../src/domain/state.ts";
import { HEAD_KEY, laneKey, TALLIES_KEY } from "../../../src/domain/state-keys.ts";
import { isRetried, tallyOf } from "../../../src/domain/tally.ts";
import { holds, isWhole } from "./holds.ts";
import { entriesOf } from "./recorded.ts";
import { driveOf, headOf } from "./steps.ts";
import type { Step, System, World } from "./world.ts";

/** When all that goes on by itself has ended, an operator can act: nobody waits for what never comes. */
export function comesToRest(world: World, next: readonly Step[], system: System): void {
  if (next.some(({ by }) => by === "system")) return;
  const [rollout, drive] = [headOf(world), driveOf(world)];
  const frozen = world.shells.filter((shell) => shell.frozen);
  const stuck = new Set(frozen.map(({ id }) => id));
  const waits = world.shells.filter(({ id }) => !stuck.has(id));
  const state = rollout?.state ?? "idle";
  const paused = frozen.some(({ rolloutId }) => rolloutId === rollout?.rolloutId);
  const rollsBack = frozen.some(({ of, rolloutId }) => of === "rollback" && rolloutId === rollout?.rolloutId);
  holds(state !== "rolling_back" || rollsBack, "a rollback comes to its end");
  holds(state !== "in_progress" || paused, "a rollout in progress goes on");
  if (frozen.length > 0) return;
  holds(waits.length === 0, `nobody is left waiting: ${waits.map(({ id }) => id)}`);
  holds(drive?.forward === undefined && lanesOf(drive).length === 0, "nothing is left of the drive");
  holds(drive?.settles === undefined, "the count that a Cancel owes is told");
  // What was killed cleans up after nobody: the next rollout does.
  const killed = (["kill", "killLane", "torn"] as const).some(
    (how) => world.left[how] !== (system.left[how] ?? 0),
  );
  const books = [...world.kv.keys()].filter((key) => key.startsWith(laneKey("")));
  holds(killed || books.length === 0, `no book is left of a lane: ${books}`);
  if (rollout === undefined) return;
  headIsRight(world, rollout);
  // Who was paused in Restate may launch its last grant when it is resumed, after all others have gone home.
  if (world.left.freeze === (system.left.freeze ?? 0)) aLostRetryIsOfferedBack(world, rollout, drive);
  if (isWhole(world, system) && world.deploys.length === 0) aRetryThatCameUpCounts(world, rollout);
  if (drive !== undefined && isWhole(world, system)) aRollbackIsOfferedForSomebody(world, rollout, drive);
  if (!killed) takenOverIsCounted(world, rollout);
}

function headIsRight(world: World, { waves, totalSentinels }: RolloutState): void {
  const tallies = (world.kv.get(TALLIES_KEY) ?? {}) as Record<string, unknown>;
  const sums = waves.map(() => [0, 0, 0, 0, 0]);
  for (const at of Object.keys(tallies)) {
    const tally = tallyOf((world.kv.get(`${HEAD_KEY}/wave-${at}`) ?? {}) as Part);
    sums[waveOf(at)] = (sums[waveOf(at)] ?? []).map((n, i) => n + (tally[i] ?? 0));
  }
  for (const [i, { size, ...wave }] of waves.entries()) {
    const counts = [wave.succeeded, wave.failed, wave.skipped, wave.reverted];
    const there = Object.keys(tallies).some((at) => waveOf(at) === i);
    holds(
      !there || counts.join() === sums[i]?.slice(1).join(),
      `wave ${i + 1} is counted: ${counts} is ${sums[i]}`,
    );
  }
  holds(totalSentinels === waves.reduce((sum, { size }) => sum + size, 0), "the total is that of the waves");
}

/** Who came up by a retry of which nobody heard the result is found by a RollbackAll: it is offered. */
function aLostRetryIsOfferedBack(world: World, rollout: RolloutState, drive: Drive | undefined): void {
  const { image, state } = rollout;
  const cameUp = entriesOf(world).filter(({ id, is, wave }) => {
    const row = world.rows[id];
    return wave >= 0 && is === "failed" && row?.image === image && row.is === "ready";
  });
  const rests = cameUp.length > 0 && (state === "paused" || state === "cancelled");
  const isOffered = offered(rollout, drive).includes("RollbackAll");
  holds(!rests || isOffered, `RollbackAll is offered for ${cameUp.length} that came up by a retry`);
}

/** Who came up is counted, if not at once: no row says of one that is failed that it serves. */
function aRetryThatCameUpCounts(world: World, { image }: RolloutState): void {
  for (const { id, is, wave } of entriesOf(world)) {
    const row = world.rows[id];
    if (is !== "failed" || wave < 0 || row === undefined) continue;
    holds(row.image !== image || row.is !== "ready", `${id} came up by its retry, and is ${is}`);
  }
}

/** RollbackAll is offered while there is somebody whom it can revert, or may, and no longer. */
function aRollbackIsOfferedForSomebody(world: World, rollout: RolloutState, drive: Drive): void {
  if (rollout.state !== "cancelled" || drive.lost || drive.again) return;
  const left = entriesOf(world).filter((entry) => {
    const { is, earlier, stays, wave } = entry;
    const failedToo = rollout.revertsFailed === true && is === "failed" && wave >= 0;
    const leftOver = failedToo || (earlier && (is === "failed" || is === "skipped"));
    return (is === "succeeded" || leftOver || isRetried(entry)) && stays === undefined;
  });
  const isOffered = offered(rollout, drive).includes("RollbackAll");
  holds(isOffered === left.length > 0, `RollbackAll is ${isOffered ? "" : "not "}offered for ${left.length}`);
}

/** Nobody is forgotten whom an earlier rollout of the image deployed, or who failed in it. */
function takenOverIsCounted(world: World, { takenOver }: RolloutState): void {
  const entries = entriesOf(world);
  const earlier = entries.filter(({ wave }) => wave < 0);
  const is = (...words: Entry["is"][]) => earlier.filter((entry) => words.includes(entry.is)).length;
  const again = entries.filter((entry) => entry.is === "waiting" && entry.failedEarlier).length;
  const { size = 0, reverted = 0, unknown = 0, failed = 0 } = takenOver ?? {};
  const counts = [size, reverted, unknown, failed];
  const right = [is("succeeded", "reverted"), is("reverted"), is("waiting"), is("failed") + again];
  holds(String(counts) === String(right), `what was taken over is counted: ${counts} is ${right}`);
}
