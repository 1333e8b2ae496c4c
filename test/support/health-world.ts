import { join } from "node:path";
import { type Clusters, connectClusters } from "../../src/kubernetes/clusters.ts";
import { type Mysql, startMysql } from "../../src/local-stack/mysql.ts";
import { createLogger } from "../../src/log.ts";
import { migrateDatabase } from "../../src/mysql/migrate.ts";
import { type DatabasePool, openPool } from "../../src/mysql/pool.ts";
import { createSentinelStore, type SentinelStore } from "../../src/mysql/sentinels.ts";
import type { Health } from "../../src/watcher/health.ts";
import { startWatcher, type Watcher } from "../../src/watcher/index.ts";
import { type ApiProxy, startApiProxy } from "./api-proxy.ts";
import { startKubernetes, type TestKubernetes } from "./kubernetes.ts";
import { insertSentinels } from "./sentinel-rows.ts";
import { until } from "./until.ts";

const FAULT = "sentinel-rollout.dev/fault";

/** A sentinel of a test: its row and its Deployment, which has the image from the start. */
export interface Given {
  id: string;
  image: string;
  /** Of its pods, whichever image they have. */
  fault?: string;
  replicas?: number;
  maxUnavailable?: string;
  regionId?: string;
}

/** A cluster behind a proxy, a database, and one watcher of both. */
export interface HealthWorld {
  kubernetes: TestKubernetes;
  mysql: Mysql;
  pool: DatabasePool;
  store: SentinelStore;
  proxy: ApiProxy;
  clusters: Clusters;
  readonly health: Health;
  /** Makes them, and waits until the watcher knows their rows. */
  add(given: Given[]): Promise<void>;
  /** Another process takes over, with another patience (ms). */
  begin(regressionMs: number): Promise<void>;
  /** Waits until every one of them has come up once, and the watcher has seen that. */
  cameUp(image: string, count: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startHealthWorld(regressionMs: number): Promise<HealthWorld> {
  const kubernetes = await startKubernetes();
  const mysql = await startMysql({ server: undefined });
  await migrateDatabase(mysql.url, { withSentinels: true });
  const pool = openPool(mysql.url);
  const store = createSentinelStore(pool.db);
  const proxy = await startApiProxy(kubernetes.kubeconfigFile, join(kubernetes.directory, "proxied"));
  const clusters = await connectClusters({
    kubeContexts: new Map(),
    kubeNamespace: kubernetes.namespace,
    kubeContainer: "sentinel",
    kubeconfigFile: proxy.kubeconfigFile,
  });
  let watcher: Watcher | undefined;
  const health = (): Health => {
    if (watcher === undefined) throw new Error("there is no watcher");
    return watcher.health;
  };

  async function begin(patienceMs: number): Promise<void> {
    await watcher?.stop();
    const nobody = async () => undefined;
    watcher = startWatcher({
      ...{ clusters, store, notifyReady: nobody, settleAbandoned: nobody, heal: nobody },
      ...{ deployTimeoutMs: 600_000, regressionMs: patienceMs, recheckMs: 500 },
      logger: createLogger("silent"),
    });
    await until("the watcher to have listed", () => watcher?.ready().every(({ synced }) => synced));
  }

  await begin(regressionMs);
  return {
    ...{ kubernetes, mysql, pool, store, proxy, clusters, begin },
    get health() {
      return health();
    },

    async add(given) {
      await insertSentinels(
        mysql.url,
        given.map(({ id, image, replicas = 1, regionId = "local" }) => ({
          ...{ id, image, regionId, desiredReplicas: replicas, availableReplicas: replicas },
          ...{ runningImage: image, health: "healthy", deployStatus: "ready" },
        })),
      );
      const make = ({ id, image, fault, replicas = 1, maxUnavailable }: Given) =>
        kubernetes.deploy(id, ({ spec }) => {
          if (spec === undefined) return;
          spec.replicas = replicas;
          if (maxUnavailable !== undefined) spec.strategy = { rollingUpdate: { maxUnavailable } };
          const [container] = spec.template.spec?.containers ?? [];
          if (container !== undefined) container.image = image;
          const annotations = fault === undefined ? {} : { [FAULT]: fault };
          spec.template.metadata = { ...spec.template.metadata, annotations };
        });
      await Promise.all(given.map(make));
    },

    cameUp: async (image, count) => {
      await until(`${count} sentinels on ${image}`, () => {
        const { updated } = health().survey({ image });
        return updated.total === count && updated.unhealthy === 0;
      });
    },

    async stop() {
      await watcher?.stop();
      await clusters.close();
      await proxy.close();
      await pool.close();
      await mysql.stop();
      await kubernetes.stop();
    },
  };
}
