import { describe, expect } from "vitest";
import { until } from "../support/until.ts";
import { it, NEW, OLD, type World } from "../support/world.ts";

/** Headers of one rollout over the given number of waves. */
function story(waves: number): string[] {
  const each = Array.from({ length: waves }, (_, i) => `Sentinel rollout: wave ${i + 1}/${waves}`);
  const done = each.flatMap((wave) => [`${wave} started`, `${wave} completed`]);
  return ["Sentinel rollout started", ...done, "Sentinel rollout completed"];
}

/** A rollout of the whole fleet, to its end. */
async function rollOut(world: World, image: string): Promise<void> {
  const { body } = await world.verb("Rollout", { image, wave_percentages: [10, 50, 100] });
  expect(body).toMatchObject({ state: "completed", failed: 0 });
}

describe("a rollout", () => {
  it.override({ options: { sentinels: 10 } });

  it("ends while Slack hangs and is away, before Slack has heard of anything; it hears of all of it later, in order and once", async ({
    world,
  }) => {
    const { slack } = world.stack;
    await rollOut(world, "ghcr.io/unkeyed/sentinel:warm");
    await rollOut(world, OLD);
    await world.quiet();
    expect(world.slack()).toEqual([...story(3), ...story(3)]);

    // No answer at first, then broken connections and refusals until it recovers.
    slack.failNext(1, "hang");
    slack.failNext(1, "reset");
    slack.failNext(1_000, { status: 500 });
    await rollOut(world, NEW);
    await world.change("UPDATE sentinels SET k8s_name = 'gone' WHERE id = 'sen_0001'");
    expect((await world.verb("Rollout", { image: "ghcr.io/unkeyed/sentinel:v2" })).body.state).toBe("paused");
    expect((await world.verb("Cancel")).body.state).toBe("cancelled");
    expect((await world.verb<{ state: string }>("RollbackAll")).body.state).toBe("cancelled");

    const before = [...story(3), ...story(3)].length;
    expect(slack.messages).toHaveLength(before);
    slack.recover();
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
