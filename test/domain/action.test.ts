import { describe, expect, it } from "vitest";
import { ACTING_VERBS } from "../../src/domain/action.ts";
import type { Event } from "../../src/domain/event.ts";
import type { Verb } from "../../src/domain/state.ts";
import { abandon, begin, cancel, interrupt, MACHINES, NOW, VERBS } from "./machines.ts";

const ASKED = { operator: "alice", comment: "known flake" };

/** What a decision says that an operator has done. */
function actionOf(machine: keyof typeof MACHINES, event: Event) {
  return MACHINES[machine]().do(event)?.action;
}

function asked(event: Event): Event {
  return (
    event.type === "begin" ? { ...event, startedBy: "alice", comment: "known flake" } : { ...event, ...ASKED }
  ) as Event;
}

describe("an action", () => {
  it("is what a verb did: by whom, why, to which rollout, from which state to which", () => {
    const rolloutId = "id of rollout-1";
    const done = { ...ASKED, rolloutId, atMs: NOW };
    const inProgress = "in_progress, last wave";
    const paused = "paused, by a failure";
    const cases: [keyof typeof MACHINES, Verb, object][] = [
      ["idle", "Rollout", { id: "rollout-2", from: "idle", to: "in_progress", rolloutId: "id of rollout-2" }],
      [paused, "Resume", { id: "resume-1", from: "paused", to: "in_progress" }],
      [
        "paused, by a failure in the last wave",
        "Resume",
        { id: "resume-1", from: "paused", to: "completed" },
      ],
      [inProgress, "Cancel", { from: "in_progress", to: "cancelled" }],
      [inProgress, "Pause", { from: "in_progress", to: "in_progress" }],
      [paused, "RollbackAll", { id: "rollback-2", from: "paused", to: "rolling_back" }],
      [inProgress, "Abort", { id: "abort-1", from: "in_progress", to: "rolling_back" }],
      [paused, "RetryFailed", { id: "retry-1", from: "paused", to: "in_progress" }],
      [paused, "Freeze", { id: "freeze-1", from: "paused", to: "paused" }],
      [inProgress, "Unfreeze", { from: "in_progress", to: "in_progress" }],
    ];
    const freezing: Record<string, Event> = {
      Freeze: { type: "freeze", id: "freeze-1", reason: "closing" },
      Unfreeze: { type: "unfreeze" },
    };
    const events: Record<string, Event> = { ...VERBS, ...freezing };
    for (const [machine, verb, more] of cases) {
      expect(actionOf(machine, asked(events[verb] as Event)), verb).toEqual({ verb, ...done, ...more });
    }
    expect(cases.map(([, verb]) => verb)).toEqual(expect.arrayContaining([...ACTING_VERBS]));
  });

  it("has the call's id, or where the call does not tell it that of its fence", () => {
    const running = "in_progress, last wave";
    expect(actionOf(running, { type: "cancel", fence: "sign_1" })?.id).toBe("sign_1");
    expect(actionOf(running, { type: "cancel", fence: "sign_1", invocationId: "inv_1" })?.id).toBe("inv_1");
  });

  it("of an event as an earlier version sent it says no more than that", () => {
    expect(actionOf("in_progress, last wave", cancel())).toEqual({
      ...{ verb: "Cancel", rolloutId: "id of rollout-1" },
      ...{ from: "in_progress", to: "cancelled", atMs: NOW },
    });
    expect(actionOf("idle", begin())).not.toHaveProperty("operator");
  });

  it("is no more than what operators do", () => {
    const running = "in_progress, last wave";
    for (const event of [interrupt("rollout-1"), abandon("rollout-1")]) {
      expect(actionOf(running, event)).toBeUndefined();
    }
  });
});
