import type { DeploymentSnapshot } from "../domain/convergence.ts";

/** A Deployment of the watch, with the sentinel that its label names. */
export interface WatchedDeployment extends DeploymentSnapshot {
  sentinelId: string;
}

export interface WatchHandlers {
  onChange(deployment: WatchedDeployment): void;
  onDelete(k8sName: string, sentinelId: string): void;
  /** The first LIST is complete. */
  onSynced(): void;
}

export interface DeploymentWatch {
  readonly synced: boolean;
  /** When the API server was last heard of, in unix ms; 0: never. */
  readonly lastContactMs: number;
  get(k8sName: string): WatchedDeployment | undefined;
  /** Resolves when a LIST that began after this call is complete; rejects when that takes longer than `timeoutMs`. */
  relist(timeoutMs?: number): Promise<void>;
  stop(): Promise<void>;
}
