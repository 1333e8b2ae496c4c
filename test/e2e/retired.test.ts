import { describe, expect } from "vitest";
import { until } from "../support/until.ts";
import { it, NEW, OLD } from "../support/world.ts";

describe("sentinels that are archived or deleted in mid-rollout", () => {
  it.override({ options: { sentinels: 8 } });

  it("are skipped with that reason, before their Deploy and in the middle of it, and pause nothing", async ({
    world,
  }) => {
    await world.fault("sen_0001", "slow:2", NEW);
    await world.fault("sen_0006", "NeverReady", NEW);
    const before = await world.row("sen_0006");
    const rollout = await world.start("Rollout", { image: NEW, wave_percentages: [25, 100] });
    await world.untilState("the first wave runs", ({ currentWave }) => currentWave === 0);
    await world.change("UPDATE sentinels SET desired_state = 'archived' WHERE id = 'sen_0003'");
    await world.change("DELETE FROM sentinels WHERE id = 'sen_0004'");
    await world.change("UPDATE sentinels SET desired_state = 'standby' WHERE id = 'sen_0005'");

    await until(
      "the second wave deploys sen_0006",
      async () => (await world.images()).get("sen_0006") === NEW,
    );
    await world.change("UPDATE sentinels SET desired_state = 'archived' WHERE id = 'sen_0006'");
    await world.remove("sen_0006");

    const skips = {
      sen_0003: "its desired state is archived",
      sen_0004: "it has no row any more",
      sen_0005: "its desired state is standby",
      sen_0006: "its desired state is archived",
    };
    const { body } = await world.answer(rollout);
    expect(body).toMatchObject({ state: "completed", total: 8, succeeded: 4, failed: 0, skipped: 4 });
    expect(Object.fromEntries(body.skips.map((skip) => [skip.sentinel_id, skip.reason]))).toEqual(skips);
    expect(await world.state()).toMatchObject({ failedIds: [], skipReasons: skips });
    expect(await world.on(OLD)).toEqual(["sen_0003", "sen_0004", "sen_0005"]);
    const { deploy_status, deploy_error } = before;
    expect(await world.row("sen_0006")).toMatchObject({ deploy_status, deploy_error });
    const unfinished = (await world.rows()).filter((row) => row.deploy_status === "progressing");
    expect(unfinished).toEqual([]);
    const lines = world.stack.service.logs().filter(({ msg }) => msg === "sentinel deploy failed");
    expect(lines).toEqual([]);
    await world.quiet();
    expect(world.slack().at(-1)).toBe("Sentinel rollout completed");
  });
});
