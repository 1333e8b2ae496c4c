import { describe, expect } from "vitest";
import { scrape } from "../support/exposition.ts";
import { until } from "../support/until.ts";
import { it, NEW } from "../support/world.ts";

const DELIVERIES = "sentinel_rollout_slack_deliveries_total";

const STORY = [
  "Sentinel rollout started",
  "Sentinel rollout: wave 1/2 started",
  "Sentinel rollout: wave 1/2 completed",
  "Sentinel rollout: wave 2/2 started",
  "Sentinel rollout: wave 2/2 completed",
  "Sentinel rollout completed",
];

describe("Slack", () => {
  it.override({ options: { sentinels: 2 } });

  it("hears each phase change once and in order, whatever it answers, and never delays the rollout", async ({
    world,
  }) => {
    const { slack } = world.stack;
    slack.failNext(2, { status: 500 });
    slack.failNext(1, { status: 429, retryAfterSeconds: 2 });
    slack.failNext(1, "reset");
    const { body } = await world.verb("Rollout", { image: NEW });
    expect(body.state).toBe("completed");
    expect(slack.messages).toHaveLength(0);
    await until("all messages", () => slack.messages.length >= STORY.length);
    await world.quiet();
    expect(world.slack()).toEqual(STORY);
    expect(slack.attempts).toBe(STORY.length + 4);
    const { value } = await scrape(world.stack.health);
    expect(value(DELIVERIES, { result: "delivered" })).toBe(STORY.length);
    expect(value(DELIVERIES, { result: "failed" })).toBe(4);
    expect(value("sentinel_rollout_phase_changes_total")).toBe(STORY.length);
  });

  it("that refuses a message for good loses that one alone", async ({ world }) => {
    world.stack.slack.failNext(1, { status: 400 });
    await world.verb("Rollout", { image: NEW });
    await world.quiet();
    expect(world.slack()).toEqual(STORY.slice(1));
    const { value } = await scrape(world.stack.health);
    expect(value(DELIVERIES, { result: "refused" })).toBe(1);
    expect(value("sentinel_rollout_phase_changes_total", { change: "started" })).toBe(1);
  });
});

describe("secrets", () => {
  it.override({ options: { sentinels: 2, env: { RESTATE_TOKEN: "canary-bearer-token" } } });

  it("(the webhook's URL, the DSN's password, the ingress token) are in no state, journal or log", async ({
    world,
  }) => {
    world.stack.slack.failNext(2, { status: 500 });
    world.stack.slack.failNext(1, "reset");
    await world.fault("sen_0001", "slow:2");
    await world.verb("Rollout", { image: NEW });
    await world.quiet();
    const [woken] = await world.sql<{ n: number }>(
      "SELECT count(*) AS n FROM sys_journal WHERE entry_type = 'Notification: Signal'",
    );
    expect(woken?.n).toBeGreaterThan(0);
    const { webhookUrl } = world.stack.slack;
    const secrets = [
      new URL(webhookUrl).pathname,
      new URL(world.stack.databaseUrl).password,
      "canary-bearer-token",
    ];
    const everything = JSON.stringify([
      await world.sql("SELECT entry_json, raw FROM sys_journal"),
      await world.sql("SELECT value_utf8 FROM state"),
      await world.sql("SELECT last_failure FROM sys_invocation"),
      world.stack.service.logs(),
    ]);
    for (const secret of secrets) {
      expect(everything).not.toContain(secret);
      expect(everything).not.toContain(Buffer.from(secret).toString("hex"));
    }
  });
});

describe("without a webhook", () => {
  it.override({ options: { sentinels: 1, env: { SLACK_SENTINEL_ROLLOUT_WEBHOOK_URL: "" } } });

  it("there are no messages and no errors", async ({ world }) => {
    expect((await world.verb("Rollout", { image: NEW })).body.state).toBe("completed");
    await world.quiet();
    expect(world.slack()).toEqual([]);
    expect(world.stack.service.logs().filter((line) => Number(line.level) >= 50)).toEqual([]);
  });
});
