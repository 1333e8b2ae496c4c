import { createLogUpdate } from "log-update";
import type { StatusResponse } from "../restate/rollout-schemas.ts";
import { isSoaking, regressionRow } from "./soak-rows.ts";
import {
  type Beside,
  failureRow,
  frozenLine,
  guardLines,
  line,
  plain,
  running,
  screen,
  wavesOf,
} from "./view.ts";

/** Without a terminal a line is written when the state or the wave changes, and in between at most once in this time (ms). */
const LINE_EVERY_MS = 10_000;

/** Shows a rollout as it is now. */
export type Show = (status: StatusResponse, beside?: Beside) => void;

/** A terminal without a width cannot be redrawn in place. */
export function isScreen(out: NodeJS.WriteStream): boolean {
  return out.isTTY && out.columns > 0;
}

/** Bars on a terminal, lines elsewhere. */
export function showOn(out: NodeJS.WriteStream): Show {
  return isScreen(out) ? bars(out) : lines(out);
}

/** Redraws in place: what the terminal showed before stays where it is, and so does the end of each rollout. */
function bars(out: NodeJS.WriteStream): Show {
  const draw = createLogUpdate(out);
  process.once("exit", () => draw.done());
  let rollout: string | undefined;
  return (status, beside) => {
    if (rollout !== undefined && rollout !== status.rollout_id) draw.done();
    rollout = status.rollout_id;
    draw(screen(status, Date.now(), out, beside).join("\n"));
  };
}

function lines(out: NodeJS.WriteStream): Show {
  const tell = (text: string) => out.write(`${new Date().toISOString()} ${plain(text)}\n`);
  const told = new Set<string>();
  let last = "";
  let lastMs = 0;
  let lastTrouble: string | undefined;
  let lastFrozen = "";
  return (status, { trouble } = {}) => {
    if (trouble !== undefined && trouble !== lastTrouble) tell(`! ${trouble}`);
    lastTrouble = trouble;
    const frozen = status.frozen === null ? "" : frozenLine(status.frozen);
    if (frozen !== lastFrozen) tell(frozen === "" ? "no longer frozen" : frozen);
    lastFrozen = frozen;
    for (const failure of status.failures) {
      const key = `${status.rollout_id} ${failure.sentinel_id} ${failure.reason}`;
      if (!told.has(key)) tell(failureRow(failure).trimStart());
      told.add(key);
    }
    for (const each of status.regressions) {
      const key = `${status.rollout_id} ${each.sentinel_id} ${each.since} ${each.recovered}`;
      if (!told.has(key)) tell(regressionRow(each).trimStart());
      told.add(key);
    }
    const done = wavesOf(status).reduce((sum, wave) => sum + wave.done, 0);
    const step = `${status.rollout_id} ${status.state} ${status.wave} ${isSoaking(status)}`;
    const progressed = `${step} ${done} ${status.failed} ${status.reverted}`;
    const due = Date.now() - lastMs >= LINE_EVERY_MS;
    if (last === progressed || (last.startsWith(`${step} `) && !due)) return;
    const first = !last.startsWith(`${step} `);
    last = progressed;
    lastMs = Date.now();
    tell(line(status, Date.now()));
    if (first) for (const guard of guardLines(status)) tell(guard);
    if (!running(status) && status.started_at !== null) tell(status.message);
  };
}
