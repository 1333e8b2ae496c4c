/** `npm run soak -- --minutes 30 [--seed N]`: random verbs, faults and fleets, and a summary. Exit code 1: a violation. */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { FAULTS, RARE_FAULTS } from "./faults/index.ts";
import { soak } from "./harness/soak.ts";

const { values } = parseArgs({ options: { minutes: { type: "string" }, seed: { type: "string" } } });
const minutes = Number(values.minutes ?? 30);
const seed = Number(values.seed ?? randomInt(2 ** 31));
if (!(minutes > 0) || !Number.isInteger(seed)) {
  process.stderr.write("usage: npm run soak -- --minutes 30 [--seed N]\n");
  process.exit(2);
}
const log = (line: string) => process.stdout.write(`${new Date().toISOString()} ${line}\n`);
log(`seed ${seed}`);
const summary = await soak({ length: { minutes }, seed, faults: FAULTS, rareFaults: RARE_FAULTS, log });
process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
process.exit(summary.violations.length === 0 ? 0 : 1);
