import type { Clusters } from "../kubernetes/clusters.ts";
import type { SentinelStore } from "../mysql/sentinels.ts";
import type { Admin } from "../restate/admin.ts";
import type { Health } from "../watcher/health.ts";
import type { ChangeOptions } from "./change.ts";
import type { DetailOptions } from "./detail.ts";
import type { DriveOptions } from "./drive.ts";
import type { ActionReader, HistoryReader } from "./history.ts";

/** What the verbs work with. */
export interface RolloutOptions extends DriveOptions, ChangeOptions {
  store: Pick<SentinelStore, "candidatePages" | "read">;
  clusters: Pick<Clusters, "forRegion" | "health">;
  history: HistoryReader;
  /** What this process knows of the fleet without asking for all of it. */
  detail: DetailOptions;
  actions: ActionReader;
  /** Restate's admin API, where it is configured. */
  admin: Admin | undefined;
  /** What this process sees of the fleet's health. */
  health: Health;
  /** How long a Deploy may take. */
  deployTimeoutMs: number;
}
