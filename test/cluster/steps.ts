import type { RecordedEvent } from "./recording.ts";

/** What an object looks like to somebody who has followed its events. */
type State = Map<string, unknown>;

/** What a real cluster was seen to do with one object. */
export interface Steps {
  /** Undefined, or what is wrong with this sequence. */
  refuse(sequence: RecordedEvent[]): string | undefined;
}

/**
 * Controllers race, and the number of whole sequences is the product of the races: so each step is compared. From the
 * state that an object is in, its next event must lead to a state that followed it on the real cluster, at once or, where
 * a controller was a moment later and reports several steps in one, after others. What it ends in must have been an end.
 */
export function stepsOf(recorded: RecordedEvent[][]): Steps {
  const next = new Map<string, Map<string, RecordedEvent>>();
  const ends = new Set<string>();
  for (const sequence of recorded) {
    const state: State = new Map();
    for (const event of sequence) {
      const before = text(state);
      apply(state, event);
      const follow = next.get(before) ?? new Map<string, RecordedEvent>();
      next.set(before, follow.set(text(state), event));
    }
    ends.add(text(state));
  }

  function isReachable(to: string, from: string, seen = new Set<string>()): boolean {
    if (seen.has(from)) return false;
    seen.add(from);
    const follow = next.get(from) ?? new Map<string, RecordedEvent>();
    return follow.has(to) || [...follow.keys()].some((state) => isReachable(to, state, seen));
  }

  return {
    refuse(sequence) {
      const state: State = new Map();
      for (const [at, event] of sequence.entries()) {
        const before = text(state);
        apply(state, event);
        if (isReachable(text(state), before)) continue;
        const known = [...(next.get(before)?.values() ?? [])].map((other) => JSON.stringify(other));
        const instead = known.length === 0 ? "nothing more" : known.join("\n  or ");
        return `event ${at + 1} is ${JSON.stringify(event)}\ninstead of ${instead}`;
      }
      if (ends.has(text(state))) return undefined;
      const [missing] = next.get(text(state))?.values() ?? [];
      return `after ${sequence.length} events there is missing ${JSON.stringify(missing)}`;
    },
  };
}

/** A change to what is gone or null (`null` stands for both) leaves no trace: states are compared by what is there. */
function apply(state: State, { type, changes }: RecordedEvent): void {
  for (const [path, value] of Object.entries(changes)) {
    if (value === null) state.delete(path);
    else state.set(path, value);
  }
  state.set("event", type === "MODIFIED" ? "ADDED" : type);
}

function text(state: State): string {
  return JSON.stringify([...state].sort(([a], [b]) => (a < b ? -1 : 1)));
}
