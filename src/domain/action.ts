import type { Asked, Event } from "./event.ts";
import type { RolloutState, State, Verb } from "./state.ts";
import type { Turn } from "./turn.ts";

/** What an operator asked for, and what came of it: kept for good. */
export interface Action {
  /** Of the call that asked, so that it is kept once however often it is told. */
  id: string;
  verb: Verb;
  operator?: string;
  comment?: string;
  /** The rollout that it was about, or that was there; absent: there was none. */
  rolloutId?: string;
  /** Absent where the state could not be read. */
  from?: State;
  /** Absent where it was refused. */
  to?: State;
  /** Why it was refused, as the caller was answered. */
  refused?: string;
  /** Unix ms. */
  atMs: number;
}

/** The verbs that change something, by the event that each of them is. */
const VERB_OF = {
  begin: "Rollout",
  resume: "Resume",
  retryFailed: "RetryFailed",
  cancel: "Cancel",
  pause: "Pause",
  beginRollback: "RollbackAll",
  abort: "Abort",
  freeze: "Freeze",
  unfreeze: "Unfreeze",
} as const satisfies Partial<Record<Event["type"], Verb>>;

export const ACTING_VERBS: readonly Verb[] = Object.values(VERB_OF);

type Acting = Extract<Event, { type: keyof typeof VERB_OF }>;

function isActing(event: Event): event is Acting {
  return event.type in VERB_OF;
}

/** The action that a decision has taken: none where the event is no operator's. The id is absent where the event has none. */
export function actionOf(
  before: RolloutState | undefined,
  { rollout, nowMs }: Turn,
  event: Event,
): (Omit<Action, "id"> & { id?: string }) | undefined {
  if (!isActing(event)) return undefined;
  const id = idOf(event);
  return {
    ...(id === undefined ? {} : { id }),
    verb: VERB_OF[event.type],
    ...askedOf(event),
    ...(rollout === undefined ? {} : { rolloutId: rollout.rolloutId }),
    from: before?.state ?? "idle",
    to: rollout?.state ?? "idle",
    atMs: nowMs,
  };
}

/** Of the call that asked, where its event says. */
function idOf(event: Acting): string | undefined {
  if ("invocationId" in event) return event.invocationId;
  if ("id" in event) return event.id;
  return "fence" in event ? event.fence : undefined;
}

/** Who asked, and why. */
export function askedOf(event: Acting): Pick<Asked, "operator" | "comment"> {
  const { comment } = event;
  const operator = event.type === "begin" ? event.startedBy : event.operator;
  return {
    ...(operator === undefined ? {} : { operator }),
    ...(comment === undefined ? {} : { comment }),
  };
}
