import { frozenBetweenWaves } from "./freeze-look.ts";
import { dropLanes } from "./lanes.ts";
import { endForward, pause, pauseWords, shownFailures } from "./pause.ts";
import { progressOf } from "./progress.ts";
import { closeQueue } from "./queue.ts";
import { soakMsOf } from "./soak.ts";
import type { RolloutState } from "./state.ts";
import type { Turn } from "./turn.ts";

/** All of the wave has its result, and nothing keeps the rollout from going on: it soaks first, if it has not. */
export function soakOrAdvance(turn: Turn): void {
  const ms = soakMsOf(turn.driving().rollout);
  if (ms === 0) advance(turn);
  else beginSoak(turn, ms);
}

function beginSoak(turn: Turn, ms: number): void {
  closeQueue(turn);
  const untilMs = turn.nowMs + ms;
  turn.soak({ soakUntilMs: untilMs });
  turn.soaks = { untilMs, inMs: ms };
}

/** The soak is over: what a freeze does between two waves it does now. */
export function endSoak(turn: Turn, unseen: string[]): void {
  const { rollout } = turn.driving();
  if (unseen.length > 0)
    turn.notifications.push({ kind: "unseen", progress: progressOf(rollout, turn.nowMs), clusters: unseen });
  turn.soak({ soakLeftMs: 0 });
  const last = rollout.currentWave + 1 >= rollout.waves.length;
  const frozen = last ? undefined : frozenBetweenWaves(turn);
  if (frozen === undefined) advance(turn);
  else pause(turn, "freeze", frozen);
}

/** The next wave begins, or the rollout is completed. */
export function advance(turn: Turn): void {
  const { rollout, drive } = turn.driving();
  closeQueue(turn);
  turn.soak({});
  delete drive.ramp;
  if (rollout.currentWave + 1 >= rollout.waves.length) {
    const asked = pauseWords(turn);
    turn.become({ state: "completed" });
    const done = turn.driving().rollout;
    turn.notifications.push({
      kind: "completed",
      progress: progressOf(done, turn.nowMs),
      failures: shownFailures(done),
      ...(asked === undefined ? {} : { asked }),
    });
    endForward(turn);
    return;
  }
  // All of it has its result.
  delete drive.lost;
  const driver = drive.forward?.lane;
  dropLanes(turn, (lane, n) => lane.of === "forward" && n !== driver);
  turn.become({
    currentWave: rollout.currentWave + 1,
    waveStartedAtMs: turn.nowMs,
    ...acknowledgedInAll(rollout),
  });
  // The soak that it began with tells nothing of how long a wave takes.
  if (drive.forward?.firstWave === rollout.currentWave + 1) drive.forward.startedAtMs = turn.nowMs;
  turn.notifications.push({ kind: "wave started", progress: progressOf(turn.driving().rollout, turn.nowMs) });
}

/** In the next wave nothing is acknowledged yet. */
function acknowledgedInAll({ acknowledged }: RolloutState): Pick<RolloutState, "acknowledged"> {
  if (acknowledged === undefined) return {};
  const { total, away } = acknowledged;
  return {
    acknowledged: { wave: 0, total, ...(away === undefined ? {} : { away: { wave: 0, total: away.total } }) },
  };
}
