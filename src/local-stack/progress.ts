import { setTimeout as delay } from "node:timers/promises";
import { createLogUpdate } from "log-update";
import type { RolloutState } from "../domain/state.ts";
import { screen } from "../live-view/view.ts";
import type { StatusResponse } from "../restate/rollout-schemas.ts";
import { call, readState } from "./restate-api.ts";

/** One wave, as it was seen from outside. */
export interface WaveProgress {
  size: number;
  succeeded: number;
  failed: number;
  /** Unix ms; undefined before it started, or when it was too quick to be seen. */
  startedAtMs?: number;
}

/** What is known of a running rollout. */
export interface RolloutProgress {
  waves: WaveProgress[];
  /** 0-based. */
  current: number;
  status: StatusResponse;
}

export const ROLLOUT = "hydra.v1.SentinelRolloutService/singleton";
const POLL_MS = 150;

/**
 * Follows a rollout until `over` is done, and shows what moves: bars on a terminal, else a line for each step.
 * Resolves to the last progress seen, undefined when there was none.
 */
export async function followRollout(
  stack: { ingress: string; admin: string },
  over: Promise<unknown>,
  out: NodeJS.WriteStream,
): Promise<RolloutProgress | undefined> {
  const show = out.isTTY && out.columns > 0 ? bars(out) : lines(out);
  const starts = new Map<number, number>();
  let last: RolloutProgress | undefined;
  let isOver = false;
  const end = over.then(
    () => undefined,
    () => undefined,
  );
  void end.then(() => {
    isOver = true;
  });
  for (let final = false; !final; ) {
    await Promise.race([delay(POLL_MS), end]);
    final = isOver;
    const seen = await look(stack, starts);
    if (seen === undefined) continue;
    last = seen;
    show(seen, final);
  }
  return last;
}

async function look(
  { ingress, admin }: { ingress: string; admin: string },
  starts: Map<number, number>,
): Promise<RolloutProgress | undefined> {
  const status = await call<StatusResponse>(ingress, `${ROLLOUT}/Status`);
  const [service = "", key = ""] = ROLLOUT.split("/");
  const state = await readState<RolloutState>(admin, service, key, "rolloutState");
  if (status.status !== 200 || state === undefined) return undefined;
  starts.set(state.currentWave, state.waveStartedAtMs);
  const waves = state.waves.map(({ size, succeeded, failed }, index): WaveProgress => {
    const startedAtMs = starts.get(index);
    return { size, succeeded, failed, ...(startedAtMs === undefined ? {} : { startedAtMs }) };
  });
  return { waves, current: state.currentWave, status: status.body };
}

type Show = (progress: RolloutProgress, final: boolean) => void;

function bars(out: NodeJS.WriteStream): Show {
  const draw = createLogUpdate(out);
  return ({ status }, final) => {
    draw(screen(status, Date.now(), out).join("\n"));
    if (final) draw.done();
  };
}

function lines(out: NodeJS.WriteStream): Show {
  let told = -1;
  let soaks = -1;
  const tell = (line: string) => out.write(`${line}\n`);
  return ({ waves, current, status }, final) => {
    for (let index = Math.max(told, 0); index <= current; index += 1) {
      const wave = waves[index];
      if (wave === undefined) continue;
      const name = `wave ${index + 1}/${waves.length}`;
      if (index > told) tell(`${name} started: ${wave.size} ${wave.size === 1 ? "sentinel" : "sentinels"}`);
      told = index;
      const isDone = index < current || final;
      if (isDone) tell(`${name} over: ${wave.succeeded} ready${failedPart(wave)}`);
    }
    if (status.soak_until === null || soaks === current) return;
    soaks = current;
    tell(`wave ${current + 1}/${waves.length} soaks until ${status.soak_until}`);
  };
}

export function failedPart(wave: WaveProgress): string {
  return wave.failed === 0 ? "" : `, ${wave.failed} failed`;
}
