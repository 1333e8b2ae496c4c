import { describe, expect, it } from "vitest";
import { type Desk, deskLines, pressed } from "../../src/live-view/keys.ts";
import { status } from "./status.ts";

const GUARD = { rollout_id: "7781234a", wave: 3 };
const RUNNING = status({ next: ["Cancel", "Pause", "Abort"] });
const PAUSED = status({ state: "paused", next: ["Resume", "Cancel", "RetryFailed", "RollbackAll", "Abort"] });

function typed(keys: string, seen = RUNNING, desk: Desk = {}) {
  let now = desk;
  const deeds = [...keys].map((key) => {
    const [next, deed] = pressed(now, key, seen, false);
    now = next;
    return deed;
  });
  return { desk: now, sent: deeds.filter(({ kind }) => kind === "send"), deeds };
}

describe("the keys", () => {
  it.each([
    ["p", "Pause", RUNNING],
    ["r", "Resume", PAUSED],
    ["c", "Cancel", RUNNING],
    ["a", "Abort", RUNNING],
    ["f", "RetryFailed", PAUSED],
  ] as const)(
    "%s asks, and sends %s for the rollout and the wave that the question named",
    (key, verb, seen) => {
      const asked = typed(key, seen);
      expect(asked.sent).toEqual([]);
      expect(deskLines(asked.desk, seen)).toEqual([
        `? ${verb} rollout 7781234a of sentinel:v2 in wave 3? y/n`,
      ]);
      // It has gone on since: what is sent is about what was seen.
      const later = status({ ...seen, wave: 4, guard: { rollout_id: "another", wave: 1 } });
      expect(typed("y", later, asked.desk).sent).toEqual([
        { kind: "send", verb, guard: GUARD, image: "sentinel:v2" },
      ]);
    },
  );

  it.each(["n", " ", "q", "c", "\r", "x"])("%j is no yes", (key) => {
    const { desk, deeds } = typed(`c${key}`);
    expect(deeds.map(({ kind }) => kind)).toEqual(["nothing", "nothing"]);
    expect(desk).toEqual({ note: "Cancel was not sent." });
  });

  it("send each once: a second y is no answer to anything", () => {
    expect(typed("cyyyy").sent).toHaveLength(1);
  });

  it("offer what Status says is legal, and say what that is of others", () => {
    expect(deskLines({}, RUNNING)).toEqual(["keys: p pause · c cancel · a abort · d detail · q quit"]);
    expect(deskLines({}, PAUSED)).toEqual([
      "keys: r resume · c cancel · a abort · f retry failed · d detail · q quit",
    ]);
    expect(deskLines({}, status({ next: ["Rollout"], guard: null }))).toEqual(["keys: d detail · q quit"]);
    const { desk, sent } = typed("ry", RUNNING);
    expect(sent).toEqual([]);
    expect(desk.note).toBe("Resume is not legal now: Cancel, Pause, Abort are.");
  });

  it("turn detail on and off, and end the view", () => {
    expect(pressed({}, "d", RUNNING, false)[0]).toEqual({ detail: true });
    expect(pressed({}, "d", RUNNING, true)[0]).toEqual({ detail: false });
    expect(pressed({}, "q", RUNNING, true)[1]).toEqual({ kind: "quit" });
  });
});
