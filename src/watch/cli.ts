import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createLogUpdate } from "log-update";
import type { StatusResponse } from "../restate/schemas.ts";
import { IngressError, readStatus } from "./ingress.ts";
import { line, screen, wavesOf } from "./view.ts";

const USAGE = `npm run watch -- [INGRESS URL] [--follow]

Shows the rollout live, until it is completed, paused or cancelled. The URL defaults to RESTATE_URL; the bearer token is
taken from RESTATE_TOKEN.
  --follow   goes on until Ctrl-C

Exit code: 0 completed, or nothing has ever run; 1 paused or cancelled; 2 wrong use, or no rollout service there; 130 Ctrl-C.`;

const POLL_MS = 500;
/** Without a terminal a line is written when the state or the wave changes, and in between at most so often (ms). */
const LINE_EVERY_MS = 10_000;

async function main(signal: AbortSignal): Promise<number> {
  const { url, follow, help } = options();
  if (help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const token = process.env.RESTATE_TOKEN || undefined;
  // A terminal without a width cannot be redrawn in place.
  const { stdout } = process;
  const show = stdout.isTTY && stdout.columns > 0 ? bars(stdout) : lines(stdout);
  let seen: StatusResponse | undefined;
  for (;;) {
    try {
      seen = await readStatus(url, token, signal);
      show(seen);
      if (!follow && isOver(seen)) return ["completed", "idle"].includes(seen.state) ? 0 : 1;
    } catch (error) {
      // What was seen once is there: the ingress comes back.
      if (!(error instanceof IngressError) || !error.passing || seen === undefined) throw error;
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

function options(): { url: string; follow: boolean; help: boolean } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { follow: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
  });
  const url = positionals[0] ?? process.env.RESTATE_URL ?? "";
  if (!values.help && !/^https?:$/.test(URL.parse(url)?.protocol ?? "")) {
    throw new Error("which ingress? Give its http(s) URL, or set RESTATE_URL.");
  }
  return { url, ...values };
}

function isOver({ state }: StatusResponse): boolean {
  return state !== "in_progress" && state !== "rolling_back";
}

type Show = (status: StatusResponse) => void;

/** Redraws in place: what the terminal showed before stays where it is. */
function bars(out: NodeJS.WriteStream): Show {
  const draw = createLogUpdate(out);
  process.once("exit", () => draw.done());
  return (status) => draw(screen(status, Date.now(), out.columns).join("\n"));
}

function lines(out: NodeJS.WriteStream): Show {
  let last = "";
  let lastMs = 0;
  return (status) => {
    const done = wavesOf(status).reduce((sum, wave) => sum + wave.done, 0);
    const step = `${status.rollout_id} ${status.state} ${status.wave}`;
    const moved = `${step} ${done} ${status.failed} ${status.reverted}`;
    const due = Date.now() - lastMs >= LINE_EVERY_MS;
    if (last === moved || (last.startsWith(`${step} `) && !due)) return;
    last = moved;
    lastMs = Date.now();
    out.write(`${new Date().toISOString()} ${line(status, Date.now())}\n`);
  };
}

const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
process.once("SIGTERM", () => stop.abort());
try {
  process.exitCode = await main(stop.signal);
} catch (error) {
  process.exitCode = stop.signal.aborted ? 130 : 2;
  if (!stop.signal.aborted) process.stderr.write(`${error instanceof Error ? error.message : "failed"}\n`);
}
