import type { Event } from "./event.ts";
import type { HistoryEntry, Origin, OutcomeRecord, RolloutRecord } from "./history-entry.ts";
import { numbersOf } from "./progress.ts";
import type { RolloutState } from "./state.ts";
import type { Turn } from "./turn.ts";

/** One entry has at most this many outcomes, so that no message grows with the fleet. */
const OUTCOMES_IN_AN_ENTRY = 200;

/** What a decision adds to the history; nothing when nothing became of the rollout. */
export function historyOf(before: RolloutState | undefined, turn: Turn, event: Event): HistoryEntry[] {
  const { rollout, outcomes, nowMs: atMs } = turn;
  if (rollout === undefined || (rollout === before && outcomes.length === 0)) return [];
  const record = recordOf(rollout);
  const origin = event.type === "begin" ? { origin: originOf(event) } : {};
  const chunks = Math.max(1, Math.ceil(outcomes.length / OUTCOMES_IN_AN_ENTRY));
  return Array.from({ length: chunks }, (_, i) => ({
    rollout: record,
    ...origin,
    outcomes: outcomes.slice(i * OUTCOMES_IN_AN_ENTRY, (i + 1) * OUTCOMES_IN_AN_ENTRY),
    atMs,
  }));
}

/** One change of a rollout that another one has taken the place of. */
export function entryOf(rollout: RolloutState, outcomes: OutcomeRecord[], atMs: number): HistoryEntry {
  return { rollout: recordOf(rollout), outcomes, atMs };
}

function recordOf(rollout: RolloutState): RolloutRecord {
  const { total, took, failed, skipped, reverted } = numbersOf(rollout, undefined);
  const over = rollout.state === "completed" || rollout.state === "cancelled";
  return {
    rolloutId: rollout.rolloutId,
    image: rollout.image,
    ...(rollout.rewrittenTo === undefined ? {} : { rewrittenTo: rollout.rewrittenTo }),
    state: rollout.state,
    wave: rollout.currentWave + 1,
    waveSizes: rollout.waves.map(({ size }) => size),
    ...{ total, succeeded: took, failed, skipped, reverted },
    pauseReason: rollout.pauseReason,
    startedAtMs: rollout.startedAtMs,
    ...(over ? { endedAtMs: rollout.sinceMs } : {}),
  };
}

function originOf({ invocationId, startedBy }: Event & { type: "begin" }): Origin {
  return { invocationId, ...(startedBy === undefined ? {} : { startedBy }) };
}
