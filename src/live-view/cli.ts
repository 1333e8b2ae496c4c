import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { reasonOf } from "../util/reason.ts";
import { checkIngress, IngressError, readStatus } from "./ingress.ts";
import { showOn } from "./show.ts";
import { running } from "./view.ts";

const USAGE = `npm run watch -- [INGRESS URL] [--follow]

Shows the rollout live, until it is completed, paused or cancelled. The URL defaults to RESTATE_URL; the bearer token is
taken from RESTATE_TOKEN.
  --follow   goes on until Ctrl-C

Exit code: 0 completed, or nothing has ever run; 1 paused or cancelled; 2 wrong use, or no rollout service there;
130 Ctrl-C, 143 SIGTERM.`;

const POLL_MS = 500;

async function main(signal: AbortSignal): Promise<number> {
  const { url, follow, help } = options();
  if (help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const token = process.env.RESTATE_TOKEN?.trim() || undefined;
  checkIngress(url, token);
  const show = showOn(process.stdout);
  let seen = await readStatus(url, token, signal);
  for (let trouble: string | undefined; ; ) {
    show(seen, trouble);
    if (!follow && !running(seen)) return ["completed", "idle"].includes(seen.state) ? 0 : 1;
    await sleep(POLL_MS, undefined, { signal });
    try {
      seen = await readStatus(url, token, signal);
      trouble = undefined;
    } catch (error) {
      // What was seen once is there: the ingress comes back.
      if (!(error instanceof IngressError) || !error.passing) throw error;
      trouble = `${error.message}; trying again`;
    }
  }
}

function options(): { url: string; follow: boolean; help: boolean } {
  const { values, positionals } = parsed();
  if (positionals.length > 1) throw new Error("one ingress URL is enough; see --help");
  return { url: positionals[0] ?? process.env.RESTATE_URL ?? "", ...values };
}

function parsed() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        follow: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    // Node adds advice about positional arguments that helps nobody here.
    throw new Error(`${error instanceof Error ? error.message.split(". ")[0] : "wrong options"}; see --help`);
  }
}

const stop = new AbortController();
const signals = { SIGINT: 130, SIGTERM: 143 } as const;
let stopCode: number | undefined;
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () => {
    stopCode = signals[name];
    stop.abort();
  });
}
// Whoever read it has gone, like `| head`.
process.stdout.once("error", () => process.exit(2));
try {
  process.exitCode = await main(stop.signal);
} catch (error) {
  process.exitCode = stopCode ?? 2;
  if (stopCode === undefined) process.stderr.write(`${reasonOf(error, "failed")}\n`);
}
