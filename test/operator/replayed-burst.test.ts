import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../support/until.ts";
import { mismatches, statusOf } from "./outside.ts";
import { Settings } from "./settings.ts";

const SENTINELS = 600;
/** The service dies when so many have taken the image. */
const DEATHS = [60, 180, 320, 450];

/**
 * Where hundreds of results come at once, several of them are there when a lane looks. In which order it takes them must not
 * depend on how fast the process is: its replay is faster.
 */
describe("a large wave, and a service that dies again and again in the middle of it", () => {
  let settings: Settings;
  beforeAll(async () => {
    settings = await Settings.open({
      sentinels: SENTINELS,
      env: { MAX_IN_FLIGHT: "300" },
      embedded: { podStartMs: 50 },
    });
  });
  afterAll(() => settings.close());

  it("completes, and no replay of any invocation goes another way", async () => {
    const { world } = settings;
    const image = "ghcr.io/unkeyed/sentinel:burst";
    const rollout = await world.start("Rollout", { image, wave_percentages: [100] });
    for (const at of DEATHS) {
      await until(
        `${at} to have taken the image`,
        async () => (await statusOf(world)).succeeded >= at,
        60_000,
      );
      await settings.comeBackWith({});
    }
    const { body } = await world.answer(rollout, AbortSignal.timeout(90_000));
    expect(await mismatches(world)).toEqual([]);
    expect(body).toMatchObject({ state: "completed", succeeded: SENTINELS, failed: 0 });
  }, 180_000);
});
