import type { Logger } from "../log.ts";

/** Whether a cluster answers, as this process finds it. */
export type ClusterHealth = { cluster: string } & Reachability;

type Reachability =
  | { reachable: true }
  /** `sinceMs` in unix ms: since when nothing was heard of it. */
  | { reachable: false; sinceMs: number; reason: string };

export interface HealthTracker {
  readonly current: ClusterHealth;
  /** The API server was heard of. */
  answered(): void;
  /** @param sentMs when the request was sent that got no answer, in unix ms */
  failed(reason: string, sentMs: number): void;
}

/** A cluster is unreachable once nothing was heard of it for this long (ms) and more than one request has failed. */
const LOST_AFTER_MS = 5_000;
const LEAST_FAILURES = 2;

/** Says once that the cluster is lost, and once that it is back, however many requests are concerned. */
export function createHealth(cluster: string, logger?: Logger): HealthTracker {
  let current: Reachability = { reachable: true };
  let answeredMs = 0;
  let failures = 0;
  let silentSinceMs = 0;
  return {
    get current() {
      return { cluster, ...current };
    },
    answered() {
      answeredMs = Date.now();
      failures = 0;
      if (current.reachable) return;
      const seconds = Math.round((answeredMs - current.sinceMs) / 1000);
      current = { reachable: true };
      logger?.info({ cluster, seconds }, "kubernetes cluster is reachable again");
    },
    failed(reason, sentMs) {
      failures++;
      if (failures === 1) silentSinceMs = Math.max(sentMs, answeredMs);
      const silentMs = Date.now() - silentSinceMs;
      if (!current.reachable || failures < LEAST_FAILURES || silentMs < LOST_AFTER_MS) return;
      current = { reachable: false, sinceMs: silentSinceMs, reason };
      logger?.warn({ cluster, reason }, "kubernetes cluster is unreachable");
    },
  };
}
