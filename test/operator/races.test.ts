import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startStack } from "../../src/local-stack/stack.ts";
import type { RollbackResponse } from "../../src/restate/rollback-schemas.ts";
import type { RolloutResponse } from "../../src/restate/rollout-schemas.ts";
import { NEW, type Refusal, World } from "../support/world.ts";
import { explain, type Sight, said, type Verb } from "./history.ts";
import { Launched, statusOf } from "./outside.ts";

/** Waves of 3 and 3; the last one of them fails. */
const WAVES = [50, 100];
const BROKEN = "sen_0006";
/** Each race is run so often: who is first is not ours to say. */
const TIMES = 2;

type Answered = RolloutResponse & RollbackResponse & Refusal;

/** What each is told is what some order of the two explains; and whoever is first, it is one order that everything keeps to. */
describe("two operators at once", () => {
  let world: World;
  let sights: Sight[] = [];
  let calls = 0;
  let images = 0;

  beforeAll(async () => {
    world = new World(await startStack({ sentinels: 6 }));
    await world.change(`UPDATE sentinels SET k8s_name = 'gone' WHERE id = '${BROKEN}'`);
    for (const id of ["sen_0001", "sen_0002", "sen_0003"]) await world.fault(id, "slow:1");
  });
  afterAll(() => world.close());
  afterEach(async () => {
    await ends();
    sights = [];
  });

  async function ends(): Promise<void> {
    const { state } = await world.status();
    if (state === "in_progress" || state === "paused") await world.verb("Cancel");
    await world.quiet();
  }

  async function ask(verb: Verb, body: { image?: string; [field: string]: unknown } = {}) {
    const call = ++calls;
    sights.push({ kind: "asked", call, verb, image: body.image ?? "" });
    const answer = await world.verb<Answered>(verb, body);
    sights.push({ kind: "told", call, said: said(verb, answer) });
    return answer;
  }

  /** A rollout that launches one at a time, and has launched one. */
  async function begun() {
    await ends();
    const { state, image: before } = await world.status();
    sights = [];
    const launched = await Launched.since(world);
    const image = NEW.replace(/v.*$/, `r${++images}`);
    const rollout = ask("Rollout", { image, wave_percentages: WAVES, max_in_flight: 1 });
    await launched.reach(1);
    const explained = () => explain(sights, { phase: state, image: before });
    return { image, launched, rollout, explained };
  }

  async function paused() {
    const rollout = await begun();
    await ask("Pause");
    expect((await rollout.rollout).body).toMatchObject({ state: "paused", pause_kind: "operator" });
    return rollout;
  }

  /** Nobody was deployed twice. */
  function eachOnce({ calls: deploys }: Launched): void {
    const sentinels = [...deploys.values()].map(({ sentinel }) => sentinel);
    expect(new Set(sentinels).size).toBe(sentinels.length);
  }

  for (let n = 1; n <= TIMES; n++) {
    it(`both resume: one goes on, the other is refused (${n})`, async () => {
      const { launched, explained } = await paused();
      const both = await launched.during(Promise.all([ask("Resume"), ask("Resume")]));
      expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
      // The failure lies before it.
      expect(both.find(({ status }) => status === 200)?.body).toMatchObject({ state: "paused", failed: 1 });
      eachOnce(launched);
      expect(launched.calls.size).toBe(6);
      explained();
    });

    it(`one resumes, the other aborts: nobody is left on the image (${n})`, async () => {
      const { image, explained } = await paused();
      const [resume, abort] = await Promise.all([ask("Resume"), ask("Abort")]);
      expect(abort).toMatchObject({ status: 200, body: { state: "cancelled", failures: [] } });
      expect(abort.body.reverted).toBe(abort.body.total);
      if (resume.status === 200) expect(resume.body.state).toBe("cancelled");
      else
        expect(resume.body.message).toMatch(
          /^Resume is not legal while the rollout is (rolling_back|cancelled)/,
        );
      await world.quiet();
      expect(await world.on(image)).toEqual([]);
      explained();
    });

    it(`one pauses, the other cancels: it is cancelled (${n})`, async () => {
      const { rollout, launched, explained } = await begun();
      const answered = Promise.all([ask("Pause"), ask("Cancel"), rollout]);
      const [pause, cancel, begunBy] = await launched.during(answered);
      expect(cancel).toMatchObject({ status: 200, body: { state: "cancelled" } });
      expect([200, 409]).toContain(pause.status);
      expect(begunBy.body.state).toMatch(/^(cancelled|paused)$/);
      expect(await statusOf(world)).toMatchObject({ state: "cancelled", pause_kind: null });
      expect(launched.calls.size).toBeLessThan(6);
      explained();
    });

    it(`one pauses again, the other resumes: nobody is deployed twice (${n})`, async () => {
      const { launched, explained } = await paused();
      const [pause, resume] = await launched.during(Promise.all([ask("Pause"), ask("Resume")]));
      expect([pause.status, resume.status]).toEqual([200, 200]);
      // The Pause was the same as before, or it has stopped what the other one resumed.
      expect(resume.body).toMatchObject({ state: "paused" });
      const ended = await launched.during(ask("Resume"));
      expect(ended.body).toMatchObject({
        state: resume.body.pause_kind === "operator" ? "paused" : "completed",
        failed: 1,
      });
      eachOnce(launched);
      explained();
    });
  }

  it("one retries what has failed, the other resumes: one of them goes on", async () => {
    const { launched, explained } = await paused();
    expect((await launched.during(ask("Resume"))).body).toMatchObject({ pause_kind: "failure", failed: 1 });
    const [retry, resume] = await launched.during(Promise.all([ask("RetryFailed"), ask("Resume")]));
    expect([retry.status, resume.status].sort()).toEqual([200, 409]);
    const state = retry.status === 200 ? "paused" : "completed";
    expect(await statusOf(world)).toMatchObject({ state, succeeded: 5, failed: 1 });
    const again = [...launched.calls.values()].filter(({ sentinel }) => sentinel === BROKEN);
    expect(again).toHaveLength(retry.status === 200 ? 2 : 1);
    explained();
  });

  it("a Resume that comes late meets a later rollout, and says so", async () => {
    const first = await paused();
    const { guard: seen } = await statusOf(world);
    const later = await (async () => {
      await world.verb("Cancel");
      return paused();
    })();
    for (const verb of ["Resume", "Pause", "Abort"]) {
      const { status, body } = await world.verb<Refusal>(verb, seen);
      expect({ status, message: body.message }).toMatchObject({
        status: 409,
        message: expect.stringMatching(
          new RegExp(`^You saw wave 1 of rollout ${seen?.rollout_id}; it is wave 1 of`),
        ),
      });
    }
    expect(await statusOf(world)).toMatchObject({ state: "paused", image: later.image });
    expect(first.image).not.toBe(later.image);
    eachOnce(later.launched);
  });
});
