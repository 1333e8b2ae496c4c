import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { ClusterHealth } from "./health.ts";

/** What this process does with the clusters. */
export interface KubernetesMetrics {
  /**
   * A request has ended; of a watch only its opening counts.
   * @param verb as in Kubernetes' permissions: get, list, watch, patch
   * @param code the HTTP status; `error` where there was no answer
   */
  request(cluster: string, verb: string, code: number | "error", seconds: number): void;
  /** @param up false: the last LIST or WATCH failed. Each failure counts as a restart. */
  watch(cluster: string, resource: string, up: boolean): void;
  /** A full LIST is over, all of its pages, some of which may have failed and been asked for again. */
  list(cluster: string, resource: string, ok: boolean, seconds: number): void;
}

/** A re-check every 30 s relies on what was listed. */
const LIST_BUCKETS = [0.05, 0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120];
const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20];

export function createKubernetesMetrics(registry: Registry): KubernetesMetrics {
  const registers = [registry];
  const requests = new Counter({
    name: "sentinel_rollout_kubernetes_requests_total",
    help: "Requests to the Kubernetes API by HTTP status; code error: no answer.",
    labelNames: ["cluster", "verb", "code"],
    registers,
  });
  const durations = new Histogram({
    name: "sentinel_rollout_kubernetes_request_duration_seconds",
    help: "Duration of requests to the Kubernetes API until the answer began.",
    labelNames: ["cluster", "verb"],
    buckets: REQUEST_BUCKETS,
    registers,
  });
  const restarts = new Counter({
    name: "sentinel_rollout_kubernetes_watch_restarts_total",
    help: "Watches that failed and began anew; the orderly end of a stream does not count.",
    labelNames: ["cluster", "resource"],
    registers,
  });
  const up = new Gauge({
    name: "sentinel_rollout_kubernetes_watch_up",
    help: "1: this process's last LIST or WATCH of the resource succeeded.",
    labelNames: ["cluster", "resource"],
    registers,
  });
  const lists = new Histogram({
    name: "sentinel_rollout_kubernetes_list_duration_seconds",
    help: "Duration of full LISTs, all of their pages; result error: given up, to be begun anew.",
    labelNames: ["cluster", "resource", "result"],
    buckets: LIST_BUCKETS,
    registers,
  });
  return {
    list(cluster, resource, ok, seconds) {
      lists.observe({ cluster, resource, result: ok ? "ok" : "error" }, seconds);
    },
    request(cluster, verb, code, seconds) {
      requests.inc({ cluster, verb, code });
      durations.observe({ cluster, verb }, seconds);
    },
    watch(cluster, resource, isUp) {
      restarts.inc({ cluster, resource }, isUp ? 0 : 1);
      up.set({ cluster, resource }, isUp ? 1 : 0);
    },
  };
}

/** Whether the clusters answer: of all that is sent to them, not of a single request or watch. */
export function registerClusterMetrics(registry: Registry, clusters: { health(): ClusterHealth[] }): void {
  new Gauge({
    name: "sentinel_rollout_kubernetes_cluster_up",
    help: "0 once this process has not heard of the cluster for a while and requests fail, else 1.",
    labelNames: ["cluster"],
    registers: [registry],
    collect() {
      for (const { cluster, reachable } of clusters.health()) this.set({ cluster }, reachable ? 1 : 0);
    },
  });
}
