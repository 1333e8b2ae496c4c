import { describe, expect, it } from "vitest";
import { abandon, begin, cancel, failed, Play, played, ready, resume, skipped } from "./machines.ts";

const ids = (items: readonly { id: string }[]) => items.map(({ id }) => id);

describe("a rollout", () => {
  it("begins with the first wave, and its drive is watched", () => {
    const play = new Play();
    const driver = play.drives(begin());
    expect(play.last?.watch).toBe("rollout-1");
    expect(play.last?.answer.driver?.wave).toEqual({
      number: 1,
      of: 2,
      size: 1,
      image: "sentinel:v2",
      load: false,
    });
    expect(play.head).toMatchObject({
      state: "in_progress",
      totalSentinels: 3,
      pauseReason: "",
      failures: [],
    });
    driver.open(0);
    expect(driver.launched).toEqual([{ id: "a", at: "1/1" }]);
  });

  it("launches nothing of a wave before its driver has opened it", () => {
    const play = new Play();
    const driver = play.drives(begin());
    driver.report([], { due: true });
    expect(driver.launched).toEqual([]);
    expect(play.numbers).toMatchObject({ inFlight: 0, waiting: 3 });
  });

  it("never launches what is recorded already", () => {
    const play = new Play();
    play.second().report([failed("c")]);
    play.do(abandon("rollout-1"));
    const driver = play.drives(resume());
    driver.open(1);
    expect(ids(driver.launched)).toEqual(["b"]);
  });

  it("never counts a result twice: the first report stands", () => {
    const play = new Play();
    const driver = play.second();
    driver.report([ready("b")]);
    driver.report([failed("b"), failed("c", "first")]);
    driver.report([ready("c")]);
    expect(play.part("2/1")).toMatchObject({ b: { is: "succeeded" }, c: { is: "failed", why: "first" } });
    expect(play.head.failures).toEqual([{ id: "c", reason: "first" }]);
  });

  it("counts a report that is repeated once, and gives its grant again", () => {
    const play = new Play();
    const driver = play.drives(begin());
    const opens = driver.said([], { opens: { wave: 0, window: 9 } });
    const first = play.do(opens).answer.grant;
    expect(first?.items).toEqual([{ id: "a", at: "1/1" }]);
    expect(play.do(opens).answer.grant).toEqual(first);
    driver.say(opens);
    const done = driver.said([ready("a")]);
    play.do(done);
    const before = play.numbers;
    play.do(done);
    expect(play.numbers).toEqual(before);
    expect(play.head.waves[0]).toMatchObject({ succeeded: 1 });
  });

  it("times each wave anew, and the rollout from its beginning", () => {
    const play = new Play();
    play.now = 1_000;
    const driver = play.begun();
    play.now = 61_000;
    driver.report([ready("a")]);
    expect(play.head).toMatchObject({ startedAtMs: 1_000, waveStartedAtMs: 61_000, sinceMs: 61_000 });
    expect(play.last?.notifications.map(({ progress }) => progress.waveElapsedMs)).toEqual([60_000, 0]);
  });

  it("begun anew after a Cancel keeps what the old one has in flight, and answers its caller with its own numbers", () => {
    const play = new Play();
    const old = play.begun();
    play.do(cancel());
    const anew = play.drives(begin("rollout-2"));
    expect(play.head.rolloutId).toBe("id of rollout-2");
    const { answer, notifications, history } = play.do(old.said([ready("a")]));
    expect(answer).toMatchObject({ accepted: true, over: true, driver: { done: true } });
    expect(answer.driver?.view).toMatchObject({
      rolloutId: "id of rollout-1",
      state: "cancelled",
      succeeded: 1,
    });
    expect(notifications).toMatchObject([
      { kind: "settled", lost: 0, progress: { rolloutId: "id of rollout-1", succeeded: 1 } },
    ]);
    expect(history.map(({ entry }) => entry.rollout)).toMatchObject([
      { rolloutId: "id of rollout-1", state: "cancelled", succeeded: 1 },
    ]);
    expect(play.head).toMatchObject({
      rolloutId: "id of rollout-2",
      waves: [{ succeeded: 0 }, { succeeded: 0 }],
    });
    anew.open(0);
    expect(ids(anew.launched)).toEqual(["a"]);
  });

  it("leaves nothing of the one before beside it", () => {
    const play = new Play();
    play.second().report([failed("b"), ready("c")]);
    play.do(cancel());
    play.drives(begin("rollout-2", [[["z", "sentinel:v1"]]], "sentinel:v3"));
    expect([...play.kv.keys()].sort()).toEqual([
      ...["drive", "plan", "rolloutState", "rolloutState/wave-1/1", "tallies"],
    ]);
  });
});

describe("a beginning that is cut short", () => {
  const cuts = Array.from({ length: 4 }, (_, i) => i + 1);
  const old = () => played((play) => play.second().report([ready("b"), ready("c")]));

  it.each(cuts)(
    "after %i writes is over, and nothing of it, or of the rollout before it, can be rolled back",
    (cut) => {
      for (const heal of [abandon(), cancel()]) {
        const play = old();
        play.do(begin("rollout-2"), cut);
        expect(play.head).toMatchObject({ rolloutId: "id of rollout-2", state: "in_progress" });
        play.do(heal);
        expect(play.phase).toBe("cancelled");
        const rollback = play.drives({ type: "beginRollback", invocationId: "rollback-1", silent: [] });
        rollback.open(0);
        expect(rollback.launched).toEqual([]);
        expect(play.phase).toBe("cancelled");
        play.drives(begin("rollout-3")).open(0);
        expect(play.numbers).toMatchObject({ total: 3, inFlight: 1, waiting: 2 });
      }
    },
  );
});

describe("the end of a beginning that was cut short", () => {
  it("may be cut short itself, anywhere", () => {
    for (let cut = 1; cut < 8; cut++) {
      const play = played((each) => each.second().report([ready("b"), ready("c")]));
      play.do(begin("rollout-2"), 2);
      play.do(abandon(), cut);
      if (play.phase === "in_progress") play.do(abandon());
      expect(play.phase).toBe("cancelled");
      const rollback = play.drives({ type: "beginRollback", invocationId: "rollback-1", silent: [] });
      rollback.open(0);
      expect(rollback.launched).toEqual([]);
    }
  });
});

describe("a sentinel that was archived or deleted in mid-rollout", () => {
  it("is neither a success nor a failure, and pauses nothing", () => {
    const play = new Play();
    play.begun().report([skipped("a")]);
    expect(play.head).toMatchObject({ state: "in_progress", currentWave: 1, failures: [] });
    expect(play.head.skips).toEqual([{ id: "a", reason: "a is archived" }]);
    expect(play.numbers).toMatchObject({ succeeded: 0, failed: 0, skipped: 1, waiting: 2 });
    expect(play.told).toEqual(["wave completed", "wave started"]);
  });

  it("is not launched again after an interruption", () => {
    const play = new Play();
    play.second().report([skipped("b")]);
    play.do(abandon("rollout-1"));
    const driver = play.drives(resume());
    driver.open(1);
    expect(ids(driver.launched)).toEqual(["c"]);
  });
});
