import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { call } from "../../src/local-stack/restate-api.ts";
import { startStack } from "../../src/local-stack/stack.ts";
import { type Command, startCommand } from "../support/commands.ts";
import { isAlive } from "../support/processes.ts";
import { until } from "../support/until.ts";

const ROLLOUT = "hydra.v1.SentinelRolloutService/singleton";

let command: Command | undefined;
afterEach(async () => {
  await command?.end();
  command = undefined;
});

async function start(script: string, args: string[], env?: Record<string, string>): Promise<Command> {
  command = await startCommand(script, args, env);
  return command;
}

describe("the stack", () => {
  it("is usable when it has started, and gone when it has stopped", async () => {
    const stack = await startStack({ sentinels: 3 });
    const pids = [stack.mysql.process, stack.restate.process, stack.service.process].map(
      (each) => each?.pid ?? 0,
    );
    try {
      const { body } = await call(stack.ingress, `${ROLLOUT}/Rollout`, { image: "x:new" });
      expect(body).toMatchObject({ state: "completed", succeeded: 3 });
      expect(stack.slack.messages.length).toBeGreaterThan(0);
    } finally {
      await stack.stop();
    }
    expect(await Promise.all(pids.map(isAlive))).toEqual([false, false, false]);
    expect(existsSync(stack.directory)).toBe(false);
    await expect(call(stack.ingress, `${ROLLOUT}/Status`)).rejects.toThrow();
  });

  it("finishes what was running when the service is killed and started again", async () => {
    const stack = await startStack({
      sentinels: 4,
      faults: [{ sentinelId: "sen_0002", fault: "slow:2" }],
      faultImage: "x:new",
    });
    try {
      const rollout = call(stack.ingress, `${ROLLOUT}/Rollout`, { image: "x:new" });
      await until("the second wave", async () => {
        const { body } = await call<{ wave: number }>(stack.ingress, `${ROLLOUT}/Status`);
        return body.wave === 2;
      });
      await stack.service.process.signal("SIGKILL");
      await stack.service.process.start();
      expect((await rollout).body).toMatchObject({ state: "completed", succeeded: 4 });
    } finally {
      await stack.stop();
    }
  });

  it("does not start with a variable of the service that is wrong, and names it", async () => {
    const failure = startStack({ env: { MAX_IN_FLIGHT: "many", LOG_LEVEL: "loud" } });
    await expect(failure).rejects.toThrow(/MAX_IN_FLIGHT.*LOG_LEVEL/s);
  });

  it("names a port that was asked for and is in use", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as { port: number };
    await expect(startStack({ env: { PORT: String(port) } })).rejects.toThrow(`PORT: port ${port} is in use`);
    taken.close();
  });
});

describe("npm run dry-run", () => {
  it("answers with one JSON object, and 0 when the rollout completed", async () => {
    const { ended } = await start("dry-run.ts", ["--json", "--sentinels", "4", "--waves", "50,100"]);
    const { code, stdout, stderr } = await ended;
    expect(code, stderr).toBe(0);
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ rollout: { state: "completed", total: 4, waves: 2, failures: [] } });
    expect(result.seconds).toBeGreaterThan(0);
    expect(result.slack).toHaveLength(6);
    expect(await command?.leftovers()).toEqual([]);
  });

  it("tells the story of a rollout that paused as told, and answers 0", async () => {
    const args = [
      "--sentinels",
      "6",
      "--waves",
      "50,100",
      "--fail",
      "sen_0002:CrashLoopBackOff",
      "--fail",
      "sen_0005",
    ];
    const { code, stdout, stderr } = await (await start("dry-run.ts", args)).ended;
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("wave 1/2 over: 2 ready, 1 failed");
    expect(stdout).toContain("wave 2/2  3 sentinels     not started");
    expect(stdout).toMatch(/sen_0002 {2}CrashLoopBackOff/);
    expect(stdout).toMatch(/Sentinel rollout paused in wave 1\/2/);
  });

  it.each([
    ["pauses", [], { state: "paused", pause_kind: "regression" }, "Next:*\n• *Resume* – soak the "],
    [
      "is rolled back by itself",
      ["--on-failure", "rollback"],
      { state: "cancelled", reverted: 2 },
      "Next:* *RollbackAll* begins by itself",
    ],
  ])("answers 0 when a sentinel breaks in a soak as told, and the rollout %s", async (_, more, end, next) => {
    const args = ["--json", "--sentinels", "4", "--waves", "50,100", "--fail", "sen_0001:crash-after:1"];
    const { ended } = await start("dry-run.ts", [...args, "--soak", "20", ...more]);
    const { code, stdout, stderr } = await ended;
    expect(code, stderr).toBe(0);
    expect(stderr).toContain("wave 1/2 soaks until ");
    const result = JSON.parse(stdout);
    expect(result.end).toMatchObject({
      ...{ wave: 1, total: 4, succeeded: 2, failed: 0, regressed: 1, ...end },
      regressions: [
        { sentinel_id: "sen_0001", reason: expect.stringMatching(/^CrashLoopBackOff: .*OOMKilled/) },
      ],
    });
    const paused = result.slack.filter(({ text }: { text: string }) =>
      text.startsWith("Sentinel rollout paused"),
    );
    expect(paused).toHaveLength(1);
    expect(paused[0].text).toContain(
      "updated: 1 of 2 unhealthy; not yet updated: 0 of 2 unhealthy: probably the image",
    );
    expect(paused[0].text).toContain(next);
    expect(await command?.leftovers()).toEqual([]);
  });

  it("answers 1 when the rollout did not end as told", async () => {
    const args = ["--sentinels", "2", "--fail", "sen_0001:slow:30"];
    const { ended } = await start("dry-run.ts", args, { DEPLOY_TIMEOUT_SECONDS: "2" });
    const { code, stderr } = await ended;
    expect(code).toBe(1);
    expect(stderr).toContain("expected the rollout to end completed, it ended paused");
  });

  it("refuses what it does not understand in one line", async () => {
    const { code, stdout, stderr } = await (await start("dry-run.ts", ["--waves", "50,10,100"])).ended;
    expect([code, stdout, stderr]).toEqual([2, "", "--waves: must be greater than the 50 before it\n"]);
  });

  it("names a sentinel to fail that the fleet does not have", async () => {
    const { ended } = await start("dry-run.ts", ["--sentinels", "5", "--fail", "sen_6"]);
    const { code, stderr } = await ended;
    expect(code).toBe(1);
    expect(stderr).toBe("--fail sen_6: no such sentinel; the fleet is sen_0001 to sen_0005\n");
  });

  it("never uses another stack's addresses that its shell has set", async () => {
    const other = await startStack();
    try {
      const env = {
        RESTATE_URL: other.ingress,
        RESTATE_ADMIN_URL: other.admin,
        KUBECONFIG: other.kubeconfig,
      };
      const { ended } = await start("dry-run.ts", ["--json", "--sentinels", "2"], env);
      const { code, stderr } = await ended;
      expect(code, stderr).toBe(0);
      for (const name of Object.keys(env)) expect(stderr).toContain(`${name} of this shell is not used`);
    } finally {
      await other.stop();
    }
  });
});

describe("npm run dev", () => {
  async function startDev(): Promise<{ dev: Command; where: Record<string, string> }> {
    const dev = await start("dev.ts", ["--json", "--sentinels", "2"], { RESTATE_TOKEN: "t" });
    return { dev, where: JSON.parse(await dev.firstLine()) };
  }

  it("says where everything is, and removes it all on SIGTERM", async () => {
    const { dev, where } = await startDev();
    expect(where.ready).toBe(true);
    expect((await call(where.ingress ?? "", `${ROLLOUT}/Status`)).body).toMatchObject({ state: "idle" });
    expect((await fetch(where.ui ?? "")).status).toBe(200);
    expect((await fetch(`${where.health}/readyz`)).status).toBe(200);
    expect(await (await fetch(where.slack ?? "")).json()).toEqual([]);
    expect(existsSync(where.kubeconfig ?? "")).toBe(true);

    dev.signal("SIGTERM");
    const { code, stderr } = await dev.ended;
    expect(code, stderr).toBe(0);
    expect(await dev.leftovers()).toEqual([]);
  });

  it("leaves nothing behind when it is killed with -9", async () => {
    const { dev } = await startDev();
    expect(await dev.leftovers()).not.toEqual([]);
    dev.signal("SIGKILL");
    await dev.ended;
    await until("everything to be removed", async () => (await dev.leftovers()).length === 0);
  });
});
