import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { Cluster, until } from "../support/kubernetes-api.ts";

const hasKubectl = spawnSync("kubectl", ["version", "--client"]).status === 0;

export interface Kubectl {
  cluster: Cluster;
  /** Runs it in the test's namespace. */
  run(...args: string[]): Promise<{ stdout: string; stderr: string; exitCode?: number | undefined }>;
  /** What it printed, in columns; it has to succeed. */
  rows(...args: string[]): Promise<string[][]>;
  /**
   * For `-w`, which does not end by itself: each step is tried on what was printed so far until it does not throw any
   * more; after the last one kubectl is ended.
   */
  follow(args: string[], steps: ((rows: string[][]) => Promise<void> | void)[]): Promise<string[][]>;
  stop(): Promise<void>;
}

/** The real kubectl, talking to the cluster under test. */
export async function startKubectl(): Promise<Kubectl> {
  if (!hasKubectl) throw new Error("kubectl is not on the PATH: npm run test:all brings it");
  const cluster = await Cluster.start();
  const home = await mkdtemp(join(tmpdir(), "kubectl-test-"));
  const config = join(home, "config");
  await cluster.writeKubeconfig(config);
  const options = {
    reject: false,
    timeout: 40_000,
    extendEnv: false,
    // An own HOME: kubectl keeps what it learned about a server in a cache there.
    env: { PATH: process.env.PATH ?? "", HOME: home, KUBECONFIG: config },
  } as const;
  return {
    cluster,
    run: (...args) => execa("kubectl", args, options),
    async rows(...args) {
      const { stdout, stderr, exitCode } = await execa("kubectl", args, options);
      if (exitCode !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
      return columns(stdout);
    },
    async follow(args, steps) {
      const running = execa("kubectl", args, options);
      let printed = "";
      running.stdout.on("data", (text: Buffer) => {
        printed += text;
      });
      try {
        for (const step of steps) await until(() => step(columns(printed)));
        return columns(printed);
      } finally {
        running.kill();
        await running;
      }
    },
    async stop() {
      await cluster.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

function columns(output: string): string[][] {
  return output
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => line.trim().split(/\s{2,}/));
}
