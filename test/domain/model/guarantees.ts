import type { Drive, Lane, LaneBook } from "../../../src/domain/drive-state.ts";
import { offered } from "../../../src/domain/next-steps.ts";
import { waveOf } from "../../../src/domain/parts.ts";
import { inFlightOf, lanesOf, numbersOf } from "../../../src/domain/progress.ts";
import type { Entry, Part, RolloutState } from "../../../src/domain/state.ts";
import { HEAD_KEY, laneKey, PLAN_KEY, TALLIES_KEY } from "../../../src/domain/state-keys.ts";
import { isLeftOver, isRetried, tallyOf } from "../../../src/domain/tally.ts";
import type { Checks } from "./explore.ts";
import { aFreezeHolds, aFreezeIsTold, aPauseIsForAFreeze } from "./freezes.ts";
import { entriesOf } from "./recorded.ts";
import {
  aRegressionIsAFence,
  aRollbackByItselfIsOfItsPause,
  aSoakIsKept,
  aSoakIsWaitedFor,
} from "./soaks.ts";
import { driveOf, headOf } from "./steps.ts";
import type { Step, System, World } from "./world.ts";

/** What holds in every world, whatever happened and in whatever order. */
export const guarantees: Checks = {
  state(world, next, system) {
    const [rollout, drive] = [headOf(world), driveOf(world)];
    comesToRest(world, next, system);
    if (rollout === undefined) return;
    bookkeeping(world, rollout, system);
    aSoakIsKept(world, rollout);
    numbersAddUp(rollout, drive);
    if (drive === undefined) return;
    numbersAreTrue(world, rollout, drive, system);
    theWindowIsKept(drive, system);
    whatFliesIsCounted(world, drive, system);
    nobodyFliesTwice(world, drive);
  },
  step(from, step, system) {
    aGuardHolds(from, step);
    aFreezeHolds(from, step);
    aPauseIsForAFreeze(from, step);
    aFreezeIsTold(from, step);
    aSoakIsWaitedFor(from, step);
    aRegressionIsAFence(from, step, system);
    aRollbackByItselfIsOfItsPause(from, step);
    aStopIsAFence(from, step);
    aBudgetIsAFence(from, step, system);
    aPauseWaitsForWhatFlies(from, step);
    everyPhaseChangeIsTold(from, step, system);
    theCountFollowsACancel(from, step);
    everyOutcomeIsKept(from, step);
    whoBeginsIsWatched(step);
    noWaveFollowsAFailureByItself(from, step);
    aResultStays(from, step);
    aFailedOneChangesByItsRetry(from, step);
    nothingIsLeftOnTheImage(from, step, system);
  },
};

/** A guarded verb is taken by the rollout, and in the wave, that it names, and changes nothing of any other. */
function aGuardHolds(from: World, { event, outcome, to, name }: Step): void {
  if (event === undefined || !("seen" in event) || event.seen === undefined) return;
  const { rolloutId, wave } = event.seen;
  const head = headOf(from);
  const isThere = wave === undefined || head?.currentWave === wave - 1;
  if (head?.rolloutId === rolloutId && isThere) {
    holds(outcome?.answer.accepted === true, `${name} is taken`);
    holds(headOf(to)?.rolloutId === rolloutId, `${name} is about that rollout`);
  } else {
    holds(to === from, `${name} changes nothing`);
  }
}

/** Waves follow one another, and each sentinel has one place. */
function bookkeeping(world: World, rollout: RolloutState, system: System): void {
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

function numbersAddUp(rollout: RolloutState, drive: Drive | undefined): void {
  const { total, succeeded, failed, skipped, reverted, inFlight, waiting } = numbersOf(rollout, drive);
  const sum = succeeded + failed + skipped + inFlight + waiting;
  const numbers = JSON.stringify({ total, succeeded, failed, skipped, reverted, inFlight, waiting });
  holds(sum === total, `the numbers add up: ${numbers}`);
  holds(reverted <= succeeded, `no more were reverted than took the image: ${numbers}`);
}

/** Nothing was cut short, and everybody answers: what is stored is all there is to know. */
function isWhole({ left }: World, system: System): boolean {
  const faults = ["kill", "killLane", "torn", "freeze"] as const;
  return faults.every((fault) => left[fault] === (system.left[fault] ?? 0));
}

/**
 * Each sentinel is counted as what it is: as its part says, and its lane's book until that is recorded. Once a RollbackAll has
 * begun, who was deployed by an earlier rollout of the image counts along, and who failed when this one deployed it again has
 * taken the image all the same.
 */
function numbersAreTrue(world: World, rollout: RolloutState, drive: Drive, system: System): void {
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

function placed({ id, at }: { id: string; at: string }): string {
  return `${waveOf(at)} ${id}`;
}

function theWindowIsKept(drive: Drive, { window }: System): void {
  for (const of of ["forward", "rollback"] as const) {
    holds(inFlightOf(lanesOf(drive, of)) <= window, `no more are in flight ${of} than the window`);
  }
}

/** What is in flight, and who hears of it is a lane of the present drive, is in that lane's book. */
function whatFliesIsCounted({ kv, deploys, shells, left }: World, drive: Drive, system: System): void {
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
function nobodyFliesTwice({ deploys, shells }: World, drive: Drive): void {
  const present = new Set(lanesOf(drive).map(({ invocationId }) => invocationId));
  const known = shells.filter(({ id, rolloutId }) => present.has(id) && rolloutId === drive.rolloutId);
  const silent = new Set(lanesOf(drive).flatMap((lane) => (lane.silent ? [lane.invocationId] : [])));
  const flying = deploys.filter(({ shell }) => known.some(({ id }) => id === shell) && !silent.has(shell));
  holds(new Set(flying.map(({ id }) => id)).size === flying.length, "nobody is deployed twice at a time");
}

/** When all that goes on by itself has ended, an operator can act: nobody waits for what never comes. */
function comesToRest(world: World, next: readonly Step[], system: System): void {
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

/** Nothing is granted but while it may be launched: what was stopped stays stopped. */
function aStopIsAFence(from: World, { to, outcome, torn, name }: Step): void {
  if (outcome === undefined && !torn) return;
  const [before, after] = [driveOf(from), driveOf(to)];
  if (after === undefined) return;
  const known: Record<string, Lane> = before?.rolloutId === after.rolloutId ? (before?.lanes ?? {}) : {};
  for (const [n, { grants, of }] of Object.entries(after.lanes)) {
    if (grants === (known[n]?.grants ?? 0)) continue;
    const state = of === "forward" ? "in_progress" : "rolling_back";
    const driver = of === "forward" ? after.forward : after.rollback;
    const was = of === "forward" ? before?.forward : before?.rollback;
    holds(headOf(from)?.state === state, `${name} grants while it is ${headOf(from)?.state}`);
    holds(torn || headOf(to)?.state === state, `${name} grants while it becomes ${headOf(to)?.state}`);
    holds(driver?.stopping === undefined && was?.stopping === undefined, `${name} grants after a stop`);
  }
}

/** Once more have failed than may, nothing is granted; and up to that a failure pauses nothing. */
function aBudgetIsAFence(from: World, { to, outcome, name }: Step, { limits }: System): void {
  if (limits?.maxFailures === undefined || outcome === undefined) return;
  const [before, after] = [driveOf(from), driveOf(to)];
  const [head, next] = [headOf(from), headOf(to)];
  if (head === undefined || next === undefined || head.rolloutId !== next.rolloutId) return;
  const failed = (rollout: RolloutState, drive: Drive | undefined) =>
    (rollout.waves[rollout.currentWave]?.failed ?? 0) +
    lanesOf(drive, "forward").reduce((sum, lane) => sum + lane.failed, 0) -
    (rollout.acknowledged?.wave ?? 0);
  const sameWave = head.currentWave === next.currentWave;
  const grants = (drive: Drive | undefined) =>
    lanesOf(drive, "forward").reduce((sum, lane) => sum + lane.grants, 0);
  if (sameWave && next.state === "in_progress" && grants(after) > grants(before)) {
    holds(failed(next, after) <= Number(limits.maxFailures), `${name} grants though the budget is exceeded`);
  }
  if (head.state === "in_progress" && next.state === "paused") {
    holds(next.pauseKind !== "failure", `${name}: a budget decides what a failure does`);
    const over = failed(next, after) > Number(limits.maxFailures);
    holds(next.pauseKind !== "budget" || over, `${name} pauses for a budget that is not exceeded`);
  }
}

/** What was launched before an operator's Pause has its result when it is paused, and nothing of it is lost. */
function aPauseWaitsForWhatFlies(from: World, { to, torn, name }: Step): void {
  if (torn) return;
  const [head, next] = [headOf(from), headOf(to)];
  if (head?.state !== "in_progress" || next?.state !== "paused") return;
  const kinds: (typeof next.pauseKind)[] = ["operator", "budget", "regression"];
  if (!kinds.includes(next.pauseKind)) return;
  const flying = lanesOf(driveOf(from), "forward").filter(({ silent }) => silent === undefined);
  const told = flying.reduce((sum, { out, launching }) => sum + out + launching, 0);
  const kept = lanesOf(driveOf(to), "forward");
  holds(inFlightOf(kept) === 0, `${name} pauses with Deploys in flight (${told} before)`);
  holds(driveOf(to)?.lost === driveOf(from)?.lost, `${name} pauses and loses what is in flight`);
}

/** No phase changes with these. */
const ASIDE = new Set(["silent", "settled", "regressed", "unseen"]);

/** Slack hears of each phase change and of nothing else, in numbers that can be true. */
function everyPhaseChangeIsTold(from: World, { outcome, to, name }: Step, system: System): void {
  if (outcome === undefined) return;
  const [before, after] = [headOf(from), headOf(to)];
  const changed =
    before?.rolloutId !== after?.rolloutId ||
    before?.state !== after?.state ||
    before?.currentWave !== after?.currentWave ||
    (before?.soakUntilMs === undefined && after?.soakUntilMs !== undefined);
  const notifications = outcome.notifications.filter(({ kind }) => !ASIDE.has(kind));
  const kinds = notifications.map(({ kind }) => kind);
  // The end of a rollback was written, and cut short before anybody was told.
  const late = before?.state !== "rolling_back" && driveOf(from)?.rollback !== undefined;
  const right = changed ? notifications.length > 0 : notifications.length === 0 || late;
  holds(right, `${name} tells of [${kinds}]: ${before?.state} is ${after?.state} then`);
  holds(new Set(kinds).size === kinds.length, `${name} tells nothing twice`);
  for (const notification of notifications) {
    const { succeeded, failed, skipped, total, wave, waves } = notification.progress;
    holds(succeeded + failed + skipped <= total && wave >= 1 && wave <= waves, `${name} tells true numbers`);
    if (notification.kind === "rollback started") {
      const { took = 0, inFlight = 0, unknown = 0 } = notification.scope ?? {};
      holds(took + inFlight + unknown <= total, `${name} counts what it will do`);
    }
    if (notification.kind !== "rollback completed") continue;
    holds(
      notification.reverted >= 0 && notification.reverted <= notification.targets,
      "no more were reverted than there were",
    );
    holds(
      notification.failed === notification.targets - notification.reverted,
      "who was not reverted is counted",
    );
    const failedToo = headOf(to)?.revertsFailed === true;
    const left = entriesOf(to).filter(
      ({ is }) => is === "succeeded" || (failedToo && is === "failed"),
    ).length;
    // A notification that was cut short may have left the count of a rollback behind its parts.
    const whole = (["kill", "torn"] as const).every(
      (fault) => from.left[fault] === (system.left[fault] ?? 0),
    );
    holds(
      !whole || left <= notification.failed,
      `${name} tells of ${notification.failed} not reverted: ${left}`,
    );
    const first = waysBack(from.left) === waysBack(system.left) - 1;
    if (isWhole(to, system) && first && notification.interruption === undefined) {
      const { reverted, succeeded: took } = notification.progress;
      const numbers = `${notification.reverted} of ${notification.targets}, which are ${reverted} of ${took}`;
      holds(
        notification.reverted === reverted && notification.targets === took,
        `${name} tells of ${numbers}`,
      );
    }
    const never = (notification.skipped ?? 0) + (notification.moved ?? 0);
    holds(never <= notification.failed, "who cannot be reverted any more was not reverted");
    const rollout = headOf(to);
    if (rollout === undefined || !isWhole(to, system) || notification.interruption !== undefined) continue;
    const isOffered = offered(rollout, driveOf(to)).includes("RollbackAll");
    holds(
      never < notification.failed || !isOffered,
      `${name}: RollbackAll is offered for those that can never revert`,
    );
  }
}

function waysBack({ RollbackAll = 0, Abort = 0 }: System["left"]): number {
  return RollbackAll + Abort;
}

/**
 * Whoever cancels with Deploys in flight is told how many there are, and once, when they have settled, what they came to; a
 * rollback that begins meanwhile tells it itself.
 */
function theCountFollowsACancel(from: World, { outcome, to, name }: Step): void {
  if (outcome === undefined) return;
  const [before, after] = [driveOf(from), driveOf(to)];
  const cancelled = outcome.notifications.find((notification) => notification.kind === "cancelled");
  if (cancelled?.kind === "cancelled") {
    const flying = numbersOf(headOf(from) as RolloutState, before).inFlight;
    holds(cancelled.inFlight === flying, `${name} tells of ${cancelled.inFlight} in flight: ${flying}`);
  }
  const told = outcome.notifications.filter((notification) => notification.kind === "settled");
  const own = told.filter(({ progress }) => progress.rolloutId === headOf(to)?.rolloutId);
  const owed = (drive: Drive | undefined) => drive?.settles !== undefined;
  const owes = owed(before) || cancelled?.kind === "cancelled";
  for (const { progress } of own) {
    holds(owes && !owed(after), `${name} tells once that all have settled`);
    holds(headOf(to)?.state === "cancelled", `${name} tells of a Cancel while it is ${headOf(to)?.state}`);
    holds(numbersOf(headOf(to) as RolloutState, after).inFlight === 0, `${name}: nothing is in flight`);
    const along = headOf(to)?.countsTakenOver === true;
    const entries = entriesOf(to).filter(({ wave }) => along || wave >= 0);
    const back = headOf(to)?.revertsFailed === true;
    const took = entries.filter(
      (entry) =>
        ["succeeded", "reverted"].includes(entry.is) ||
        (along && isLeftOver(entry)) ||
        (back && entry.is === "failed"),
    ).length;
    holds(progress.succeeded === took, `${name} tells that ${progress.succeeded} took the image: ${took}`);
  }
  const goesOn = before?.rolloutId === after?.rolloutId && headOf(to)?.state === "cancelled";
  if (goesOn && owed(before) && !owed(after) && headOf(from)?.state === "cancelled") {
    holds(own.length === 1, `${name} tells that all have settled`);
  }
}

/** Everything that becomes of a sentinel is told to the history, and nothing else is. */
function everyOutcomeIsKept(from: World, { outcome, to, event, name }: Step): void {
  if (outcome === undefined || event?.type === "begin") return;
  const before = new Map(entriesOf(from).map((entry) => [entry.id, entry]));
  // What a rollout had still in flight when another one began is told under its own id.
  const { rolloutId } = headOf(to) ?? {};
  const told = outcome.history.flatMap(({ entry }) =>
    entry.rollout.rolloutId === rolloutId ? entry.outcomes : [],
  );
  const words = told.map((each) => `${each.sentinelId} ${each.outcome} ${each.wave}`);
  for (const { id, is, wave } of entriesOf(to)) {
    const was = before.get(id)?.is;
    if (was === is) continue;
    if (is === "waiting") continue;
    // What is taken over from an earlier rollout was told under that one's id; and so was that it took the image.
    if (wave < 0 && (was === undefined || is === "succeeded")) continue;
    holds(words.includes(`${id} ${is} ${wave + 1}`), `${name} tells the history that ${id} ${is}`);
    if (is === "reverted" && was === "waiting" && wave >= 0) {
      holds(
        words.includes(`${id} succeeded ${wave + 1}`),
        `${name} tells the history that ${id} took the image`,
      );
    }
  }
  const after = new Map(entriesOf(to).map((entry) => [entry.id, entry]));
  for (const { sentinelId, outcome: is } of told) {
    const now = after.get(sentinelId)?.is;
    holds(
      now === is || (now === "reverted" && (is === "succeeded" || after.get(sentinelId)?.why !== undefined)),
      `${name} tells that ${sentinelId} ${is}: ${now}`,
    );
  }
}

function whoBeginsIsWatched({ outcome, to, name, event }: Step): void {
  if (outcome === undefined || event === undefined) return;
  const begins = ["begin", "resume", "beginRollback", "abort", "retryFailed"].includes(event.type);
  const driven = to.shells.some(({ id }) => "invocationId" in event && id === event.invocationId);
  if (begins && driven) holds(outcome.watch !== undefined, `the drive that begins with ${name} is watched`);
}

function noWaveFollowsAFailureByItself(from: World, { by, to, name }: Step): void {
  const [before, after] = [headOf(from), headOf(to)];
  if (by !== "system" || before === undefined || after === undefined) return;
  const completed = before.state !== "completed" && after.state === "completed";
  if (after.currentWave === before.currentWave && !completed) return;
  const failed = entriesOf(to).filter(
    ({ wave, is }) => wave === before.currentWave && is === "failed",
  ).length;
  const { maxFailures = 0 } = before.limits ?? {};
  const acknowledged = before.acknowledged?.wave ?? from.soaking.acknowledged;
  const most = Number(maxFailures) + acknowledged;
  holds(failed <= most, `${name}: no wave follows one with ${failed} failures by itself`);
}

/** The first result counts, and what failed or was skipped is never reverted, unless an earlier rollout had deployed it. */
function aResultStays(from: World, { to, name }: Step): void {
  if (headOf(from)?.rolloutId !== headOf(to)?.rolloutId) return;
  const before = new Map(entriesOf(from).map((entry) => [entry.id, entry.is]));
  for (const { id, is, earlier } of entriesOf(to)) {
    const was = before.get(id);
    if (was === undefined || was === is || was === "waiting") continue;
    const failedToo = was === "failed" && headOf(to)?.revertsFailed === true;
    const leftOver = failedToo || (earlier && (was === "failed" || was === "skipped"));
    // Of these below.
    if (was === "failed" && !leftOver) continue;
    const again = leftOver && was === "failed" && is !== "waiting";
    holds(
      again || ((was === "succeeded" || leftOver) && is === "reverted"),
      `${name}: ${id} was ${was} and is ${is}`,
    );
  }
}

/** Who failed comes to something else by a retry of the present drive alone: a late result of an earlier attempt is none. */
function aFailedOneChangesByItsRetry(from: World, { to, name }: Step): void {
  if (headOf(from)?.rolloutId !== headOf(to)?.rolloutId) return;
  const before = new Map(entriesOf(from).map((entry) => [entry.id, entry]));
  const back = headOf(to)?.revertsFailed === true;
  for (const { id, is, why, earlier } of entriesOf(to)) {
    const was = before.get(id);
    if (was?.is !== "failed" || earlier || (is === "failed" && why === was.why)) continue;
    if (back && is === "reverted") continue;
    const held = Object.keys(driveOf(from)?.lanes ?? {}).flatMap((n) => {
      const { out = [], grant, done = [] } = (from.kv.get(laneKey(n)) ?? {}) as Partial<LaneBook>;
      return [...out, ...(grant?.items ?? []), ...done];
    });
    const again = held.find((item) => item.id === id && item.retry);
    holds(again !== undefined, `${name}: ${id} failed and is ${is}, and nobody has deployed it again`);
    // A change that was cut short may have recorded it before it was told.
    const torn = isRetried(was) || to.left.torn !== from.left.torn;
    holds(torn || earlier, `${name}: the part said that ${id} was deployed again`);
  }
}

/** Who came up is counted, if not at once: no row says of one that is failed that it serves. */
function aRetryThatCameUpCounts(world: World, { image }: RolloutState): void {
  for (const { id, is, wave } of entriesOf(world)) {
    const row = world.rows[id];
    if (is !== "failed" || wave < 0 || row === undefined) continue;
    holds(row.image !== image || row.is !== "ready", `${id} came up by its retry, and is ${is}`);
  }
}

function nothingIsLeftOnTheImage({ left }: World, { outcome, to, name }: Step, system: System): void {
  const end = outcome?.notifications.find((notification) => notification.kind === "rollback completed");
  if (end?.kind !== "rollback completed" || end.failed > 0 || end.interruption !== undefined) return;
  // Who was paused in Restate may launch its last grant when it is resumed, after all others have gone home.
  if (left.freeze !== (system.left.freeze ?? 0)) return;
  const { image } = headOf(to) ?? {};
  const entries = new Map(entriesOf(to).map((entry) => [entry.id, entry]));
  for (const [id, row] of Object.entries(to.rows)) {
    const { is, earlier } = entries.get(id) ?? {};
    // One is left as it was, too, that failed in an earlier rollout of the image, or of which only its row tells that it did.
    // And one that a completed rollout deployed: the next one of the image, for who was skipped, has nothing to do with it.
    const ofACompleted = is === undefined && system.left.skip !== undefined;
    const failedByRow = row.is === "failed" && row.ran !== image;
    const failedToo = headOf(to)?.revertsFailed === true && is === "failed";
    const cameUp = is === "failed" && row.is === "ready";
    const out = ((is === "failed" || is === "skipped") && !earlier && !cameUp) || failedByRow || ofACompleted;
    holds(
      (out && !failedToo) || row.image !== image,
      `${name}: a complete rollback leaves nobody on the image, but ${id} (${is})`,
    );
    holds(is !== "succeeded", `${name}: a complete rollback has reverted ${id}`);
  }
}

function holds(guarantee: boolean | undefined, text: string): void {
  if (!guarantee) throw new Error(`does not hold: ${text}`);
}
