import { setTimeout as sleep } from "node:timers/promises";
import type { StatusResponse } from "../restate/rollout-schemas.ts";
import { type Ingress, IngressError, readStatus } from "./ingress.ts";
import type { Keyboard } from "./keyboard.ts";
import { type Desk, deskLines, pressed } from "./keys.ts";
import type { Show } from "./show.ts";
import { isSoaking } from "./soak-rows.ts";
import { act } from "./verbs.ts";
import { running } from "./view.ts";

const POLL_MS = 500;
/** Detail costs the service more than the rest: it is asked for at most once in this time (ms). */
const DETAIL_EVERY_MS = 5_000;
/** A rollout that has had no result for this long (ms) is slow. */
const SLOW_MS = 30_000;

export interface WatchOptions {
  ingress: Ingress;
  show: Show;
  /** Goes on when nothing runs any more. */
  follow: boolean;
  /** Whether there is a screen that detail can be shown on. */
  screen: boolean;
  /** Absent: stdin is no terminal, or keys are switched off. */
  keyboard: Keyboard | undefined;
  signal: AbortSignal;
}

/** Shows the rollout until it ends or the user quits. @returns the last status that was seen */
export async function watch(options: WatchOptions): Promise<StatusResponse> {
  const { ingress, show, follow, screen, keyboard, signal } = options;
  let desk: Desk = {};
  /** Verbs whose outcome is not known yet. */
  let underWay = 0;
  let seen = await readStatus(ingress, signal);
  let trouble: string | undefined;
  let detail: { of: string; status: StatusResponse; atMs: number } | undefined;
  let progressed = { results: "", atMs: performance.now() };

  const isShown = () => screen && (desk.detail ?? (seen.state === "paused" || isSlow()));
  // A soak has no results, and is not slow.
  const isSlow = () => running(seen) && !isSoaking(seen) && performance.now() - progressed.atMs >= SLOW_MS;

  /** Detail is of the state that it was asked in. */
  async function read(): Promise<void> {
    const wanted = isShown() && (detail?.of !== stepOf(seen) || isOld(detail.atMs));
    const now = await readStatus(ingress, signal, wanted);
    if (wanted) detail = { of: stepOf(now), status: now, atMs: performance.now() };
    seen = now;
    const results = `${stepOf(now)} ${now.succeeded} ${now.failed} ${now.skipped} ${now.reverted}`;
    if (results !== progressed.results) progressed = { results, atMs: performance.now() };
  }

  async function look(): Promise<void> {
    try {
      await read();
      // It has come to rest: what kept it is told with the first picture of that, which may be the last one.
      if (isShown() && detail?.of !== stepOf(seen)) await read();
      trouble = undefined;
    } catch (error) {
      // What was seen once is there: the ingress comes back.
      if (!(error instanceof IngressError) || !error.passing) throw error;
      trouble = `${error.message}; trying again`;
    }
  }

  function draw(): void {
    const status = isShown() && detail?.of === stepOf(seen) ? withDetail(seen, detail.status) : seen;
    show(status, { trouble, desk: keyboard === undefined ? undefined : deskLines(desk, seen) });
  }

  /** @returns true when the operator wants no more */
  function press(key: string): boolean {
    const [next, deed] = pressed(desk, key, seen, isShown());
    desk = next;
    if (deed.kind === "send") {
      underWay++;
      void act(ingress, deed.verb, deed.guard, signal)
        .catch((error) => `${deed.verb}: ${error instanceof Error ? error.message : "failed"}`)
        .then((note) => {
          underWay--;
          desk = { ...desk, note };
          keyboard?.wake();
        });
    }
    return deed.kind === "quit";
  }

  if (isShown()) await look();
  for (;;) {
    draw();
    const isBusy = desk.asking !== undefined || underWay > 0;
    if (!follow && !isBusy && isOver(seen, keyboard !== undefined)) return seen;
    await pause(keyboard, signal);
    for (const key of keyboard?.take() ?? []) {
      const { asking } = desk;
      if (press(key)) return seen;
      // A key that was typed ahead does not answer a question that is not on the screen yet.
      if (desk.asking !== undefined && desk.asking !== asking) break;
    }
    // Status may take its time: what a key came to is shown before.
    draw();
    await look();
  }
}

/** A paused rollout waits for an operator: with keys this one. */
function isOver(status: StatusResponse, hasKeys: boolean): boolean {
  return !running(status) && !status.rolls_back && !(hasKeys && status.state === "paused");
}

function stepOf({ rollout_id, state, wave }: StatusResponse): string {
  return `${rollout_id} ${state} ${wave}`;
}

function isOld(atMs: number): boolean {
  return performance.now() - atMs >= DETAIL_EVERY_MS;
}

function withDetail(
  status: StatusResponse,
  { slowest, by_region, failures_by_reason, detail_message }: StatusResponse,
): StatusResponse {
  return { ...status, slowest, by_region, failures_by_reason, detail_message };
}

async function pause(keyboard: Keyboard | undefined, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const time = sleep(POLL_MS, undefined, { signal: either });
  if (keyboard === undefined) return time;
  await Promise.race([time, keyboard.next()]);
  over.abort();
  await time.catch(() => undefined);
  signal.throwIfAborted();
}
