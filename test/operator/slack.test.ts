import { describe, expect } from "vitest";
import { until } from "../support/until.ts";
import { it, NEW, OLD, type World } from "../support/world.ts";

/** Headers of one rollout over the given number of waves. */
function story(waves: number): string[] {
  const each = Array.from({ length: waves }, (_, i) => `Sentinel rollout: wave ${i + 1}/${waves}`);
  const done = each.flatMap((wave) => [`${wave} started`, `${wave} completed`]);
  return ["Sentinel rollout started", ...done, "Sentinel rollout completed"];
}

/** How long (ms) a rollout of the whole fleet takes. */
async function rollOut(world: World, image: string): Promise<number> {
  const began = performance.now();
  const { body } = await world.verb("Rollout", { image, wave_percentages: [10, 50, 100] });
  expect(body).toMatchObject({ state: "completed", failed: 0 });
  return performance.now() - began;
}

describe("a rollout", () => {
  it.override({ options: { sentinels: 10 } });

  it("takes no longer while Slack hangs and is away, and Slack hears of all of it later, in order and once", async ({
    world,
  }) => {
    const { slack } = world.stack;
    await rollOut(world, "ghcr.io/unkeyed/sentinel:warm");
    const usual = await rollOut(world, OLD);
    await world.quiet();
    expect(world.slack()).toEqual([...story(3), ...story(3)]);

    // For longer than all that follows: no answer at first, then refusals and broken connections.
    slack.failNext(1, "hang");
    slack.failNext(3, { status: 500 });
    slack.failNext(1, "reset");
    const during = await rollOut(world, NEW);
    expect(during).toBeLessThan(usual * 2 + 1_000);
    await world.change("UPDATE sentinels SET k8s_name = 'gone' WHERE id = 'sen_0001'");
    const began = performance.now();
    expect((await world.verb("Rollout", { image: "ghcr.io/unkeyed/sentinel:v2" })).body.state).toBe("paused");
    expect((await world.verb("Cancel")).body.state).toBe("cancelled");
    expect((await world.verb<{ state: string }>("RollbackAll")).body.state).toBe("cancelled");
    expect(performance.now() - began).toBeLessThan(usual * 2 + 1_000);

    const before = [...story(3), ...story(3)].length;
    expect(slack.messages).toHaveLength(before);
    const all = [
      ...story(3),
      "Sentinel rollout started",
      "Sentinel rollout: wave 1/4 started",
      "Sentinel rollout paused in wave 1/4",
      "Sentinel rollout cancelled in wave 1/4",
      "Sentinel rollback started",
      "Sentinel rollback completed",
    ];
    await until("Slack to have heard all", () => slack.messages.length >= before + all.length, 50_000);
    await world.quiet();
    expect(world.slack().slice(before)).toEqual(all);
  });
});
