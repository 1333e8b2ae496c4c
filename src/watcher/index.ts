import { judge, observe } from "../domain/convergence.ts";
import type { WatchableCluster } from "../kubernetes/cluster.ts";
import type { Clusters } from "../kubernetes/clusters.ts";
import type { DeploymentWatch, WatchedDeployment } from "../kubernetes/deployment-watch.ts";
import type { Logger } from "../log.ts";
import type { RecheckResult } from "../metrics/work.ts";
import type { Observation, ObservedRow } from "../mysql/row.ts";
import type { SentinelStore } from "../mysql/sentinels.ts";
import { atMost } from "../util/at-most.ts";
import { createCalls } from "./calls.ts";
import { createHealth, type Health } from "./health.ts";
import { type News, newsOf } from "./news.ts";
import { type KnownRow, keepObservedColumns } from "./observed-columns.ts";
import { startRecheck } from "./recheck.ts";
import type { WatchedCluster } from "./sight.ts";
import { hasNewPods, isNews, worthALook } from "./signals.ts";

export interface WatcherOptions {
  clusters: Clusters;
  store: SentinelStore;
  /** Wakes the Deploy that may wait for this sentinel. `image` is what its Deployment has now; empty without one. */
  notifyReady(id: string, image: string): Promise<void>;
  /**
   * Tells a Deploy that is looking in this very process; true: it need not be woken.
   * @param converged the update that has converged, where that is the news
   */
  tell?(id: string, converged?: { uid: string; generation: number }): boolean;
  /** Settles a row whose Deploy died; `updatedAtMs` is when that Deploy began. May be asked for more than once. */
  settleAbandoned(id: string, updatedAtMs: number): Promise<void>;
  /** Settles a row that is left failed though its sentinel has come up since. May be asked for more than once. */
  heal(id: string, updatedAtMs: number): Promise<void>;
  /** Told of a Deployment that has converged, each time that a Deploy is woken for it. */
  onConverged?(id: string, generation: number): void;
  onRecheck?(result: RecheckResult, seconds: number): void;
  deployTimeoutMs: number;
  /** How long a sentinel that came up may be without its replicas until it has regressed. */
  regressionMs: number;
  recheckMs?: number;
  logger: Logger;
}

export interface Watcher {
  ready(): { cluster: string; synced: boolean }[];
  /** A Deploy of this process has written what it saw of a sentinel into its row. */
  wrote(id: string, observed: Observation): void;
  /** What the caches know of a sentinel that a Deploy waits for. */
  news(row: ObservedRow, rewrittenTo: string | undefined): News;
  /** The health of the sentinels that came up. */
  health: Health;
  stop(): Promise<void>;
}

const RECHECK_MS = 30_000;
/** Statements under way may be hanging. */
const STOP_TIMEOUT_MS = 2_000;

/**
 * Kubernetes to rows and wake-ups. Two ways lead to each: the watch, at once, and a re-check of all rows now and then,
 * which catches what the watch, MySQL or a wake-up lost. Everything is idempotent: several replicas may do it.
 */
export function startWatcher(options: WatcherOptions): Watcher {
  const { clusters, store, deployTimeoutMs, logger, recheckMs = RECHECK_MS } = options;
  const calls = createCalls(logger);
  const watched: WatchedCluster[] = [];
  const columns = keepObservedColumns({ store, current, namesOf, logger });
  const { known } = columns;
  const health = createHealth({ clusters, watched, known, store, debounceMs: options.regressionMs });

  for (const cluster of clusters.all) watched.push(watch(cluster));

  const recheck = startRecheck({
    store,
    columns,
    watches: watched.map(({ deployments }) => deployments),
    watchOf,
    remind,
    heal: (id, updatedAtMs) => calls.submit(`heal ${id}`, () => options.heal(id, updatedAtMs)),
    settleAbandoned: (id, beganMs) =>
      calls.submit(`settle ${id}`, () => options.settleAbandoned(id, beganMs)),
    ...(options.onRecheck === undefined ? {} : { onOver: options.onRecheck }),
    deployTimeoutMs,
    periodMs: recheckMs,
    logger,
  });

  function watch(cluster: WatchableCluster): WatchedCluster {
    let synced = false;
    const seen = (before: WatchedDeployment | undefined, now: WatchedDeployment | undefined) => {
      const { sentinelId: id, name } = (now ?? before) as WatchedDeployment;
      columns.touch(id);
      if (before !== undefined && now !== undefined && before.completeSeconds !== now.completeSeconds) {
        if (now.completeSeconds > 0) pods.cameUp(name);
      }
      health.changed(before, now);
      // What the first LIST shows is no news; the re-check that follows it knows which Deploys wait.
      const news = isNews(before, now) || (hasNewPods(before, now) && cluster.inTrouble(name));
      if (synced && news && concerns(cluster, name, id)) wake(id, now);
    };
    const handlers = {
      onChange: (now: WatchedDeployment, before: WatchedDeployment | undefined) => seen(before, now),
      onDelete: (before: WatchedDeployment) => seen(before, undefined),
      onSynced: () => {
        synced = true;
        recheck.soon();
      },
    };
    const deployments = cluster.watch(handlers, logger);
    const podHandlers = {
      onTrouble(k8sName: string) {
        const deployment = deployments.get(k8sName);
        // Whether the trouble is that of the image that a Deploy waits for is for the Deploy to find out.
        if (deployment !== undefined && judge(deployment).kind === "waiting")
          wake(deployment.sentinelId, deployment);
      },
      onCrash(k8sName: string) {
        const deployment = deployments.get(k8sName);
        if (deployment !== undefined) health.crashed(deployment.sentinelId);
      },
    };
    const pods = cluster.watchPods(podHandlers, logger);
    return { cluster, deployments, pods };
  }

  /** A Deployment in another cluster than its region's, or under another name than the row's, is not the sentinel's. */
  function concerns(cluster: WatchableCluster, k8sName: string, id: string): boolean {
    const row = columns.known(id);
    return row === undefined || (row.k8sName === k8sName && clusters.forRegion(row.regionId) === cluster);
  }

  function wake(id: string, deployment: WatchedDeployment | undefined, by: "watch" | "row" = "watch"): void {
    const converged =
      deployment !== undefined && judge(deployment).kind === "converged" ? deployment : undefined;
    if (converged !== undefined) options.onConverged?.(id, converged.generation);
    if (options.tell?.(id, by === "watch" ? converged : undefined) === true) return;
    calls.submit(`NotifyReady ${id}`, () => options.notifyReady(id, deployment?.image ?? ""));
  }

  function watchedOf({ regionId }: Pick<ObservedRow, "regionId">): WatchedCluster | undefined {
    const cluster = clusters.forRegion(regionId);
    return watched.find((each) => each.cluster === cluster);
  }

  function watchOf(row: Pick<ObservedRow, "regionId">): DeploymentWatch | undefined {
    return watchedOf(row)?.deployments;
  }

  function deploymentOf(row: KnownRow): WatchedDeployment | undefined {
    const deployment = watchOf(row)?.get(row.k8sName);
    return deployment?.sentinelId === row.id ? deployment : undefined;
  }

  function current(row: KnownRow): Observation | undefined {
    const deployment = deploymentOf(row);
    if (deployment !== undefined) return observe(deployment);
    const gone = row.desiredState === "running" && watchOf(row)?.synced === true;
    return gone ? { health: "unhealthy", availableReplicas: 0 } : undefined;
  }

  function namesOf(row: KnownRow): Pick<KnownRow, "id" | "k8sName"> | undefined {
    const deployment = deploymentOf(row);
    return deployment && { id: deployment.sentinelId, k8sName: deployment.name };
  }

  function remind(row: ObservedRow): void {
    const deployment = deploymentOf(row);
    const inTrouble = watchedOf(row)?.pods.inTrouble(row.k8sName) === true;
    // Its row says that a Deploy waits, whatever another one has seen.
    if (worthALook(deployment) || inTrouble) wake(row.id, deployment, "row");
  }

  function news(row: ObservedRow, rewrittenTo: string | undefined): News {
    const at = watchedOf(row);
    const name = at?.cluster.name;
    const away = clusters.health().find(({ cluster, reachable }) => cluster === name && !reachable);
    return newsOf(row, {
      rewrittenTo,
      cluster: name,
      isListed: at?.deployments.synced === true,
      isAway: away !== undefined,
      deployment: deploymentOf(row),
      lastWord: (images) => at?.pods.lastWord(row.k8sName, images),
      nowMs: Date.now(),
    });
  }

  return {
    wrote: columns.wrote,
    news,
    health,
    ready: () =>
      watched.map(({ cluster, deployments }) => ({ cluster: cluster.name, synced: deployments.synced })),
    stop: async () => {
      calls.stop();
      const all = [
        recheck.stop(),
        columns.stop(),
        ...watched.flatMap(({ deployments, pods }) => [deployments.stop(), pods.stop()]),
      ];
      await atMost(STOP_TIMEOUT_MS, Promise.all(all), () => undefined);
    },
  };
}
