import type { Checks } from "./explore.ts";
import {
  aBudgetIsAFence,
  aGuardHolds,
  aPauseWaitsForWhatFlies,
  aStopIsAFence,
  noWaveFollowsAFailureByItself,
  whoBeginsIsWatched,
} from "./fences.ts";
import { aFreezeHolds, aFreezeIsTold, aPauseIsForAFreeze } from "./freezes.ts";
import {
  bookkeeping,
  nobodyFliesTwice,
  numbersAddUp,
  numbersAreTrue,
  theHeadNamesTheFailed,
  theWindowIsKept,
  whatFliesIsCounted,
} from "./numbers.ts";
import { comesToRest } from "./rest.ts";
import { aFailedOneChangesByItsRetry, aResultStays, nothingIsLeftOnTheImage } from "./results.ts";
import {
  aRegressionIsAFence,
  aRollbackByItselfIsOfItsPause,
  aSoakIsKept,
  aSoakIsWaitedFor,
} from "./soaks.ts";
import { driveOf, headOf } from "./steps.ts";
import { everyOutcomeIsKept, everyPhaseChangeIsTold, theCountFollowsACancel } from "./told.ts";

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
    theHeadNamesTheFailed(world, rollout, system);
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
    aRollbackByItselfIsOfItsPause(from, step, system);
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
