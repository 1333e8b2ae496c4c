import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type HeldLink, startHeldStack } from "../support/held-link.ts";
import { ids, OLD, World } from "../support/world.ts";
import { inFlightIsTrue, pauseHeld, TOLD_WITHIN_MS, untilOver, withinOrNot } from "./invocations.ts";
import { Launched, openDeploys, press, statusOf } from "./outside.ts";

const FLEET = ids(1, 20);
const AT_A_TIME = 8;
const BAD = "ghcr.io/unkeyed/sentinel:bad";
const GOOD = "ghcr.io/unkeyed/sentinel:good";

/**
 * A rollout whose driver was paused in Restate when it was told to launch more and had launched none of them; then the
 * operator stops and rolls back, and whoever paused the driver lets it go on or cancels it.
 */
describe.each([
  { what: "resumed", button: "resume", since: "a rollback", looks: true },
  { what: "cancelled", button: "cancel", since: "a rollback", looks: false },
  { what: "resumed", button: "resume", since: "a rollback and a good rollout", looks: false },
] as const)("a paused driver that is $what after $since", ({ button, since, looks }) => {
  let world: World;
  let link: HeldLink;
  let driver: string;
  let took: string[];
  let pausedMs: number;
  const lands = since === "a rollback" ? OLD : GOOD;

  beforeAll(async () => {
    const env = { MAX_IN_FLIGHT: String(AT_A_TIME), DEPLOY_TIMEOUT_SECONDS: "60" };
    const held = await startHeldStack({ sentinels: FLEET.length, env });
    link = held.link;
    world = new World(held.stack);
    // The first of those that come after the first ones.
    link.holdFrom(`Deploy ${FLEET[AT_A_TIME]}`);
    driver = await world.start("Rollout", { image: BAD, wave_percentages: [100] });
    await link.held();
    await pauseHeld(world, link, driver);
    pausedMs = Date.now();
    await withinOrNot(async () => (await openDeploys(world)) === 0, TOLD_WITHIN_MS);
    took = await world.on(BAD);
  });
  afterAll(async () => {
    await world.close();
    await link.close();
  });

  it("stands where it was paused", async () => {
    expect(took).toEqual(FLEET.slice(0, AT_A_TIME));
    expect((await statusOf(world)).state).toBe("in_progress");
  });

  if (looks) {
    it("has in flight what is under way, and not what it was to launch", async () => {
      await withinOrNot(() => inFlightIsTrue(world), pausedMs + TOLD_WITHIN_MS - Date.now());
      expect((await statusOf(world)).in_flight).toBe(await openDeploys(world));
    });
  }

  it("launches nothing on the bad image any more, and no Deployment has it", async () => {
    const cancelled = await world.verb("Cancel");
    expect({ status: cancelled.status, state: cancelled.body.state }).toEqual({
      status: 200,
      state: "cancelled",
    });
    const rollback = await world.start("RollbackAll");
    expect(await world.answer(rollback, AbortSignal.timeout(30_000))).toMatchObject({
      status: 200,
      body: { reverted: took.length, total: took.length, state: "cancelled" },
    });
    expect(await world.on(OLD)).toEqual(FLEET);
    if (lands === GOOD) {
      const good = await world.start("Rollout", { image: GOOD, wave_percentages: [100] });
      const { body } = await world.answer(good, AbortSignal.timeout(30_000));
      expect(body).toMatchObject({ state: "completed", succeeded: FLEET.length, failed: 0 });
    }
    const before = await statusOf(world);
    const launched = await Launched.since(world);
    await press(world, driver, button);
    await launched.during(untilOver(world, driver));
    const after = await statusOf(world);
    const rows = await world.rows();
    await launched.look();
    expect({
      onBad: await world.on(BAD),
      onTheRightOne: await world.on(lands),
      rowsOnBad: rows.filter(({ image }) => image === BAD).map(({ id }) => id),
    }).toEqual({ onBad: [], onTheRightOne: FLEET, rowsOnBad: [] });
    const told = ({ state, rollout_id, image, succeeded, failed, in_flight, reverted }: typeof after) => ({
      ...{ state, rollout_id, image, succeeded, failed, in_flight, reverted },
    });
    expect(told(after)).toEqual(told(before));
  });
});
