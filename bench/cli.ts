import { parseArgs } from "node:util";
import { UsageError } from "../src/local-stack/options.ts";
import { runCommand } from "../src/local-stack/run-command.ts";
import type { BenchCase, Measurement } from "./case.ts";
import { CASES } from "./cases/index.ts";
import { asJson, asTable } from "./report.ts";

const HELP = `npm run bench -- [options]
  --case a,b      only these: ${CASES.map(({ name }) => name).join(", ")}
  --size SIZE     full (default), or small: a few sentinels, only to see that it works
  --runs N        values that each median is taken of (default 3)
  --sentinels N   of the case memory
  --memory-limit MIB, --heap MIB
                  likewise: runs the service in a cgroup of this size (as root), and with this --max-old-space-size
  --json          one JSON object on stdout, progress on stderr
  --help          this text`;

const SMALL_AT_ONCE = 3;

/** `npm run bench`: measures, prints a table or JSON. */
async function main(signal: AbortSignal): Promise<number> {
  const { values } = parse(process.argv.slice(2));
  if (values.help === true) {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  const size = values.size ?? "full";
  if (size !== "full" && size !== "small") throw new UsageError(`--size ${size}: must be full or small`);
  const runs = Number(values.runs ?? (size === "full" ? 3 : 1));
  if (!Number.isInteger(runs) || runs < 1) throw new UsageError(`--runs ${values.runs}: must be 1 or more`);
  const own = Object.fromEntries(
    (["sentinels", "memory-limit", "heap"] as const).flatMap((name) => {
      const value = values[name];
      if (value === undefined) return [];
      if (!/^[1-9]\d*$/.test(value)) throw new UsageError(`--${name} ${value}: must be 1 or more`);
      return [[name === "memory-limit" ? "memoryLimit" : name, Number(value)]];
    }),
  );
  const waiting = chosen(values.case).values();
  const measured = new Map<BenchCase, Measurement[]>();
  const worker = async () => {
    for (const each of waiting) {
      signal.throwIfAborted();
      const log = (line: string) => process.stderr.write(`${each.name}: ${line}\n`);
      log(each.compares);
      measured.set(each, await each.measure({ size, runs, log, ...own }));
    }
  };
  // Nothing is measured at the small size: there several run at once.
  await Promise.all(Array.from({ length: size === "full" ? 1 : SMALL_AT_ONCE }, worker));
  const measurements = chosen(values.case).flatMap((each) => measured.get(each) ?? []);
  process.stdout.write(values.json === true ? asJson(measurements) : asTable(measurements));
  return 0;
}

function chosen(names: string | undefined) {
  if (names === undefined) return CASES;
  return names.split(",").map((name) => {
    const found = CASES.find((each) => each.name === name.trim());
    if (found === undefined) {
      throw new UsageError(`--case ${name}: must be one of ${CASES.map((each) => each.name).join(", ")}`);
    }
    return found;
  });
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        case: { type: "string" },
        size: { type: "string" },
        runs: { type: "string" },
        sentinels: { type: "string" },
        "memory-limit": { type: "string" },
        heap: { type: "string" },
        json: { type: "boolean" },
        help: { type: "boolean" },
      },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${HELP}`);
  }
}

runCommand(main);
