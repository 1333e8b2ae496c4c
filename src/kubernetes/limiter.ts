import PQueue from "p-queue";
import { TransientKubernetesError } from "./errors.ts";

/** The watcher's LISTs and WATCHes have slots of their own, so that they and the Deploys never wait for each other. */
export type Traffic = "requests" | "feeds";

/** Most that are under way at a time; together the most connections to one cluster. */
export const SLOTS: Record<Traffic, number> = { requests: 14, feeds: 2 };

/** How long (ms) a request waits for its turn before its caller is told to come back later. */
const PATIENCE_MS = 10_000;
/** What a 429 without Retry-After asks for. */
const DEFAULT_PAUSE_MS = 1_000;
/** A pause is longer than asked for by up to this fraction: several replicas do not come back at the same moment. */
const JITTER = 0.2;

/** Everything that one process sends to one cluster, in the order in which it was asked for. */
export interface Limiter {
  /**
   * Sends the request when it is its turn.
   * @param signal takes it out of the queue; once it has begun, the request has to heed the signal itself
   * @throws TransientKubernetesError when its turn does not come in time; and the request's own error
   */
  run<T>(traffic: Traffic, request: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** The API server asked to be left alone: nothing is sent for `askedMs`, and then one request at a time at first. */
  pause(askedMs?: number): void;
  /** Gives up everything that waits or is under way. */
  close(): void;
}

/** @param onPause told of a pause (ms) when all was well before */
export function createLimiter(cluster: string, onPause: (ms: number) => void = () => undefined): Limiter {
  const queues = {
    requests: new PQueue({ concurrency: SLOTS.requests }),
    feeds: new PQueue({ concurrency: SLOTS.feeds }),
  };
  /** Of everything that waits or is under way. (`AbortSignal.any` with a signal that lives on costs memory.) */
  const tickets = new Set<AbortController>();
  let pausedUntilMs = 0;
  let end: NodeJS.Timeout | undefined;

  function goOn(): void {
    for (const queue of Object.values(queues)) queue.start();
  }

  /** As after any congestion: the more succeeds, the more is tried. */
  function succeeded(): void {
    const { requests } = queues;
    if (!requests.isPaused && requests.concurrency < SLOTS.requests) requests.concurrency++;
  }

  return {
    async run(traffic, request, signal) {
      signal?.throwIfAborted();
      const leftMs = pausedUntilMs - Date.now();
      if (leftMs > PATIENCE_MS) throw notSent(`cluster ${cluster} asked for a pause`, leftMs);
      const ticket = new AbortController();
      const giveUp = () => ticket.abort(signal?.reason);
      const tooLate = () =>
        ticket.abort(notSent(`cluster ${cluster} is busy or does not answer`, pausedUntilMs - Date.now()));
      const impatience = setTimeout(tooLate, PATIENCE_MS);
      tickets.add(ticket);
      signal?.addEventListener("abort", giveUp);
      const begin = async () => {
        clearTimeout(impatience);
        const result = await request();
        succeeded();
        return result;
      };
      try {
        return await queues[traffic].add(begin, { signal: ticket.signal });
      } finally {
        clearTimeout(impatience);
        tickets.delete(ticket);
        signal?.removeEventListener("abort", giveUp);
      }
    },

    pause(askedMs = DEFAULT_PAUSE_MS) {
      const ms = Math.ceil(askedMs * (1 + Math.random() * JITTER));
      if (queues.requests.concurrency === SLOTS.requests) onPause(ms);
      queues.requests.concurrency = 1;
      if (Date.now() + ms <= pausedUntilMs) return;
      pausedUntilMs = Date.now() + ms;
      for (const queue of Object.values(queues)) queue.pause();
      clearTimeout(end);
      end = setTimeout(goOn, ms).unref();
    },

    close() {
      clearTimeout(end);
      for (const ticket of tickets)
        ticket.abort(new TransientKubernetesError(`cluster ${cluster}: the service stops`));
    },
  };
}

function notSent(why: string, leftMs: number): TransientKubernetesError {
  const retryAfterMs = leftMs > 0 ? leftMs : undefined;
  return new TransientKubernetesError(`${why}: the request was not sent`, {
    clusterWide: true,
    retryAfterMs,
  });
}
