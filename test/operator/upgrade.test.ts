import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startStack } from "../../src/local-stack/stack.ts";
import { OLD_KEYS, type OldRollout, STORIES, storedAfter } from "../legacy/stories.ts";
import { until } from "../support/until.ts";
import { ids, World } from "../support/world.ts";
import { editState, Launched, stateOf, statusOf, sumOf } from "./outside.ts";

const FLEET = ids(1, 7);
/** A drive that is gone is noticed within seconds. */
const NOTICED_MS = 20_000;

interface Put {
  old: OldRollout;
  /** Those that run the rollout's image. */
  took: string[];
  launched: Launched;
}

/** States that version 0.1 stored, put where this version runs; their drives are gone, as if somebody had killed them. */
describe("a rollout of version 0.1", () => {
  let world: World;
  let puts = 0;
  const otherId = (id: string) => `${id.slice(0, -8)}${String(puts).padStart(4, "0")}${id.slice(-4)}`;
  beforeAll(async () => {
    world = new World(await startStack({ sentinels: FLEET.length, env: { DEPLOY_TIMEOUT_SECONDS: "60" } }));
  });
  afterAll(() => world.close());

  /**
   * Has Restate hold what version 0.1 had stored after so many transitions of a story, and the fleet be as it was then.
   * @param unrecorded those of the wave that took the image although nobody recorded it
   */
  async function put(title: string, after: number, unrecorded: string[] = []): Promise<Put> {
    const story = STORIES.get(title);
    if (story === undefined) throw new Error(`there is no story ${title}`);
    const stored = storedAfter(story, after);
    const old = stored.get("rolloutState") as OldRollout;
    await world.quiet();
    const took = [...old.succeededIds.filter((id) => !old.revertedIds.includes(id)), ...unrecorded].sort();
    for (const id of FLEET) {
      const image = took.includes(id) ? old.image : old.previousImages[id];
      const failed = old.failedIds.includes(id);
      await world.setImage(id, image ?? "");
      await world.change(
        `UPDATE sentinels SET image = '${failed ? old.image : image}', deploy_status = '${failed ? "failed" : "ready"}' WHERE id = '${id}'`,
      );
    }
    await until("the fleet to run these images", async () =>
      (await world.rows()).every(
        ({ id, running_image, health }) =>
          health === "healthy" && running_image === (took.includes(id) ? old.image : old.previousImages[id]),
      ),
    );
    // Each time other invocations drove: no two drives have one id, and so no two watchdogs.
    puts += 1;
    const values = Object.fromEntries(
      [...stored].map(([key, value]) => [key, JSON.stringify(value).replaceAll(/inv_1\w+/g, otherId)]),
    );
    const launched = await Launched.since(world);
    await editState(world, values);
    await until(
      "Restate to show it",
      async () => (await stateOf(world)).rolloutState === values.rolloutState,
    );
    return { old, took, launched };
  }

  async function launchedIds({ launched }: Put): Promise<string[]> {
    await launched.look();
    return [...launched.calls.values()].map(({ sentinel }) => sentinel).sort();
  }

  /** Nothing of the old way to store it is left, and all is where this version has it. */
  async function expectMoved({ old }: Put): Promise<void> {
    const values = await stateOf(world);
    expect(OLD_KEYS.filter((key) => key !== "rolloutState" && key in values)).toEqual([]);
    const state = await world.state();
    expect(state).toMatchObject({ previousImages: old.previousImages, waves: old.waves });
    const status = await statusOf(world);
    expect(sumOf(status)).toBe(status.total);
    await world.quiet();
    expect(Object.keys(await stateOf(world)).filter((key) => key.startsWith("lane/"))).toEqual([]);
  }

  const phaseIs = (phase: string) =>
    until(`it to be ${phase}`, async () => (await statusOf(world)).state === phase, NOTICED_MS);

  it("that a failure paused: Status, Resume", async () => {
    const here = await put("paused-by-failure", 3);
    expect(await statusOf(world)).toMatchObject({
      ...{ state: "paused", total: 7, succeeded: 1, failed: 1, in_flight: 0, waiting: 5, wave: 1, waves: 2 },
      failures: [{ sentinel_id: "sen_0002", reason: here.old.failureReasons.sen_0002 }],
      next: expect.arrayContaining(["Resume", "Cancel", "RollbackAll", "Abort"]),
    });
    const { body } = await world.verb("Resume");
    expect(body).toMatchObject({ state: "completed", succeeded: 6, failed: 1 });
    expect(await launchedIds(here)).toEqual(ids(3, 7));
    await expectMoved(here);
  });

  it("that a failure paused: Cancel", async () => {
    const here = await put("paused-by-failure", 3);
    const { body } = await world.verb("Cancel");
    expect(body).toMatchObject({ state: "cancelled", succeeded: 1, failed: 1, waiting: 5 });
    expect(await launchedIds(here)).toEqual([]);
    await expectMoved(here);
  });

  it("that an interruption paused: Resume deploys what was not attempted", async () => {
    const here = await put("interrupted", 5);
    const left = FLEET.filter((id) => !here.old.succeededIds.includes(id));
    expect(await statusOf(world)).toMatchObject({ state: "paused", waiting: left.length, in_flight: 0 });
    const { body } = await world.verb("Resume");
    expect(body).toMatchObject({ state: "completed", succeeded: 7, failed: 0 });
    expect(await launchedIds(here)).toEqual(left);
    await expectMoved(here);
  });

  it("that lost its drive: RollbackAll asks the rows what took the image", async () => {
    const here = await put("killed-then-rolled-back", 4, ["sen_0004"]);
    expect(here.old.state).toBe("paused");
    expect(here.old.succeededIds).not.toContain("sen_0004");
    const { body } = await world.verb<{ reverted: number }>("RollbackAll");
    expect(body).toMatchObject({ reverted: here.took.length, total: here.took.length, state: "cancelled" });
    for (const [id, image] of await world.images())
      expect([id, image]).toEqual([id, here.old.previousImages[id]]);
    await expectMoved(here);
  });

  it("that was cancelled: RollbackAll", async () => {
    const here = await put("cancelled-then-rolled-back", 8);
    expect(await statusOf(world)).toMatchObject({
      state: "cancelled",
      succeeded: here.took.length,
      in_flight: 0,
    });
    const { body } = await world.verb<{ reverted: number }>("RollbackAll");
    expect(body).toMatchObject({ reverted: here.took.length, total: here.took.length, state: "cancelled" });
    expect(await world.on(here.old.image)).toEqual([]);
    await expectMoved(here);
  });

  it("that was rolled back in part: RollbackAll retries the rest alone", async () => {
    const story = "rollback-killed-and-interrupted";
    const transitions = STORIES.get(story)?.transitions ?? [];
    const killed = transitions.findIndex(({ event }, i) => {
      const { state, revertedIds } = storedAfter({ transitions }, i + 1).get("rolloutState") as OldRollout;
      return event.type === "abandon" && state === "cancelled" && revertedIds.length > 0;
    });
    const here = await put(story, killed + 1);
    expect(here.old.revertedIds.length).toBeGreaterThan(0);
    expect(await statusOf(world)).toMatchObject({
      state: "cancelled",
      reverted: here.old.revertedIds.length,
    });
    const { body } = await world.verb<{ reverted: number }>("RollbackAll");
    expect(body).toMatchObject({ reverted: here.took.length, total: here.took.length });
    expect(here.old.revertedIds.filter((id) => here.launched.calls.has(id))).toEqual([]);
    await expectMoved(here);
  });

  it("in mid-wave, whose drive is gone: it is noticed, and Resume goes on", async () => {
    const here = await put("completed", 4);
    const left = FLEET.filter((id) => !here.old.succeededIds.includes(id));
    expect(await statusOf(world)).toMatchObject({
      ...{ state: "in_progress", wave: 2, succeeded: here.old.succeededIds.length },
      ...{ in_flight: left.length, waiting: 0, next: expect.arrayContaining(["Cancel", "Pause"]) },
    });
    await phaseIs("paused");
    const { body } = await world.verb("Resume");
    expect(body).toMatchObject({ state: "completed", succeeded: 7 });
    expect(await launchedIds(here)).toEqual(left);
    await expectMoved(here);
  });

  it("in mid-wave: Cancel at once, and RollbackAll of what took the image", async () => {
    const here = await put("completed", 4, ["sen_0005"]);
    expect((await world.verb("Cancel")).body).toMatchObject({ state: "cancelled" });
    const { body } = await world.verb<{ reverted: number }>("RollbackAll");
    expect(body).toMatchObject({ reverted: here.took.length, total: here.took.length, state: "cancelled" });
    expect(await world.on(here.old.image)).toEqual([]);
    await expectMoved(here);
  });

  it("in mid-wave: Pause is taken, and the loss of its drive is what pauses it", async () => {
    const here = await put("completed", 4);
    const left = FLEET.filter((id) => !here.old.succeededIds.includes(id));
    const { status, body } = await world.verb("Pause", { comment: "upgrade" });
    expect({ status, body }).toMatchObject({ status: 200, body: { state: "in_progress", phase: "pausing" } });
    await phaseIs("paused");
    expect(await statusOf(world)).toMatchObject({
      pause_kind: "interrupted",
      in_flight: 0,
      waiting: left.length,
    });
    const { body: resumed } = await world.verb("Resume");
    expect(resumed).toMatchObject({ state: "completed", succeeded: 7 });
    expect(await launchedIds(here)).toEqual(left);
    await expectMoved(here);
  });

  // Several times: the watchdog's first look may fall between the writes of the change that moves the state.
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "in mid-wave: Abort reverts what took the image, recorded or not (%i)",
    async () => {
      const here = await put("completed", 4, ["sen_0005"]);
      const { body } = await world.verb<{ reverted: number }>("Abort");
      expect(body).toMatchObject({ reverted: here.took.length, total: here.took.length, state: "cancelled" });
      expect(await world.on(here.old.image)).toEqual([]);
      await expectMoved(here);
    },
  );

  it("that a failure paused: Abort returns the failed one, too, where it is asked to", async () => {
    const here = await put("paused-by-failure", 3);
    expect((await statusOf(world)).next).toContain("Abort");
    const { body } = await world.verb<{ reverted: number }>("Abort", { include_failed: true });
    expect(body).toMatchObject({ reverted: 2, total: 2, state: "cancelled" });
    expect(await statusOf(world)).toMatchObject({ failed: 0, succeeded: 2, reverted: 2 });
    const [failed = ""] = here.old.failedIds;
    expect(await world.row(failed)).toMatchObject({
      image: here.old.previousImages[failed],
      deploy_status: "ready",
    });
    await expectMoved(here);
  });

  it("that was cancelled with Deploys in flight: a new Rollout takes nothing over", async () => {
    const here = await put("cancelled-then-rolled-back", 4);
    expect(await statusOf(world)).toMatchObject({ state: "cancelled" });
    const image = "ghcr.io/unkeyed/sentinel:v2.0.0";
    const { body } = await world.verb("Rollout", { image, wave_percentages: [100] });
    expect(body).toMatchObject({ state: "completed", total: 7, succeeded: 7, in_flight: 0, waiting: 0 });
    expect(await launchedIds(here)).toEqual(FLEET);
    await world.quiet();
    expect(Object.keys(await stateOf(world)).sort()).toEqual([
      "drive",
      "plan",
      "rolloutState",
      "rolloutState/wave-1/1",
      "tallies",
    ]);
  });

  it("that is rolled back by a drive that is gone: it is noticed, and RollbackAll does the rest", async () => {
    const here = await put("cancelled-then-rolled-back", 11);
    expect(await statusOf(world)).toMatchObject({
      ...{ state: "rolling_back", reverted: here.old.revertedIds.length, next: [] },
    });
    await phaseIs("cancelled");
    const { body } = await world.verb<{ reverted: number }>("RollbackAll");
    expect(body).toMatchObject({ reverted: here.took.length, total: here.took.length });
    expect(await world.on(here.old.image)).toEqual([]);
    await expectMoved(here);
  });

  it("that completed: Status, and a new Rollout", async () => {
    await put("completed", 9);
    expect(await statusOf(world)).toMatchObject({
      state: "completed",
      succeeded: 7,
      waiting: 0,
      next: ["Rollout"],
    });
    const { body } = await world.verb("Rollout", { image: "ghcr.io/unkeyed/sentinel:v2.0.1" });
    expect(body).toMatchObject({ state: "completed", succeeded: 7 });
  });
});
