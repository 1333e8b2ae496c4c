import { describe, expect } from "vitest";
import type { RollbackResponse } from "../../src/restate/rollback-schemas.ts";
import { expectNumbers } from "../support/numbers.ts";
import { until } from "../support/until.ts";
import { ids, it, NEW, OLD } from "../support/world.ts";

describe("a sentinel that failed while nobody recorded it", () => {
  it.override({ options: { sentinels: 4, env: { DEPLOY_TIMEOUT_SECONDS: "6", FAIL_FAST_SECONDS: "0" } } });

  it("is told of by the RollbackAll that leaves it alone", async ({ world }) => {
    await world.fault("sen_0002", "NeverReady", NEW);
    const rollout = await world.start("Rollout", { image: NEW, wave_percentages: [50, 100] });
    await until("one of two to be up", async () => {
      const { succeeded, in_flight } = await world.status();
      return succeeded === 1 && in_flight === 1;
    });
    // Who kills a Rollout kills its Deploys: the watcher has the row settled once their time is over.
    await world.end(rollout, "kill");
    await until(
      "the row to say so",
      async () => (await world.row("sen_0002")).deploy_status === "failed",
      60_000,
    );

    const { body } = await world.verb<RollbackResponse>("RollbackAll");
    expect(body).toMatchObject({ state: "cancelled", reverted: 1, total: 1, failed_on_image: 1 });
    expect(body.message).toContain(
      "The failed sentinel, which RollbackAll leaves alone, is set to the image",
    );
    expect(await world.on(OLD)).toEqual(["sen_0001", ...ids(3, 4)]);
    await expectNumbers(world, { total: 4, succeeded: 1, failed: 1, skipped: 0, reverted: 1 });
    const status = await world.status();
    expect(status).toMatchObject({ next: ["Rollout"], waiting: 2, failures: [{ sentinel_id: "sen_0002" }] });
    await world.quiet();
    expect(world.stack.slack.messages.at(-1)?.text).toContain("The failed sentinel");
  });
});
