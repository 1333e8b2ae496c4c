import { describe, expect, it } from "vitest";
import type { Direction } from "../../src/domain/drive-state.ts";
import { stillLaunches } from "../../src/domain/launches.ts";
import {
  abandon,
  begin,
  beginRollback,
  cancel,
  failed,
  interrupt,
  MACHINES,
  type Play,
  played,
  ready,
  resume,
  reverted,
  type Said,
} from "./machines.ts";

const ROLLOUT = "id of rollout-1";
const untouched = (id: string): Said => ({ id, is: "untouched" });

function asked(play: Play, direction: Direction, lane: number, rolloutId = ROLLOUT): boolean {
  return stillLaunches(play.rollout, play.drive, { rolloutId, lane, direction });
}

/** Every lane and direction of which the answer is yes. */
function launching(play: Play): string[] {
  return (["forward", "rollback"] as const).flatMap((direction) =>
    [1, 2, 3, 4].filter((lane) => asked(play, direction, lane)).map((lane) => `${direction} ${lane}`),
  );
}

describe("what was granted a while ago", () => {
  it.each<[keyof typeof MACHINES, string[]]>([
    ["idle", []],
    ["in_progress, not opened", ["forward 1"]],
    ["in_progress, first wave", ["forward 1"]],
    ["in_progress, last wave", ["forward 1"]],
    ["in_progress, told to stop", []],
    ["paused, by a failure", []],
    ["paused, by a failure in the last wave", []],
    ["paused, by an interruption", []],
    ["cancelled, settled", []],
    ["cancelled, Deploys in flight", []],
    ["completed", []],
    ["rolling_back, settled", ["rollback 2"]],
    ["rolling_back, Deploys in flight", ["rollback 2"]],
  ])("%s: holds for %j", (name, lanes) => {
    expect(launching(MACHINES[name]())).toEqual(lanes);
  });

  it("does not hold for another rollout, before and after", () => {
    const play = MACHINES["in_progress, first wave"]();
    expect(asked(play, "forward", 1, "id of rollout-0")).toBe(false);
    play.do(cancel());
    play.drives(begin("rollout-2"));
    expect(asked(play, "forward", 1)).toBe(false);
    expect(asked(play, "forward", play.drive?.forward?.lane ?? 0, "id of rollout-2")).toBe(true);
  });

  it("does not hold for the lane of a drive that was killed, though another one goes on", () => {
    const play = MACHINES["in_progress, last wave"]();
    play.do(abandon("rollout-1"));
    expect(launching(play)).toEqual([]);
    play.drives(resume()).open(1);
    expect(launching(play)).toEqual(["forward 2"]);
  });

  it("does not hold for a rollback that is told to stop, or is over, though another one goes on", () => {
    const play = MACHINES["paused, by a failure in the last wave"]();
    const first = play.drives(beginRollback());
    first.open(0);
    expect(launching(play)).toEqual(["rollback 2"]);
    play.do(interrupt("rollback-1"));
    expect(launching(play)).toEqual([]);
    first.report([reverted("a"), { id: "b", is: "missed", why: "no" }]);
    play.do(abandon("rollback-1"));
    expect(play.phase).toBe("cancelled");
    play.drives(beginRollback("rollback-2")).open(0);
    expect(launching(play)).toEqual(["rollback 3"]);
  });

  it("does not hold while a beginning is cut short", () => {
    const play = played((each) => each.do(begin(), 1));
    expect(play.phase).toBe("in_progress");
    expect(launching(play)).toEqual([]);
  });
});

describe("a Deploy that stood down", () => {
  it("after a Cancel is no result: its sentinel waits, and all numbers add up", () => {
    const play = MACHINES["in_progress, last wave"]();
    const [driver] = play.speakers;
    play.do(cancel());
    driver?.report([untouched("b")]);
    expect(play.numbers).toMatchObject({ succeeded: 1, failed: 0, skipped: 0, inFlight: 1, waiting: 1 });
    expect(play.drive?.forward).toBeDefined();
    driver?.report([ready("c")]);
    expect(play.numbers).toMatchObject({ succeeded: 2, failed: 0, skipped: 0, inFlight: 0, waiting: 1 });
    expect(play.drive?.forward).toBeUndefined();
    expect(play.part("2/1")).toMatchObject({ b: { is: "waiting" }, c: { is: "succeeded" } });
  });

  it("of a drive that is told to stop leaves it in the pause that was asked for; Resume launches it", () => {
    const play = MACHINES["in_progress, told to stop"]();
    play.speakers[0]?.report([untouched("b"), untouched("c")]);
    expect(play.head).toMatchObject({ state: "paused", pauseReason: "cancelled in the UI" });
    expect(play.numbers).toMatchObject({ succeeded: 1, inFlight: 0, waiting: 2 });
    const driver = play.drives(resume());
    driver.open(1);
    expect(driver.launched.map(({ id }) => id)).toEqual(["b", "c"]);
  });

  it("while its rollout is rolled back is left to its row, like whatever nobody knows of", () => {
    const play = MACHINES["in_progress, last wave"]();
    const [driver] = play.speakers;
    play.do(cancel());
    const rollback = play.drives(beginRollback());
    rollback.open(0);
    driver?.report([untouched("b"), failed("c")]);
    rollback.report([reverted("a")]);
    rollback.report([...rollback.flying.keys()].map((id) => untouched(id)));
    expect(play.phase).toBe("cancelled");
    expect(play.numbers).toMatchObject({ succeeded: 1, failed: 1, inFlight: 0, waiting: 1 });
  });
});
