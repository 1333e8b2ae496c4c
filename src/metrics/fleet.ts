import { Gauge, type Registry } from "prom-client";
import type { SentinelCount } from "../mysql/fleet-count.ts";
import type { DeployStatus } from "../mysql/row.ts";

const STATUSES: DeployStatus[] = ["idle", "progressing", "ready", "failed"];

/**
 * The fleet as MySQL had it when the watcher read it last; absent while MySQL does not answer. Every replica shows the
 * same: take the maximum.
 */
export function registerFleetMetrics(registry: Registry, counts: () => SentinelCount[] | undefined): void {
  new Gauge({
    name: "sentinel_rollout_sentinels",
    help: "Running sentinels by region and deploy_status, from MySQL.",
    labelNames: ["region", "deploy_status"],
    registers: [registry],
    collect() {
      const known = counts();
      this.reset();
      for (const { regionId } of known ?? []) {
        for (const status of STATUSES) this.set({ region: regionId, deploy_status: status }, 0);
      }
      for (const { regionId, deployStatus, count } of known ?? []) {
        this.set({ region: regionId, deploy_status: deployStatus }, count);
      }
    },
  });
}
