import { describe, expect } from "vitest";
import { scrape } from "../support/exposition.ts";
import { until } from "../support/until.ts";
import { it } from "../support/world.ts";

describe("while MySQL hangs", () => {
  it.override({ options: { sentinels: 1 } });

  it("a scrape answers without the fleet, /readyz names MySQL, and both recover", {
    timeout: 240_000,
  }, async ({ world }) => {
    const { mysql, health } = world.stack;
    await mysql.process?.signal("SIGSTOP");
    // The fleet is counted as the watcher reads it, every 30 s.
    const leftOut = async () => {
      const seen = await scrape(health);
      return seen.value("sentinel_rollout_source_up", { source: "mysql" }) === 0 && seen;
    };
    const hanging = await until("the fleet is left out", leftOut, 90_000);
    expect(hanging.value("sentinel_rollout_sentinels")).toBeUndefined();
    expect(hanging.value("sentinel_rollout_source_up", { source: "restate" })).toBe(1);
    expect(hanging.value("sentinel_rollout_state", { state: "idle" })).toBe(1);
    const ready = await until("not ready", async () => {
      const response = await fetch(`${health}/readyz`);
      return response.status === 503 && response.json();
    });
    expect(ready).toMatchObject({ missing: ["mysql"] });
    expect((await fetch(`${health}/healthz`)).status).toBe(200);
    await mysql.process?.signal("SIGCONT");
    await until("ready again", async () => (await fetch(`${health}/readyz`)).ok);
    const fleet = async () => (await scrape(health)).value("sentinel_rollout_sentinels") === 1;
    await until("the fleet", fleet, 90_000);
  });
});
