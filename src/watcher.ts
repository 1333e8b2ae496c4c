import { setTimeout as sleep } from "node:timers/promises";
import { judge, observe } from "./domain/convergence.ts";
import type { WatchableCluster } from "./kubernetes/cluster.ts";
import type { Clusters } from "./kubernetes/clusters.ts";
import type { PodWatch } from "./kubernetes/pod-watch.ts";
import type { DeploymentWatch, WatchedDeployment } from "./kubernetes/watch.ts";
import type { Logger } from "./log.ts";
import type { Observation, ObservedRow, SentinelStore } from "./mysql/sentinels.ts";
import { createCalls } from "./watcher/calls.ts";
import { watchHealed } from "./watcher/healed.ts";
import { keepObservedColumns } from "./watcher/observed-columns.ts";
import { createSignals, worthALook } from "./watcher/signals.ts";
import { createTrigger } from "./watcher/trigger.ts";

export interface WatcherOptions {
  clusters: Clusters;
  store: SentinelStore;
  /** Wakes the Deploy that may wait for this sentinel. `image` is what its Deployment has now; empty without one. */
  notifyReady(id: string, image: string): Promise<void>;
  /** Tells a Deploy that is looking in this very process; true: it need not be woken. */
  tell?(id: string): boolean;
  /** Settles a row whose Deploy died; `updatedAtMs` is when that Deploy began. May be asked for more than once. */
  settleAbandoned(id: string, updatedAtMs: number): Promise<void>;
  /** Settles a row that is left failed though its sentinel has come up since. Likewise. */
  heal(id: string, updatedAtMs: number): Promise<void>;
  /** Told of a Deployment that has converged, each time that somebody is woken for it. */
  onConverged?(id: string, generation: number): void;
  deployTimeoutMs: number;
  recheckMs?: number;
  logger: Logger;
}

export interface Watcher {
  ready(): { cluster: string; synced: boolean }[];
  stop(): Promise<void>;
}

const RECHECK_MS = 30_000;
/** After a re-check that failed, as when MySQL was away. */
const RETRY_MS = 5_000;
/** A row whose Deploy may be dead by then brings the next re-check forward, but not closer to the last one than this. */
const LEAST_PAUSE_MS = 5_000;
/** A Deploy that lives settles its row at its deadline, but for its last look's turn and answer: after that it is dead. */
const ABANDONED_AFTER_MS = 25_000;
/** Statements under way may be hanging. */
const STOP_TIMEOUT_MS = 2_000;

/**
 * Kubernetes to rows and wake-ups. Two ways lead to each: the watch, at once, and a full re-check now and then,
 * which catches what the watch, MySQL or a wake-up lost. Everything is idempotent: several replicas may do it.
 */
export function startWatcher(options: WatcherOptions): Watcher {
  const { clusters, store, logger, recheckMs = RECHECK_MS } = options;
  const stopped = new AbortController();
  const recheckNow = createTrigger();
  const calls = createCalls(logger);
  const watches = new Map<WatchableCluster, DeploymentWatch>();
  const podWatches: PodWatch[] = [];
  const columns = keepObservedColumns({ store, current, logger });

  for (const cluster of clusters.all) watches.set(cluster, watch(cluster));

  function watch(cluster: WatchableCluster): DeploymentWatch {
    const signals = createSignals();
    let synced = false;
    const seen = (id: string, k8sName: string, deployment: WatchedDeployment | undefined) => {
      columns.touch(id);
      // What the first LIST shows is no news; the re-check that follows it knows who waits.
      if (signals.news(k8sName, deployment) && synced && concerns(cluster, k8sName, id)) wake(id, deployment);
    };
    const handlers = {
      onChange: (deployment: WatchedDeployment) => seen(deployment.sentinelId, deployment.name, deployment),
      onDelete: (k8sName: string, id: string) => seen(id, k8sName, undefined),
      onSynced: () => {
        synced = true;
        recheckNow.fire();
      },
    };
    const deployments = cluster.watch(handlers, logger);
    podWatches.push(
      cluster.watchPods((k8sName) => {
        const deployment = deployments.get(k8sName);
        // Whether the trouble is that of the image that a Deploy waits for is for the Deploy to find out.
        if (deployment !== undefined && judge(deployment).kind === "waiting")
          wake(deployment.sentinelId, deployment);
      }, logger),
    );
    return deployments;
  }

  /** A Deployment in another cluster than its region's, or under another name than the row's, is not the sentinel's. */
  function concerns(cluster: WatchableCluster, k8sName: string, id: string): boolean {
    const row = columns.known(id);
    return row === undefined || (row.k8sName === k8sName && clusters.forRegion(row.regionId) === cluster);
  }

  function wake(id: string, deployment: WatchedDeployment | undefined): void {
    if (deployment !== undefined && judge(deployment).kind === "converged") {
      options.onConverged?.(id, deployment.generation);
    }
    if (options.tell?.(id) === true) return;
    calls.submit(`NotifyReady ${id}`, () => options.notifyReady(id, deployment?.image ?? ""));
  }

  function watchOf(row: ObservedRow): DeploymentWatch | undefined {
    const cluster = clusters.forRegion(row.regionId);
    return clusters.all.filter((each) => each === cluster).map((each) => watches.get(each))[0];
  }

  function deploymentOf(row: ObservedRow): WatchedDeployment | undefined {
    const deployment = watchOf(row)?.get(row.k8sName);
    return deployment?.sentinelId === row.id ? deployment : undefined;
  }

  function current(row: ObservedRow): Observation | undefined {
    const deployment = deploymentOf(row);
    if (deployment !== undefined) return observe(deployment);
    const gone = row.desiredState === "running" && watchOf(row)?.synced === true;
    return gone ? { health: "unhealthy", availableReplicas: 0 } : undefined;
  }

  /** Resolves to the moment (unix ms) at which the next row is to be settled if its Deploy has not done so; Infinity: none. */
  async function recheck(): Promise<number> {
    // The rows first: what Kubernetes shows afterwards is newer than anything in them.
    const rows: ObservedRow[] = [];
    for await (const page of store.observedRows()) rows.push(...page);
    columns.learn(rows);
    const nextMs = settleAbandoned(rows);
    await Promise.all([...watches].map(([cluster, each]) => compare(rows, cluster, each)));
    return nextMs;
  }

  /** A cluster that does not answer keeps its rows as they are, and does not hold up the others. */
  async function compare(
    all: ObservedRow[],
    cluster: WatchableCluster,
    each: DeploymentWatch,
  ): Promise<void> {
    try {
      await each.relist();
    } catch {
      return;
    }
    const rows = all.filter((row) => clusters.forRegion(row.regionId) === cluster);
    columns.check(rows);
    for (const row of rows) {
      const deployment = deploymentOf(row);
      const news = worthALook(deployment) || cluster.inTrouble(row.k8sName);
      if (row.deployStatus === "progressing" && news) wake(row.id, deployment);
    }
  }

  function settleAbandoned(rows: ObservedRow[]): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { id, deployStatus, updatedAtMs } of rows) {
      if (deployStatus !== "progressing") continue;
      const beganMs = updatedAtMs ?? 0;
      const deadMs = beganMs + options.deployTimeoutMs + ABANDONED_AFTER_MS;
      if (Date.now() > deadMs) calls.submit(`settle ${id}`, () => options.settleAbandoned(id, beganMs));
      else nextMs = Math.min(nextMs, deadMs);
    }
    return nextMs;
  }

  async function loop(): Promise<void> {
    let pauseMs = recheckMs;
    while (!stopped.signal.aborted) {
      await recheckNow.wait(pauseMs, stopped.signal);
      if (stopped.signal.aborted) return;
      const startedMs = Date.now();
      try {
        const nextMs = await recheck();
        const regularMs = Math.max(recheckMs - (Date.now() - startedMs), recheckMs / 2);
        pauseMs = Math.min(regularMs, Math.max(nextMs - Date.now(), LEAST_PAUSE_MS));
      } catch (error) {
        const reason = error instanceof Error ? error.message : "unknown error";
        logger.warn({ reason }, "re-check failed");
        pauseMs = Math.min(recheckMs, RETRY_MS);
      }
    }
  }

  const running = loop();
  const healed = watchHealed({
    store,
    heal: (id, updatedAtMs) => calls.submit(`heal ${id}`, () => options.heal(id, updatedAtMs)),
    periodMs: recheckMs,
    logger,
  });
  return {
    ready: () => [...watches].map(([cluster, { synced }]) => ({ cluster: cluster.name, synced })),
    stop: async () => {
      stopped.abort();
      calls.stop();
      const all = [
        running,
        healed.stop(),
        columns.stop(),
        ...[...watches.values(), ...podWatches].map((each) => each.stop()),
      ];
      const over = new AbortController();
      const late = sleep(STOP_TIMEOUT_MS, undefined, { signal: over.signal }).catch(() => undefined);
      await Promise.race([Promise.all(all), late]);
      over.abort();
    },
  };
}
