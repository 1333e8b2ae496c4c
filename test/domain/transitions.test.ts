import { describe, expect, it } from "vitest";
import type { Event } from "../../src/domain/event.ts";
import { IllegalOperationError, isLegal } from "../../src/domain/legality.ts";
import { NotFailedError } from "../../src/domain/retry-failed.ts";
import type { Operation, State } from "../../src/domain/state.ts";
import { carriedOut, decide } from "./harness.ts";
import { abandon, interrupt, MACHINES, NOW, VERBS } from "./machines.ts";

/** What an event leads to: the phase after it and what Slack hears; a phase alone stands for silence. */
type Cell = [phase: State, ...told: string[]] | "illegal" | "ignored" | "finds nobody";

const rollout = "id of rollout-1";
const report = (lane: number, invocationId: string, ...results: [id: string, is: "succeeded" | "failed"][]) =>
  ({
    type: "report",
    ...{ rolloutId: rollout, lane, seq: 99, got: 99, bell: "another bell", invocationId, due: true },
    results: results.map(([id, is]) => ({ id, at: id === "a" ? "1/1" : "2/1", is })),
  }) satisfies Event;

const EVENTS = {
  Rollout: VERBS.Rollout,
  Resume: VERBS.Resume,
  Cancel: VERBS.Cancel,
  RollbackAll: VERBS.RollbackAll,
  Pause: VERBS.Pause,
  Abort: VERBS.Abort,
  RetryFailed: VERBS.RetryFailed,
  "report of the driver": report(1, "rollout-1"),
  "report, all ready": report(1, "rollout-1", ["a", "succeeded"], ["b", "succeeded"], ["c", "succeeded"]),
  "report, one failed": report(1, "rollout-1", ["a", "failed"], ["b", "failed"], ["c", "succeeded"]),
  "report of a lane of no drive": report(77, "somebody", ["a", "succeeded"]),
  "report of another rollout": { ...report(1, "rollout-1", ["a", "succeeded"]), rolloutId: "another" },
  interrupt: interrupt("rollout-1"),
  "laneLost, the driver's": { type: "laneLost", rolloutId: rollout, lane: 1, reason: "lost" },
  "laneLost, of no drive": { type: "laneLost", rolloutId: rollout, lane: 77, reason: "lost" },
  "abandon of the forward drive": abandon("rollout-1"),
  "abandon where nobody drives": abandon(),
  silent: {
    type: "silent",
    rolloutId: rollout,
    silent: [{ invocationId: "rollout-1", sinceMs: NOW, why: "it is paused" }],
  },
  "silent, of another rollout": { type: "silent", rolloutId: "another", silent: [] },
  ask: { type: "ask", rolloutId: rollout },
  "found, of a lane of no drive": { type: "found", rolloutId: rollout, lane: 77, results: [] },
  "stage of another rollout": { type: "stage", rolloutId: "another", at: "9/9", part: {} },
  "report of the rollback": report(2, "rollback-1"),
  "interrupt of the rollback": interrupt("rollback-1"),
  "abandon of the rollback": abandon("rollback-1"),
} as const satisfies Record<string, Event>;

type EventName = keyof typeof EVENTS;
type MachineName = keyof typeof MACHINES;
type Row = Record<EventName, Cell>;

/** What is about nobody's drive changes nothing, ever. */
const NEVER = {
  "report of a lane of no drive": "ignored",
  "report of another rollout": "ignored",
  "laneLost, of no drive": "ignored",
  "silent, of another rollout": "ignored",
  "stage of another rollout": "ignored",
  "abandon where nobody drives": "ignored",
} as const;
const NO_FORWARD = {
  "report of the driver": "ignored",
  "report, all ready": "ignored",
  "report, one failed": "ignored",
  interrupt: "ignored",
  "laneLost, the driver's": "ignored",
  "abandon of the forward drive": "ignored",
} as const;
const NO_ROLLBACK = {
  "report of the rollback": "ignored",
  "interrupt of the rollback": "ignored",
  "abandon of the rollback": "ignored",
} as const;
const asked = (phase: State): Pick<Row, "silent" | "ask" | "found, of a lane of no drive"> => ({
  silent: [phase],
  ask: [phase],
  "found, of a lane of no drive": [phase],
});
const settlingIn = (phase: State): Pick<Row, keyof typeof NO_FORWARD> => ({
  "report of the driver": [phase],
  "report, all ready": [phase],
  "report, one failed": [phase],
  interrupt: [phase],
  "laneLost, the driver's": [phase],
  "abandon of the forward drive": [phase],
});
const refuses = (...refused: Operation[]) => Object.fromEntries(refused.map((verb) => [verb, "illegal"]));
const BEGINS: Cell = ["in_progress", "started", "wave started"];
const PAUSES: Cell = ["paused", "paused"];
const CANCELS: Cell = ["cancelled", "cancelled"];
const SETTLES: Cell = ["cancelled", "settled"];
const ABORTS: Cell = ["rolling_back", "cancelled", "rollback started"];
const ROLLS_BACK: Cell = ["rolling_back", "rollback started"];

const driven = (rest: Partial<Row>): Partial<Row> => ({
  ...refuses("Rollout", "Resume", "RollbackAll", "RetryFailed"),
  Cancel: CANCELS,
  Pause: ["in_progress"],
  Abort: ABORTS,
  ...NEVER,
  ...NO_ROLLBACK,
  ...asked("in_progress"),
  silent: ["in_progress", "silent"],
  "report of the driver": ["in_progress"],
  "laneLost, the driver's": PAUSES,
  "abandon of the forward drive": PAUSES,
  ...rest,
});
const rest = (phase: State, verbs: Partial<Row>): Partial<Row> => ({
  ...NEVER,
  ...NO_FORWARD,
  ...NO_ROLLBACK,
  ...asked(phase),
  ...verbs,
});
const RETRIES: Cell = ["in_progress", "retrying"];
const paused = (Resume: Cell, RetryFailed: Cell = RETRIES) =>
  rest("paused", {
    ...refuses("Rollout"),
    // It is paused already.
    Pause: ["paused"],
    ...{ Resume, RetryFailed, Cancel: CANCELS, RollbackAll: ROLLS_BACK, Abort: ABORTS },
  });
const cancelled = {
  ...refuses("Resume", "Cancel", "Pause", "Abort", "RetryFailed"),
  Rollout: BEGINS,
  RollbackAll: ROLLS_BACK,
};
const ENDS: Cell = ["cancelled", "rollback completed"];
const rollingBack = (ended: Cell) => ({
  ...refuses("Rollout", "Resume", "Cancel", "RollbackAll", "Pause", "Abort", "RetryFailed"),
  ...NEVER,
  ...asked("rolling_back"),
  "report of the rollback": ["rolling_back"] as Cell,
  "interrupt of the rollback": ended,
  "abandon of the rollback": ENDS,
});

const TABLE: Record<MachineName, Partial<Row>> = {
  idle: {
    ...NEVER,
    ...NO_FORWARD,
    ...NO_ROLLBACK,
    ...refuses("Resume", "Cancel", "RollbackAll", "Pause", "Abort", "RetryFailed"),
    Rollout: BEGINS,
    silent: "ignored",
    ask: "ignored",
    "found, of a lane of no drive": "ignored",
  },
  "in_progress, not opened": driven({
    Pause: PAUSES,
    "report, all ready": ["in_progress"],
    "report, one failed": ["in_progress"],
    interrupt: PAUSES,
    // It holds nothing that could be lost.
    "laneLost, the driver's": ["in_progress"],
  }),
  "in_progress, first wave": driven({
    "report, all ready": ["in_progress", "wave completed", "wave started"],
    "report, one failed": PAUSES,
    interrupt: ["in_progress"],
  }),
  "in_progress, last wave": driven({
    "report, all ready": ["completed", "wave completed", "completed"],
    "report, one failed": PAUSES,
    interrupt: ["in_progress"],
  }),
  "in_progress, told to stop": driven({
    "report, all ready": PAUSES,
    "report, one failed": PAUSES,
    interrupt: ["in_progress"],
  }),
  "paused, by a failure": paused(["in_progress", "resumed", "wave started"]),
  "paused, by a failure in the last wave": paused(["completed", "resumed", "completed"]),
  "paused, by an interruption": paused(["in_progress", "resumed"], "finds nobody"),
  "cancelled, settled": rest("cancelled", cancelled),
  "cancelled, Deploys in flight": {
    ...rest("cancelled", cancelled),
    ...settlingIn("cancelled"),
    "report, all ready": SETTLES,
    "report, one failed": SETTLES,
    "laneLost, the driver's": SETTLES,
    "abandon of the forward drive": SETTLES,
    silent: ["cancelled", "silent", "settled"],
  },
  completed: rest("completed", {
    ...refuses("Resume", "Cancel", "RollbackAll", "Pause", "Abort", "RetryFailed"),
    Rollout: BEGINS,
  }),
  "rolling_back, settled": { ...NO_FORWARD, ...rollingBack(["rolling_back"]) },
  "rolling_back, Deploys in flight": {
    ...settlingIn("rolling_back"),
    ...rollingBack(["rolling_back"]),
    silent: ["rolling_back", "silent"],
  },
};

const rows = (Object.keys(TABLE) as MachineName[]).flatMap((name) =>
  (Object.keys(EVENTS) as EventName[]).map((event) => [name, event, TABLE[name][event]] as const),
);

describe("every state and every event", () => {
  it.each(rows)("%s: %s leads to %j", (name, eventName, cell) => {
    const { kv } = MACHINES[name]();
    const event = EVENTS[eventName];
    const happens = () => decide(kv, event, NOW);
    if (cell === "illegal") {
      expect(happens).toThrow(IllegalOperationError);
      return;
    }
    if (cell === "finds nobody") {
      expect(happens).toThrow(NotFailedError);
      return;
    }
    const { answer, writes, notifications, rings, history, watch } = happens();
    if (cell === "ignored") {
      expect(answer.accepted).toBe(false);
      expect({ writes, notifications, rings, history, watch }).toEqual({
        writes: [],
        notifications: [],
        rings: [],
        history: [],
      });
      return;
    }
    const head = carriedOut(kv, writes).get("rolloutState") as { state: State } | undefined;
    expect([head?.state ?? "idle", ...notifications.map(({ kind }) => kind)]).toEqual(cell);
    expect(answer.accepted).toBe(true);
    const begins =
      ["begin", "resume", "retryFailed", "beginRollback", "abort"].includes(event.type) &&
      head?.state !== "completed";
    expect(watch === undefined).toBe(!begins);
  });
});

describe("an illegal operation", () => {
  const phases: [State, MachineName, string][] = [
    ["idle", "idle", "legal now: Rollout."],
    ["completed", "completed", "legal now: Rollout."],
    ["cancelled", "cancelled, settled", "legal now: Rollout, RollbackAll."],
    ["in_progress", "in_progress, first wave", "legal now: Cancel, Pause, Abort."],
    ["paused", "paused, by a failure", "legal now: Resume, RetryFailed, Cancel, RollbackAll, Abort."],
    ["rolling_back", "rolling_back, settled", "legal now: nothing but to wait until it has ended."],
  ];

  it.each(phases)("names the state %s and what is legal in it", (phase, name, legal) => {
    const { kv } = MACHINES[name]();
    const refused = (Object.keys(VERBS) as Operation[]).filter((verb) => !isLegal(verb, phase));
    expect(refused.length).toBeGreaterThan(0);
    for (const verb of refused) {
      expect(() => decide(kv, VERBS[verb], NOW)).toThrow(new IllegalOperationError(verb, phase));
      expect(new IllegalOperationError(verb, phase).message).toBe(
        `${verb} is not legal while the rollout is ${phase}; ${legal}`,
      );
    }
  });
});
