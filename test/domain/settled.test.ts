import { describe, expect, it } from "vitest";
import type { Notification } from "../../src/domain/notification.ts";
import { abandon, begin, beginRollback, cancel, failed, Play, played, ready, reverted } from "./machines.ts";

/** All that Slack hears, in order. */
class Listener extends Play {
  readonly heard: Notification[] = [];

  override do(...args: Parameters<Play["do"]>) {
    const outcome = super.do(...args);
    if (args[1] === undefined) this.heard.push(...outcome.notifications);
    return outcome;
  }

  get settled() {
    return this.heard.filter((change) => change.kind === "settled");
  }
}

/** Two in flight of the second wave, as the operator cancels. */
function cancelled(): { play: Listener; driver: ReturnType<Play["second"]> } {
  const play = new Listener();
  const driver = play.second();
  play.do(cancel());
  return { play, driver };
}

describe("after a Cancel", () => {
  it("Slack hears the true count once what was in flight has settled", () => {
    const { play, driver } = cancelled();
    expect(play.heard.at(-1)).toMatchObject({ kind: "cancelled", inFlight: 2, progress: { succeeded: 1 } });
    driver.report([ready("b")]);
    expect(play.settled).toEqual([]);
    driver.report([ready("c")]);
    expect(play.settled).toMatchObject([{ lost: 0, progress: { succeeded: 3, failed: 0, total: 3 } }]);
    driver.report([], { due: true });
    play.do(abandon());
    play.do(abandon("rollout-1"));
    expect(play.settled).toHaveLength(1);
  });

  it("Slack hears no more where nothing was in flight: the first count is true", () => {
    const play = new Listener();
    play.begun().report([failed("a")]);
    play.do(cancel());
    expect(play.heard.at(-1)).toMatchObject({ kind: "cancelled", inFlight: 0 });
    play.do(abandon("rollout-1"));
    expect(play.settled).toEqual([]);
  });

  it("Slack hears what is not known when the drive was killed meanwhile", () => {
    const { play, driver } = cancelled();
    driver.report([ready("b")]);
    play.do(abandon("rollout-1"));
    expect(play.settled).toMatchObject([{ lost: 1, why: "killed", progress: { succeeded: 2 } }]);
    expect(play.numbers).toMatchObject({ succeeded: 2, inFlight: 0, waiting: 1 });
  });

  it("a rollback that begins meanwhile has the last word", () => {
    const { play, driver } = cancelled();
    const rollback = play.drives(beginRollback());
    rollback.open(0);
    rollback.report([reverted("a")]);
    driver.report([failed("b"), failed("c")]);
    expect(play.heard.at(-1)).toMatchObject({ kind: "rollback completed" });
    expect(play.settled).toEqual([]);
  });

  it("but one that is killed while they are in flight has not", () => {
    const { play, driver } = cancelled();
    play.drives(beginRollback()).open(0);
    play.do(abandon("rollback-1"));
    driver.report([ready("b"), ready("c")]);
    expect(play.settled).toMatchObject([{ progress: { succeeded: 3, reverted: 0 } }]);
  });

  it("it hears of it also when another rollout has begun since, under the id of its own", () => {
    const { play, driver } = cancelled();
    play.drives(begin("rollout-2"));
    driver.report([ready("b")]);
    expect(play.settled).toEqual([]);
    driver.report([failed("c")]);
    driver.report();
    expect(play.settled).toMatchObject([
      { lost: 0, progress: { rolloutId: "id of rollout-1", succeeded: 2, failed: 1, total: 3 } },
    ]);
  });

  it("it hears of it once, wherever the change is cut short that is to tell", () => {
    const { play, driver } = cancelled();
    const last = driver.said([ready("b"), ready("c")]);
    const before = play.kv;
    const { writes } = play.do(last, 0);
    const drive = writes.findIndex(({ key }) => key === "drive");
    for (let cut = 0; cut <= writes.length; cut++) {
      const torn = new Listener();
      torn.kv = before;
      torn.do(last, cut);
      torn.do(last);
      torn.do(abandon("rollout-1"));
      // It is told before the drive is written, and under one name: said again, it counts once.
      expect(torn.settled).toHaveLength(cut > drive ? 0 : 1);
      if (cut <= drive) expect(torn.settled).toMatchObject([{ lost: 0, progress: { succeeded: 3 } }]);
    }
  });
});

describe("the start of a rollback", () => {
  const scopeOf = (story: (play: Play) => unknown) => {
    const play = played(story);
    play.drives(beginRollback());
    const started = play.last?.notifications.find(({ kind }) => kind === "rollback started");
    return started?.kind === "rollback started" ? started.scope : undefined;
  };

  it("counts those that took the image, and those in flight that may follow", () => {
    expect(scopeOf((play) => play.second().report([ready("b"), failed("c")]))).toEqual({
      took: 2,
      inFlight: 0,
      unknown: 0,
    });
    expect(scopeOf((play) => [play.second().report([ready("b")]), play.do(cancel())])).toEqual({
      took: 2,
      inFlight: 1,
      unknown: 0,
    });
  });

  it("counts those of a killed drive of which nobody knows", () => {
    expect(scopeOf((play) => [play.second(), play.do(abandon("rollout-1"))])).toEqual({
      took: 1,
      inFlight: 0,
      unknown: 2,
    });
  });

  it("bounds what is reverted in the end", () => {
    const play = new Play();
    const driver = play.second();
    play.do(cancel());
    const rollback = play.drives(beginRollback());
    const started = play.last?.notifications[0];
    rollback.open(0);
    rollback.report([reverted("a")]);
    driver.report([ready("b"), ready("c")]);
    rollback.report();
    rollback.report([reverted("b"), reverted("c")]);
    const ended = play.last?.notifications.at(-1);
    if (started?.kind !== "rollback started" || ended?.kind !== "rollback completed")
      throw new Error("nothing");
    const { took = 0, inFlight = 0, unknown = 0 } = started.scope ?? {};
    expect(ended.reverted).toBe(3);
    expect(took + inFlight + unknown).toBeGreaterThanOrEqual(ended.targets);
  });
});
