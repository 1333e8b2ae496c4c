import { describe, expect } from "vitest";
import { it, NEW } from "../support/world.ts";

describe("metrics", () => {
  it.override({ options: { sentinels: 6, env: { DEPLOY_TIMEOUT_SECONDS: "4" } } });

  it("dump", async ({ world }) => {
    await world.fault("sen_0006", "ImagePullBackOff");
    const { body } = await world.verb("Rollout", { image: NEW, wave_percentages: [50, 100] });
    expect(body.state).toBe("paused");
    await world.quiet();
    console.log(await (await fetch(`${world.stack.health}/metrics`)).text());
  });
});
