import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import { find } from "../../src/local-stack/mysql-binaries.ts";
import { canInstall, SAYS_NO } from "../../src/local-stack/mysql-install.ts";

/** A program that some of the tests of `npm run test:all` run, and Debian's package that brings it. */
interface Tool {
  program: string;
  package: string;
  /** It needs more packages beside it. The others are only unpacked: installing nginx would start a server. */
  installed?: true;
  needed: string;
}

const TOOLS: readonly Tool[] = [
  { program: "chromium", package: "chromium", installed: true, needed: "the test of the playground" },
  { program: "kubectl", package: "kubernetes-client", needed: "the tests of the embedded Kubernetes API" },
  { program: "nginx", package: "nginx", needed: "the tests of the gateway" },
  { program: "promtool", package: "prometheus", needed: "the tests of the alerts" },
];

/** Before all tests: what is missing is brought, and gone again after them, but for what has to be installed. */
export default async function setup(): Promise<() => Promise<void>> {
  const missing = TOOLS.filter(({ program }) => find(program) === undefined);
  const mayInstall = process.env[SAYS_NO] !== "1" && canInstall();
  if (missing.length > 0 && !mayInstall) {
    const lines = missing.map(
      (tool) => `  ${tool.program}: ${tool.needed} (Debian: apt-get install ${tool.package})`,
    );
    throw new Error(`These programs are missing, and are not installed here:\n${lines.join("\n")}`);
  }
  const directory = await mkdtemp(join(tmpdir(), "sentinel-rollout-tools-"));
  try {
    if (missing.length > 0) await bring(missing, directory);
  } catch (error) {
    await rm(directory, { recursive: true });
    throw error;
  }
  const brought = ["usr/bin", "usr/sbin"].map((part) => join(directory, part));
  process.env.PATH = [process.env.PATH, ...brought].join(delimiter);
  return () => rm(directory, { recursive: true });
}

async function bring(missing: readonly Tool[], directory: string): Promise<void> {
  process.stdout.write(
    `bringing ${missing.map(({ program }) => program).join(", ")} (${SAYS_NO}=1 says no)\n`,
  );
  // An old list may name packages that are gone; an unreachable one is no reason to give up.
  await apt(["update"], { reject: false });
  const names = (some: readonly Tool[]) => some.map((tool) => tool.package);
  const installed = names(missing.filter((tool) => tool.installed));
  if (installed.length > 0) await apt(["install", "-y", "--no-install-recommends", ...installed]);
  const unpacked = names(missing.filter((tool) => !tool.installed));
  if (unpacked.length === 0) return;
  await apt(["download", ...unpacked], { cwd: directory });
  for (const file of await readdir(directory)) {
    if (file.endsWith(".deb")) await execa("dpkg", ["-x", file, "."], { cwd: directory });
  }
}

/** Waits for whoever else is installing. */
async function apt(args: string[], options: { cwd?: string; reject?: boolean } = {}): Promise<void> {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await execa("apt-get", ["-q", "-o", "DPkg::Lock::Timeout=300", ...args], {
    env,
    timeout: 600_000,
    ...options,
  });
}
