import { execa } from "execa";
import { describe, expect } from "vitest";
import { freePort } from "../../src/local-stack/ports.ts";
import { until } from "../support/until.ts";
import { it, NEW } from "../support/world.ts";
import { CLI, watch } from "./command.ts";

/** `script` runs a command on a pseudo-terminal; util-linux and the BSDs take it differently. */
function scriptArgs(command: string): string[] {
  return process.platform === "linux"
    ? ["-qec", command, "/dev/null"]
    : ["-q", "/dev/null", "sh", "-c", command];
}

/** At a terminal with somebody before it, who presses keys by what is shown. */
function terminal(args: string) {
  const command = execa("script", scriptArgs(`stty cols 120 rows 40; ${process.execPath} ${CLI} ${args}`), {
    reject: false,
    stdin: "pipe",
    env: { USER: "alice" },
  });
  let shown = "";
  command.stdout.on("data", (data: Buffer) => {
    shown += data.toString();
  });
  const shows = (text: string) => until(`the terminal to show ${text}`, () => shown.includes(text));
  return {
    shows,
    /** Presses a key once this is shown, since the last key. */
    async press(key: string, once: string): Promise<void> {
      await shows(once);
      shown = "";
      command.stdin.write(key);
    },
    ends: async () => {
      const { exitCode, stdout } = await command;
      return { exitCode, stdout };
    },
    [Symbol.dispose]: () => {
      command.kill("SIGKILL");
    },
  };
}

describe("npm run watch", () => {
  it.override({ options: { sentinels: 6, env: { FAIL_FAST_SECONDS: "1" } } });

  it("writes plain lines without a terminal, until the rollout is completed", async ({ world }) => {
    await world.fault("sen_0002", "slow:2");
    const rollout = await world.start("Rollout", { image: NEW, wave_percentages: [50, 100] });
    await world.untilState("in progress", ({ state }) => state === "in_progress");
    const { exitCode, stdout, stderr } = await watch([], {
      RESTATE_URL: world.stack.ingress,
      RESTATE_TOKEN: "x",
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const lines = stdout.split("\n");
    expect(lines[0]).toMatch(
      /^\S+ ghcr.io\/unkeyed\/sentinel:v1.2.3 is in progress · .* · wave 1\/2: \d of 3 · \d in flight$/,
    );
    expect(lines.at(-1)).toMatch(/^\S+ Completed: 6 of 6 sentinels took /);
    expect(lines.at(-2)).toMatch(/is completed · 6 of 6 took it · \d+s elapsed · wave 2\/2: 3 of 3$/);
    expect(stdout).not.toContain("\u001b");
    await world.answer(rollout);
  });

  it("says when a wave soaks, and goes on until that is over", async ({ world }) => {
    const rollout = await world.start("Rollout", { image: NEW, wave_percentages: [100], soak_seconds: 4 });
    await world.untilState("it soaks", ({ state, told }) => state === "in_progress" && told.succeeded === 6);
    const { exitCode, stdout } = await watch([world.stack.ingress]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/ is soaking · 6 of 6 took it · .* · wave 1\/1: 6 of 6 · soaks [1-4]s more$/m);
    expect(stdout).toMatch(/Completed: 6 of 6 sentinels took /);
    await world.answer(rollout);
  });

  it("redraws in place on a terminal, and leaves the last picture", async ({ world }) => {
    await world.fault("sen_0002", "slow:3");
    await world.change("UPDATE sentinels SET k8s_name = 'gone' WHERE id = 'sen_0001'");
    await world.start("Rollout", { image: NEW, wave_percentages: [50, 100] });
    await world.untilState("in progress", ({ state }) => state === "in_progress");
    const command = `stty cols 120 rows 40; exec ${process.execPath} ${CLI} ${world.stack.ingress} --read-only`;
    const { exitCode, stdout } = await execa("script", scriptArgs(command), {
      reject: false,
      stdin: "ignore",
    });
    expect(exitCode).toBe(1);
    expect(stdout).toContain("▸ wave 1/2");
    expect(stdout).toContain("✗ sen_0001  Deployment gone not found");
    // It erases just the lines that it drew, and never the screen.
    expect(stdout).toContain("\u001b[2K");
    for (const whole of ["\u001b[2J", "\u001b[3J", "\u001b[?1049h"]) expect(stdout).not.toContain(whole);
    expect(stdout).toContain("is paused");
    // What kept it is shown without a key; keys there are none.
    expect(stdout).toMatch(/why they failed[\s\S]*1 × Deployment gone not found/);
    expect(stdout).not.toContain("keys:");
  });

  it("takes keys at a terminal: each asks once, and what it sends is about what was seen", async ({
    world,
  }) => {
    await world.fault("sen_0001", "CreateContainerConfigError");
    const { body } = await world.verb("Rollout", { image: NEW, wave_percentages: [50, 100] });
    const { rollout_id, state } = body;
    expect(state).toBe("paused");
    const question = (verb: string) => `? ${verb} rollout ${rollout_id} of ${NEW} in wave 1? y/n`;
    using screen = terminal(world.stack.ingress);
    // What kept it needs no key.
    await screen.shows("why they failed");
    await screen.press("p", "keys: r resume · c cancel");
    await screen.press("r", "Pause is not legal now: Resume, RetryFailed, ");
    await screen.press("n", question("Resume"));
    await screen.shows("Resume was not sent.");
    expect((await world.status()).state).toBe("paused");
    await screen.press("r", "Resume was not sent.");
    // Somebody else was faster.
    await screen.shows(question("Resume"));
    await world.verb("Cancel");
    await screen.press("y", "is cancelled");
    await screen.shows("Resume was refused (409): ");
    expect((await screen.ends()).exitCode).toBe(1);
    expect((await world.status()).state).toBe("cancelled");
  });

  it("takes Resume and Cancel, and goes on showing what becomes of them", async ({ world }) => {
    await world.fault("sen_0001", "CreateContainerConfigError");
    await world.fault("sen_0005", "slow:8");
    const { body } = await world.verb("Rollout", { image: NEW, wave_percentages: [50, 100] });
    expect(body.state).toBe("paused");
    using screen = terminal(world.stack.ingress);
    await screen.press("r", "keys: r resume");
    await screen.press("y", "? Resume rollout");
    await screen.shows("Resume was taken: inv_");
    await screen.press("c", "▸ wave 2/2");
    await screen.press("y", "in wave 2? y/n");
    await screen.shows("Cancel: Cancelled: ");
    expect((await screen.ends()).exitCode).toBe(1);
    expect((await world.status()).state).toBe("cancelled");
    // The Resume is an invocation of its own: it outlives the view.
    await world.quiet();
  });

  it("takes Pause while a wave runs, and Abort after it", async ({ world }) => {
    await world.fault("sen_0003", "slow:20", NEW);
    const rollout = await world.start("Rollout", { image: NEW, wave_percentages: [50, 100] });
    await world.untilState("two are done", ({ told }) => told.succeeded === 2);
    using screen = terminal(world.stack.ingress);
    await screen.press("p", "keys: p pause");
    await screen.press("y", "? Pause rollout");
    await screen.shows("Pause: ");
    expect((await world.answer(rollout)).body).toMatchObject({ state: "paused", succeeded: 3, failed: 0 });
    await screen.press("a", "is paused");
    await screen.press("y", "? Abort rollout");
    await screen.shows("Cancelled and rolled back: ");
    expect((await screen.ends()).exitCode).toBe(1);
    await world.quiet();
    expect(await world.status()).toMatchObject({ state: "cancelled", succeeded: 3, reverted: 3 });
  });

  it("gives the terminal back at Ctrl-C and at q", async ({ world }) => {
    await world.fault("sen_0001", "CreateContainerConfigError");
    await world.verb("Rollout", { image: NEW, wave_percentages: [50, 100] });
    for (const [key, code] of [
      ["\u0003", 130],
      ["q", 1],
    ] as const) {
      using screen = terminal(`${world.stack.ingress}; c=$?; stty -a | grep -o ' icanon'; exit $c`);
      await screen.press(key, "keys: r resume");
      const { exitCode, stdout } = await screen.ends();
      expect({ exitCode, cooked: stdout.trimEnd().endsWith(" icanon") }).toEqual({
        exitCode: code,
        cooked: true,
      });
    }
  });

  it("without a terminal names each failing sentinel once, and says at the end why it paused", async ({
    world,
  }) => {
    await world.fault("sen_0002", "slow:3");
    await world.change("UPDATE sentinels SET k8s_name = 'gone' WHERE id = 'sen_0001'");
    await world.start("Rollout", { image: NEW, wave_percentages: [50, 100] });
    await world.untilState("in progress", ({ state }) => state === "in_progress");
    const { exitCode, stdout } = await watch([world.stack.ingress]);
    expect(exitCode).toBe(1);
    const failures = stdout.split("\n").filter((each) => each.includes("✗"));
    expect(failures).toEqual([expect.stringMatching(/^\S+ ✗ sen_0001 {2}Deployment gone not found/)]);
    const { guard } = await world.status();
    expect(stdout.split("\n").at(-2)).toMatch(new RegExp(`^\\S+ guard: ${JSON.stringify(guard)}$`));
    expect(stdout.split("\n").at(-1)).toMatch(
      /^\S+ Paused in wave 1 of 2: 1 of 3 sentinels failed\. .* Resume: go on with wave 2; the 1 failed is not retried\. .*RollbackAll: revert the 2 that took it\. The failed sentinel, which RollbackAll leaves alone, is not set to the image\.$/,
    );
  });

  it("says in one line what is wrong with the ingress", async ({ world }) => {
    const nobody = `http://127.0.0.1:${await freePort()}`;
    for (const [args, problem] of [
      [[nobody], `the ingress ${nobody} does not answer (ECONNREFUSED)`],
      [[world.stack.admin], `the ingress ${world.stack.admin} does not know hydra.v1.SentinelRolloutService`],
      [[], "which ingress? Give its http(s) URL, or set RESTATE_URL."],
      [["--fast"], "Unknown option '--fast'; see --help"],
      [[nobody, nobody], "one ingress URL is enough; see --help"],
    ] as const) {
      const { exitCode, stderr, stdout } = await watch([...args]);
      expect({ exitCode, stderr, stdout }).toEqual({ exitCode: 2, stderr: problem, stdout: "" });
    }
  });

  it("says that nothing has run yet", async ({ world }) => {
    const { exitCode, stdout } = await watch([world.stack.ingress]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/No rollout has run yet\.$/);
  });
});
