import type { Decision } from "../../../src/domain/answer.ts";
import type { Event } from "../../../src/domain/event.ts";
import type { RolloutState } from "../../../src/domain/state.ts";
import { HEAD_KEY } from "../../../src/domain/state-keys.ts";
import { entriesOf } from "./recorded.ts";
import type { Draft } from "./shell.ts";
import type { Soaking, World } from "./world.ts";

/** Of a system whose rollouts do not soak: its time stands still. */
export const NO_SOAK: Soaking = {
  ...{ passedMs: 0, ofWaveMs: 0, acknowledged: 0 },
  ...{ timers: [], ending: [], broken: [], told: [], noted: [], rollbacks: [] },
};
/** Of one whose rollouts do, before the first of them. */
export const WATCHED: Soaking = { ...NO_SOAK };

/** Of a rollback by itself: somebody has paused since, and it is not to begin. */
const OVERTAKEN = -1;

type Stored = Pick<World, "kv">;

function headIn({ kv }: Stored): RolloutState | undefined {
  return kv.get(HEAD_KEY) as RolloutState | undefined;
}

/** The messages that a change sends. */
export function sends(draft: Draft, { soaks, rollsBack }: Pick<Decision, "soaks" | "rollsBack">): void {
  const { drives } = draft;
  if (soaks !== undefined) {
    const timers = new Set([...draft.soaking.timers, soaks.untilMs]);
    draft.soaking = { ...draft.soaking, timers: [...timers] };
  }
  if (rollsBack !== undefined) {
    draft.soaking = { ...draft.soaking, rollbacks: [...draft.soaking.rollbacks, { ...rollsBack, drives }] };
  }
}

/** Whoever goes on acknowledges those that were noted, and who failed. */
export function goneOn(before: Stored, soaking: Soaking, event: Event): Soaking {
  if (event.type !== "begin" && event.type !== "resume" && event.type !== "retryFailed") return soaking;
  const { currentWave } = headIn(before) ?? {};
  const failed = entriesOf(before).filter(({ wave, is }) => wave === currentWave && is === "failed");
  return { ...soaking, noted: [], acknowledged: event.type === "resume" ? failed.length : 0 };
}

/** Who was noted by a change that was made as a whole. */
export function notes(before: Stored, draft: Draft, event: Event, { answer }: Decision): void {
  if (!answer.accepted) return;
  draft.soaking = goneOn(before, draft.soaking, event);
  if (event.type === "pause" && headIn(before)?.state === "paused") {
    const rollbacks = draft.soaking.rollbacks.map((message) => ({ ...message, drives: OVERTAKEN }));
    draft.soaking = { ...draft.soaking, rollbacks };
  }
  if (event.type !== "health") return;
  const isBroken = ({ regressed }: { regressed?: { recovered?: true } }) =>
    regressed !== undefined && !regressed.recovered;
  const known = new Set(entriesOf(before).flatMap((entry) => (isBroken(entry) ? [entry.id] : [])));
  const found = entriesOf(draft).flatMap((entry) =>
    isBroken(entry) && !known.has(entry.id) ? [entry.id] : [],
  );
  if (found.length === 0) return;
  draft.soaking = { ...draft.soaking, noted: [...new Set([...draft.soaking.noted, ...found])].sort() };
}

/** What has passed of a wave's soak, and what was acknowledged in it, is of that wave alone. */
export function followed(from: Stored, { kv, soaking }: Stored & Pick<World, "soaking">): Soaking {
  const [before, after] = [headIn(from), headIn({ kv })];
  const isSame = before?.rolloutId === after?.rolloutId && before?.currentWave === after?.currentWave;
  const goesOn = after?.state === "in_progress" || after?.state === "paused";
  if (isSame && goesOn) return soaking;
  const { ofWaveMs, acknowledged } = soaking;
  return ofWaveMs === 0 && acknowledged === 0 ? soaking : { ...soaking, ofWaveMs: 0, acknowledged: 0 };
}

/** Times make no difference but how they stand to what is now. */
export function soakText({ kv, soaking }: Pick<World, "kv" | "soaking">, nowMs: number): string {
  const { passedMs: _, timers, ending, rollbacks, ...rest } = soaking;
  const { soakUntilMs, sinceMs } = headIn({ kv }) ?? {};
  const from = (ms: number) => (ms === soakUntilMs ? "now" : Math.max(0, ms - nowMs));
  return JSON.stringify([
    rest,
    ...[timers, ending].map((list) => list.map(from).sort()),
    soakUntilMs === undefined ? "" : soakUntilMs - nowMs,
    rollbacks.map(({ rolloutId, pausedMs }) => [rolloutId, pausedMs === sinceMs]),
  ]);
}
