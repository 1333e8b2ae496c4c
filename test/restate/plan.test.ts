import { describe, expect, it } from "vitest";
import type { Candidate } from "../../src/domain/candidates.ts";
import { ConflictError } from "../../src/restate/errors.ts";
import { limitsOf } from "../../src/rollout/limits-of.ts";
import { planResponse } from "../../src/rollout/plan.ts";
import { planWavesOf, requireWork } from "../../src/rollout/planned-waves.ts";

const IMAGE = "sentinel:v2";
const fleet = (size: number, runningImage = "sentinel:v1"): Candidate[] =>
  Array.from({ length: size }, (_, i) => ({
    id: `sen_${i}`,
    image: runningImage,
    runningImage,
    rewritten: false,
    deployStatus: "ready",
    health: "healthy",
    desiredReplicas: 1,
  }));
const planned = (candidates: Candidate[], wave_percentages?: number[]) =>
  planWavesOf(
    {
      // Read in pages, of which a plan notices nothing.
      async *candidatePages() {
        for (let i = 0; i < candidates.length; i += 7) yield candidates.slice(i, i + 7);
      },
    },
    { image: IMAGE, ...(wave_percentages === undefined ? {} : { wave_percentages }) },
  );

describe("the plan of a rollout", () => {
  it("has the default waves, or those asked for", async () => {
    const plan = await planned(fleet(100));
    expect(plan.wavePercentages).toEqual([1, 5, 25, 50, 100]);
    expect(plan.waves.map(({ size }) => size)).toEqual([1, 4, 20, 25, 50]);
    const fast = await planned(fleet(100), [10, 100]);
    expect(fast.wavePercentages).toEqual([10, 100]);
    expect(fast.waves.map(({ size }) => size)).toEqual([10, 90]);
  });

  it("leaves out who serves the image, and counts them", async () => {
    const serving = fleet(2, IMAGE).map((candidate) => ({ ...candidate, id: `new_${candidate.id}` }));
    const plan = await planned([...serving, ...fleet(3)]);
    expect(plan.waves.map(({ shownIds }) => shownIds)).toEqual([["sen_0"], ["sen_1"], ["sen_2"]]);
    expect(plan).toMatchObject({ fleet: 5, leftOut: 2, total: 3 });
    expect(planResponse(plan)).toMatchObject({
      total: 3,
      left_out: [{ reason: "already serves the image", count: 2 }],
      message: "A Rollout would now deploy sentinel:v2 to 3 sentinels in 3 waves of 1, 1, 1.",
    });
  });

  it("shows the size of each wave and at most 20 of its sentinels", async () => {
    const { waves, left_out } = planResponse(await planned(fleet(30), [10, 100]));
    expect(waves).toMatchObject([
      { wave: 1, size: 3, sentinel_ids: ["sen_0", "sen_1", "sen_2"] },
      { wave: 2, size: 27 },
    ]);
    expect(waves[1]?.sentinel_ids).toEqual(Array.from({ length: 20 }, (_, i) => `sen_${i + 3}`));
    expect(left_out).toEqual([]);
  });

  it("shows how long each wave soaks where that was asked for, without the soaks of dropped waves", async () => {
    const soaks = async (size: number, soak_seconds: number | number[]) => {
      const plan = await planned(fleet(size));
      const { limits } = limitsOf({ image: IMAGE, soak_seconds }, plan);
      const { waves, message } = planResponse(plan, undefined, limits?.soakSeconds);
      return { soaks: waves.map((wave) => wave.soak_seconds), message };
    };
    expect(await soaks(100, 600)).toEqual({
      soaks: [600, 600, 600, 600, 600],
      message: `A Rollout would now deploy ${IMAGE} to 100 sentinels in 5 waves of 1, 4, 20, 25, 50, each soaking 10 min.`,
    });
    const list = [1, 2, 3, 60, 3_600];
    expect(await soaks(3, list)).toEqual({
      soaks: [1, 60, 3_600],
      message: `A Rollout would now deploy ${IMAGE} to 3 sentinels in 3 waves of 1, 1, 1, soaking 1 s, 1 min, 1 h.`,
    });
    expect((await soaks(1, 90)).message).toMatch(/ in 1 wave of 1, soaking 1 min 30 s\.$/);
    expect(await soaks(1, 0)).toEqual({ soaks: [0], message: expect.stringMatching(/ of 1\.$/) });
    const [wave] = planResponse(await planned(fleet(1))).waves;
    expect(wave).not.toHaveProperty("soak_seconds");
  });

  it("speaks of one wave and one sentinel in the singular", async () => {
    expect(planResponse(await planned(fleet(1))).message).toBe(
      "A Rollout would now deploy sentinel:v2 to 1 sentinel in 1 wave of 1.",
    );
  });

  it("of a fleet that serves the image says so, and is a conflict for a rollout", async () => {
    const plan = await planned(fleet(4, IMAGE));
    expect(planResponse(plan)).toMatchObject({
      total: 0,
      waves: [],
      left_out: [{ reason: "already serves the image", count: 4 }],
      message: "Nothing to roll out: all 4 running sentinels already serve sentinel:v2.",
    });
    expect(() => requireWork(plan)).toThrow(
      new ConflictError("Nothing to roll out: all 4 running sentinels already serve sentinel:v2."),
    );
  });

  it("of the one sentinel that serves the image says so in the singular", async () => {
    const { message } = planResponse(await planned(fleet(1, IMAGE)));
    expect(message).toBe("Nothing to roll out: the one running sentinel already serves sentinel:v2.");
  });

  it("cuts each wave into parts of at most 400, and has the small fleet at hand", async () => {
    const { plan, parts } = await planned(fleet(1_000), [10, 100]);
    expect(plan).toEqual([
      { at: "1/1", size: 100, first: "sen_0", last: "sen_99" },
      { at: "2/1", size: 400, first: "sen_100", last: "sen_499" },
      { at: "2/2", size: 400, first: "sen_500", last: "sen_899" },
      { at: "2/3", size: 100, first: "sen_900", last: "sen_999" },
    ]);
    expect(parts.map((part) => Object.keys(part).length)).toEqual([100, 400, 400, 100]);
    expect(parts[0]?.sen_0).toEqual({ from: "sentinel:v1", is: "waiting" });
  });

  it("leaves a large fleet to be read in parts", async () => {
    const { plan, parts, total } = await planned(fleet(10_000));
    expect(parts).toEqual([]);
    expect(total).toBe(10_000);
    expect(plan.reduce((sum, { size }) => sum + size, 0)).toBe(10_000);
  });

  it("of no fleet at all is none: there is nothing to do", async () => {
    const plan = await planned([]);
    expect(() => requireWork(plan)).not.toThrow();
    expect(planResponse(plan)).toMatchObject({
      total: 0,
      waves: [],
      message: expect.stringContaining("no running sentinel"),
    });
  });
});
