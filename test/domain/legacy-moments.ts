import type { Event } from "../../src/domain/event.ts";
import type { Operation } from "../../src/domain/state.ts";
import { type OldRollout, STORIES, type Story, storedAfter } from "../legacy/stories.ts";

/** A moment at which the versions change: so many of a story's transitions were made by version 0.1. */
interface Moment {
  name: string;
  story: Story;
  after: number;
  stored: Map<string, unknown>;
  old: OldRollout;
  /** What its drives go on to say, until there is a new drive. */
  rest: Story["transitions"];
}

const OPENINGS = ["begin", "resume", "beginRollback"];
export const MOMENTS: Moment[] = [...STORIES].flatMap(([title, story]) =>
  story.transitions.map(({ event }, i): Moment => {
    const stored = storedAfter(story, i + 1);
    const rest = story.transitions.slice(i + 1);
    const end = rest.findIndex((each) => OPENINGS.includes(each.event.type));
    return {
      name: `${title}, after ${i + 1} (${event.type})`,
      story,
      after: i + 1,
      stored,
      old: stored.get("rolloutState") as OldRollout,
      rest: end < 0 ? rest : rest.slice(0, end),
    };
  }),
);

export function momentsIn(...phases: string[]): Moment[] {
  return MOMENTS.filter(({ old }) => phases.includes(old.state));
}

export function titled(moments: Moment[]): [string, Moment][] {
  return moments.map((moment) => [moment.name, moment]);
}

export function at(title: string, what: string): Moment {
  const found = MOMENTS.find(({ name }) => name.startsWith(title) && name.endsWith(`(${what})`));
  if (found === undefined) throw new Error(`no such moment: ${title}, ${what}`);
  return found;
}

/** Those of the current wave without a result, in version 0.1. */
export function leftIn({
  waves,
  currentWave,
  succeededIds,
  failedIds,
  skippedIds,
  revertedIds,
}: OldRollout): string[] {
  const known = [...succeededIds, ...failedIds, ...skippedIds, ...revertedIds];
  return (waves[currentWave] ?? []).filter((id) => !known.includes(id));
}

export const resume: Event & { type: "resume" } = { type: "resume", invocationId: "inv_new" };
export const rollBack: Event & { type: "beginRollback" } = {
  type: "beginRollback",
  invocationId: "inv_new",
  silent: [],
};
export const begin: Event = {
  type: "begin",
  askedMs: 1_800_000_000_000,
  invocationId: "inv_new",
  rolloutId: "another",
  image: "sentinel:v9",
  wavePercentages: [100],
  plan: [{ at: "1/1", size: 1, first: "sen_0001", last: "sen_0001" }],
  parts: [{ sen_0001: { from: "sentinel:v8", is: "waiting" } }],
};
export const VERBS: Record<Operation, Event> = {
  Rollout: begin,
  Resume: resume,
  Cancel: { type: "cancel" },
  RollbackAll: rollBack,
  Pause: { type: "pause" },
  Abort: { type: "abort", invocationId: "inv_abort" },
  RetryFailed: { type: "retryFailed", invocationId: "inv_retry" },
};

export function sorted(ids: readonly string[]): string[] {
  return [...ids].sort();
}
