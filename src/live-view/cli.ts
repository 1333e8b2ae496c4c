import type { ReadStream } from "node:tty";
import { parseArgs } from "node:util";
import { reasonOf } from "../util/reason.ts";
import { checkIngress } from "./ingress.ts";
import { openKeyboard } from "./keyboard.ts";
import { isScreen, showOn } from "./show.ts";
import { watch } from "./watch.ts";

const USAGE = `npm run watch -- [INGRESS URL] [--follow] [--read-only]

Shows the rollout live, until it is completed, paused or cancelled. The URL defaults to RESTATE_URL; the bearer token is
taken from RESTATE_TOKEN.
  --follow      goes on until Ctrl-C
  --read-only   takes no keys

On a terminal it takes keys: p pause, r resume, c cancel, a abort, f retry failed (each where it is legal, and after a
question), d detail, q quit. A paused rollout does not end it then.

Exit code: 0 completed, or nothing has ever run; 1 paused or cancelled; 2 wrong use, or no rollout service there;
130 Ctrl-C, 143 SIGTERM. With q: 0 while the rollout runs.`;

async function main(signal: AbortSignal): Promise<number> {
  const { url, follow, help, "read-only": readOnly } = options();
  if (help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const token = process.env.RESTATE_TOKEN?.trim() || undefined;
  checkIngress(url, token);
  const screen = isScreen(process.stdout);
  const keyboard =
    screen && process.stdin.isTTY && !readOnly
      ? openKeyboard(process.stdin as ReadStream, () => process.kill(process.pid, "SIGINT"))
      : undefined;
  try {
    const ingress = { url, token };
    const show = showOn(process.stdout);
    const { state } = await watch({ ingress, show, follow, screen, keyboard, signal });
    return state === "paused" || state === "cancelled" ? 1 : 0;
  } finally {
    keyboard?.close();
  }
}

function options(): { url: string; follow: boolean; "read-only": boolean; help: boolean } {
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
        "read-only": { type: "boolean", default: false },
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
  // Not once: the drawing ends the process by the signal, with the terminal as it is then, where nobody else listens.
  process.on(name, () => {
    stopCode = signals[name];
    stop.abort();
  });
}
// The reader of the output has gone, like `| head`.
process.stdout.once("error", () => process.exit(2));
try {
  process.exitCode = await main(stop.signal);
} catch (error) {
  process.exitCode = stopCode ?? 2;
  if (stopCode === undefined) process.stderr.write(`${reasonOf(error, "failed")}\n`);
}
