import { describe, expect, it } from "vitest";
import { IllegalOperationError, LEGAL } from "../../src/domain/legality.ts";
import { apply } from "../../src/domain/rollout.ts";
import type { Event, Operation, Phase } from "../../src/domain/state.ts";
import {
  abandon,
  failed,
  finishRollback,
  finishWave,
  interrupt,
  listen,
  MACHINES,
  NOW,
  phaseOf,
  ready,
  record,
  recordReverted,
  VERBS,
} from "./machines.ts";

/** What an event leads to: the phase after it and what Slack hears; a phase alone stands for silence. */
type Cell = [phase: Phase, ...told: string[]] | "illegal" | "ignored";

const EVENTS = {
  Rollout: VERBS.Rollout,
  Resume: VERBS.Resume,
  Cancel: VERBS.Cancel,
  RollbackAll: VERBS.RollbackAll,
  record: record("rollout-1", ready("b")),
  "finishWave, all ready": finishWave("rollout-1", ready("a"), ready("b"), ready("c")),
  "finishWave, one failed": finishWave("rollout-1", failed("a"), failed("b")),
  interrupt: interrupt("rollout-1"),
  "abandon of the forward drive": abandon("rollout-1"),
  listen: listen("rollback-1"),
  recordReverted: recordReverted("rollback-1", "a"),
  finishRollback: finishRollback("rollback-1", "a"),
  "abandon of the rollback": abandon("rollback-1"),
} as const satisfies Record<string, Event>;

type EventName = keyof typeof EVENTS;
type MachineName = keyof typeof MACHINES;

/** Where no forward drive is settling, its reports are those of an old one; likewise for the rollback. */
const NO_FORWARD = {
  record: "ignored",
  "finishWave, all ready": "ignored",
  "finishWave, one failed": "ignored",
  interrupt: "ignored",
  "abandon of the forward drive": "ignored",
} as const;
const NO_ROLLBACK = {
  listen: "ignored",
  recordReverted: "ignored",
  finishRollback: "ignored",
  "abandon of the rollback": "ignored",
} as const;
const ROLLBACK: Pick<Record<EventName, Cell>, keyof typeof NO_ROLLBACK> = {
  listen: ["rolling_back"],
  recordReverted: ["rolling_back"],
  finishRollback: ["cancelled", "rollback completed"],
  "abandon of the rollback": ["cancelled", "rollback completed"],
};
const settlingIn = (phase: Phase): Pick<Record<EventName, Cell>, keyof typeof NO_FORWARD> => ({
  record: [phase],
  "finishWave, all ready": [phase],
  "finishWave, one failed": [phase],
  interrupt: [phase],
  "abandon of the forward drive": [phase],
});
const BEGINS: Cell = ["in_progress", "started", "wave started"];
const PAUSES: Cell = ["paused", "paused"];

const TABLE: Record<MachineName, Record<EventName, Cell>> = {
  idle: {
    Rollout: BEGINS,
    Resume: "illegal",
    Cancel: "illegal",
    RollbackAll: "illegal",
    ...NO_FORWARD,
    ...NO_ROLLBACK,
  },
  "in_progress, first wave": {
    Rollout: "illegal",
    Resume: "illegal",
    Cancel: ["cancelled", "cancelled"],
    RollbackAll: "illegal",
    record: ["in_progress"],
    "finishWave, all ready": ["in_progress", "wave completed", "wave started"],
    "finishWave, one failed": PAUSES,
    interrupt: PAUSES,
    "abandon of the forward drive": PAUSES,
    ...NO_ROLLBACK,
  },
  "in_progress, last wave": {
    Rollout: "illegal",
    Resume: "illegal",
    Cancel: ["cancelled", "cancelled"],
    RollbackAll: "illegal",
    record: ["in_progress"],
    "finishWave, all ready": ["completed", "wave completed", "completed"],
    "finishWave, one failed": PAUSES,
    interrupt: PAUSES,
    "abandon of the forward drive": PAUSES,
    ...NO_ROLLBACK,
  },
  "paused, by a failure": {
    Rollout: "illegal",
    Resume: ["in_progress", "resumed", "wave started"],
    Cancel: ["cancelled", "cancelled"],
    RollbackAll: ["rolling_back", "rollback started"],
    ...NO_FORWARD,
    ...NO_ROLLBACK,
  },
  "paused, by a failure in the last wave": {
    Rollout: "illegal",
    Resume: ["completed", "resumed", "completed"],
    Cancel: ["cancelled", "cancelled"],
    RollbackAll: ["rolling_back", "rollback started"],
    ...NO_FORWARD,
    ...NO_ROLLBACK,
  },
  "paused, by an interruption": {
    Rollout: "illegal",
    Resume: ["in_progress", "resumed"],
    Cancel: ["cancelled", "cancelled"],
    RollbackAll: ["rolling_back", "rollback started"],
    ...NO_FORWARD,
    ...NO_ROLLBACK,
  },
  "cancelled, settled": {
    Rollout: BEGINS,
    Resume: "illegal",
    Cancel: "illegal",
    RollbackAll: ["rolling_back", "rollback started"],
    ...NO_FORWARD,
    ...NO_ROLLBACK,
  },
  "cancelled, Deploys in flight": {
    Rollout: BEGINS,
    Resume: "illegal",
    Cancel: "illegal",
    RollbackAll: ["rolling_back", "rollback started"],
    ...settlingIn("cancelled"),
    ...NO_ROLLBACK,
  },
  completed: {
    Rollout: BEGINS,
    Resume: "illegal",
    Cancel: "illegal",
    RollbackAll: "illegal",
    ...NO_FORWARD,
    ...NO_ROLLBACK,
  },
  "rolling_back, settled": {
    Rollout: "illegal",
    Resume: "illegal",
    Cancel: "illegal",
    RollbackAll: "illegal",
    ...NO_FORWARD,
    ...ROLLBACK,
  },
  "rolling_back, Deploys in flight": {
    Rollout: "illegal",
    Resume: "illegal",
    Cancel: "illegal",
    RollbackAll: "illegal",
    ...settlingIn("rolling_back"),
    ...ROLLBACK,
  },
};

const rows = Object.entries(TABLE) as [MachineName, Record<EventName, Cell>][];

describe.each(rows)("while it is %s", (name, cells) => {
  const machine = MACHINES[name];
  it.each(Object.entries(cells) as [EventName, Cell][])("%s leads to %j", (event, cell) => {
    const before = structuredClone(machine);
    const happens = () => apply(machine, EVENTS[event], NOW);
    if (cell === "illegal") {
      expect(happens).toThrow(IllegalOperationError);
    } else if (cell === "ignored") {
      const outcome = happens();
      expect(outcome.machine).toBe(machine);
      expect(outcome).toMatchObject({ accepted: false, changes: [], wake: [] });
      expect(outcome.watch).toBeUndefined();
    } else {
      const { machine: after, changes, accepted } = happens();
      expect([phaseOf(after), ...changes.map(({ kind }) => kind)]).toEqual(cell);
      expect(accepted).toBe(true);
    }
    expect(machine).toEqual(before);
  });
});

describe("an illegal operation", () => {
  const phases: [Phase, string][] = [
    ["idle", "legal now: Rollout."],
    ["completed", "legal now: Rollout."],
    ["cancelled", "legal now: Rollout, RollbackAll."],
    ["in_progress", "legal now: Cancel."],
    ["paused", "legal now: Resume, Cancel, RollbackAll."],
    ["rolling_back", "legal now: nothing but to wait until it has ended."],
  ];

  it.each(phases)("names the state %s and what is legal in it", (phase, legal) => {
    const machine = Object.values(MACHINES).find((candidate) => phaseOf(candidate) === phase);
    const refused = (Object.keys(VERBS) as Operation[]).filter((verb) => !LEGAL[phase].includes(verb));
    expect(refused.length).toBeGreaterThan(0);
    for (const verb of refused) {
      expect(() => apply(machine ?? MACHINES.idle, VERBS[verb], NOW)).toThrow(
        new IllegalOperationError(verb, phase),
      );
      expect(new IllegalOperationError(verb, phase).message).toBe(
        `${verb} is not legal while the rollout is ${phase}; ${legal}`,
      );
    }
  });
});
