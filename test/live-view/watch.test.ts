import { execa } from "execa";
import { describe, expect } from "vitest";
import { freePort } from "../../src/local-stack/ports.ts";
import { it, NEW } from "../support/world.ts";
import { CLI, watch } from "./command.ts";

/** `script` runs a command on a pseudo-terminal; util-linux and the BSDs take it differently. */
function scriptArgs(command: string): string[] {
  return process.platform === "linux"
    ? ["-qec", command, "/dev/null"]
    : ["-q", "/dev/null", "sh", "-c", command];
}

describe("npm run watch", () => {
  it.override({ options: { sentinels: 6 } });

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

  it("redraws in place on a terminal, and leaves the last picture", async ({ world }) => {
    await world.fault("sen_0002", "slow:3");
    await world.change("UPDATE sentinels SET k8s_name = 'gone' WHERE id = 'sen_0001'");
    await world.start("Rollout", { image: NEW, wave_percentages: [50, 100] });
    await world.untilState("in progress", ({ state }) => state === "in_progress");
    const command = `stty cols 120 rows 40; exec ${process.execPath} ${CLI} ${world.stack.ingress}`;
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
