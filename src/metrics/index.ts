import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { createKubernetesMetrics, type KubernetesMetrics } from "../kubernetes/metrics.ts";
import type { SentinelCount } from "../mysql/fleet-count.ts";
import type { StatusResponse } from "../restate/rollout-schemas.ts";
import { cached } from "../util/cached.ts";
import { registerFleetMetrics } from "./fleet.ts";
import { registerRolloutMetrics } from "./rollout.ts";
import { createWorkMetrics, type WorkMetrics } from "./work.ts";

/** The definitions of /metrics. Handed to each part that counts something. */
export interface Metrics {
  registry: Registry;
  work: WorkMetrics;
  kubernetes: KubernetesMetrics;
  /** Adds what is read from others when Prometheus asks. A source that hangs delays a scrape by 2 s at most. */
  read(sources: MetricSources): void;
}

export interface MetricSources {
  status(): Promise<StatusResponse>;
  /** Undefined: it is not known now. */
  fleet(): SentinelCount[] | undefined;
}

/** Several Prometheus servers and people may ask: that is no more work for Restate. */
const STATUS = { maxAgeMs: 5_000, patienceMs: 2_000, staleMs: 30_000 };

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    work: createWorkMetrics(registry),
    kubernetes: createKubernetesMetrics(registry),
    read({ status, fleet }) {
      const rollout = cached(status, STATUS);
      registerRolloutMetrics(registry, rollout);
      registerFleetMetrics(registry, fleet);
      registerSourceMetrics(registry, { restate: rollout, mysql: fleet });
    },
  };
}

function registerSourceMetrics(registry: Registry, sources: Record<string, () => unknown>): void {
  new Gauge({
    name: "sentinel_rollout_source_up",
    help: "1: what /metrics reads from there is up to date; 0: it is left out.",
    labelNames: ["source"],
    registers: [registry],
    async collect() {
      for (const [source, read] of Object.entries(sources)) {
        this.set({ source }, (await read()) === undefined ? 0 : 1);
      }
    },
  });
}
