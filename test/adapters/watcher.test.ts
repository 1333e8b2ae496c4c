import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { judge } from "../../src/domain/convergence.ts";
import { type Clusters, connectClusters } from "../../src/kubernetes/clusters.ts";
import { type Mysql, startMysql } from "../../src/local-stack/mysql.ts";
import { createLogger } from "../../src/log.ts";
import type { RecheckResult } from "../../src/metrics/work.ts";
import { migrateDatabase } from "../../src/mysql/migrate.ts";
import { type DatabasePool, openPool } from "../../src/mysql/pool.ts";
import type { SentinelRow } from "../../src/mysql/row.ts";
import { createSentinelStore, type SentinelStore } from "../../src/mysql/sentinels.ts";
import { startWatcher, type Watcher, type WatcherOptions } from "../../src/watcher/index.ts";
import { type ApiProxy, startApiProxy } from "../support/api-proxy.ts";
import { startKubernetes, type TestKubernetes } from "../support/kubernetes.ts";
import { insertSentinels } from "../support/sentinel-rows.ts";

let kubernetes: TestKubernetes;
let mysql: Mysql;
let pool: DatabasePool;
let store: SentinelStore;
let proxy: ApiProxy;
let clusters: Clusters;
let watcher: Watcher | undefined;
let notified: string[];
let abandoned: string[];
let healed: Set<string>;

const patience = { timeout: 30_000 };

beforeAll(async () => {
  kubernetes = await startKubernetes();
  mysql = await startMysql({ server: undefined });
  await migrateDatabase(mysql.url, { withSentinels: true });
  pool = openPool(mysql.url);
  store = createSentinelStore(pool.db);
});
beforeEach(async () => {
  notified = [];
  abandoned = [];
  healed = new Set();
  proxy = await startApiProxy(kubernetes.kubeconfigFile, join(kubernetes.directory, "proxied"));
  clusters = await connect(new Map());
});
afterEach(async () => {
  await watcher?.stop();
  await clusters.close();
  await proxy.close();
});
afterAll(async () => {
  await pool?.close();
  await mysql?.stop();
  await kubernetes?.stop();
});

function connect(kubeContexts: Map<string, string>): Promise<Clusters> {
  return connectClusters({
    kubeContexts,
    kubeNamespace: kubernetes.namespace,
    kubeContainer: "sentinel",
    kubeconfigFile: proxy.kubeconfigFile,
  });
}

function begin(options: Partial<WatcherOptions> = {}): void {
  watcher = startWatcher({
    clusters,
    store,
    notifyReady: async (id, image) => {
      notified.push(`${id} ${image}`);
    },
    settleAbandoned: async (id, updatedAtMs) => {
      abandoned.push(`${id} ${updatedAtMs}`);
    },
    heal: async (id) => {
      healed.add(id);
    },
    deployTimeoutMs: 600_000,
    regressionMs: 60_000,
    logger: createLogger("silent"),
    ...options,
  });
}

const synced = () => expect.poll(() => watcher?.ready()[0]?.synced, patience).toBe(true);

function row(id: string): Promise<SentinelRow | undefined> {
  return store.read(id).catch(() => undefined);
}

async function settled(id: string, expected: Partial<SentinelRow>): Promise<void> {
  await expect.poll(() => row(id), patience).toMatchObject(expected);
}

async function available(id: string, replicas: number): Promise<void> {
  const read = async () => (await clusters.all[0]?.read(`k8s-${id}`))?.availableReplicas;
  await expect.poll(read, patience).toBe(replicas);
}

async function patch(id: string, image: string, replicas?: number): Promise<void> {
  const [cluster] = clusters.all;
  const change = { image, changeCause: "test", ...(replicas === undefined ? {} : { replicas }) };
  await expect.poll(() => cluster?.patch(`k8s-${id}`, change), patience).toMatchObject({ kind: "patched" });
}

describe("observed columns", () => {
  it("follow the Deployment; the running image only once it has come up", async () => {
    await insertSentinels(mysql.url, [{ id: "follow", updatedAt: 42 }]);
    await kubernetes.deploy("follow");
    begin();
    await settled("follow", { health: "healthy", availableReplicas: 1, runningImage: "x:v1" });
    await patch("follow", "x:bad", 2);
    await patch("follow", "x:v2", 0);
    await settled("follow", { health: "paused", availableReplicas: 0, runningImage: "x:v2" });
    await patch("follow", "x:v3", 2);
    await settled("follow", { health: "healthy", availableReplicas: 2, runningImage: "x:v3" });
    expect(await row("follow")).toMatchObject({ image: "x:v1", deployStatus: "idle", updatedAtMs: 42 });
  });

  it("keep the image that runs while another one does not come up", async () => {
    await insertSentinels(mysql.url, [{ id: "keeps" }]);
    await kubernetes.deploy("keeps", (deployment) => {
      if (deployment.spec !== undefined) deployment.spec.replicas = 2;
    });
    begin();
    await settled("keeps", { availableReplicas: 2, runningImage: "x:v1" });
    await patch("keeps", "x:bad", 4);
    await settled("keeps", { availableReplicas: 3, health: "healthy", runningImage: "x:v1" });
  });

  it("say unhealthy where a running sentinel has no Deployment, and leave an archived one alone", async () => {
    await insertSentinels(mysql.url, [
      { id: "missing", health: "healthy", availableReplicas: 3, runningImage: "x:v1" },
      { id: "archived", health: "healthy", availableReplicas: 3, desiredState: "archived" },
      { id: "deleted" },
    ]);
    await kubernetes.deploy("deleted");
    begin();
    await settled("missing", { health: "unhealthy", availableReplicas: 0, runningImage: "x:v1" });
    await settled("deleted", { health: "healthy" });
    await kubernetes.remove("deleted");
    await settled("deleted", { health: "unhealthy", availableReplicas: 0 });
    expect(await row("archived")).toMatchObject({ health: "healthy", availableReplicas: 3 });
  });

  it("of a sentinel that is new follow at once, without a re-check", async () => {
    begin({ recheckMs: 600_000 });
    await synced();
    await insertSentinels(mysql.url, [{ id: "new" }]);
    await kubernetes.deploy("new");
    await settled("new", { health: "healthy" });
  });

  it("are not written again where a Deploy of this process has written them", async () => {
    const [written, cluster] = [[] as string[], clusters.all[0]];
    const observe: SentinelStore["observe"] = async (batch) => {
      await store.observe(batch);
      written.push(...batch.map(({ id }) => id));
    };
    await insertSentinels(mysql.url, [{ id: "wrote" }, { id: "after-it" }]);
    await kubernetes.deploy("wrote", ({ spec }) => {
      if (spec !== undefined) spec.replicas = 0;
    });
    await kubernetes.deploy("after-it");
    begin({ store: { ...store, observe }, recheckMs: 600_000 });
    await settled("wrote", { health: "paused", runningImage: "x:v1" });
    await settled("after-it", { health: "healthy" });
    written.length = 0;
    watcher?.wrote("wrote", { health: "paused", availableReplicas: 0, runningImage: "x:v2" });
    await patch("wrote", "x:v2");
    await expect.poll(async () => judge(await cluster?.read("k8s-wrote")).kind, patience).toBe("converged");
    await patch("after-it", "x:v2", 2);
    await settled("after-it", { availableReplicas: 2, runningImage: "x:v2" });
    expect(written).not.toContain("wrote");
    await patch("wrote", "x:v3");
    await settled("wrote", { runningImage: "x:v3" });
  });

  it("are written when MySQL comes back, as they are then", async () => {
    await insertSentinels(mysql.url, [{ id: "away" }]);
    await kubernetes.deploy("away");
    begin({ recheckMs: 600_000 });
    await settled("away", { health: "healthy" });
    await mysql.process?.stop();
    await patch("away", "x:v2", 2);
    await patch("away", "x:v3", 0);
    await mysql.process?.start();
    await settled("away", { health: "paused", runningImage: "x:v3" });
  });

  it("are written again when MySQL was frozen", async () => {
    const impatient = openPool(mysql.url, 1_000);
    await insertSentinels(mysql.url, [{ id: "frozen" }]);
    await kubernetes.deploy("frozen");
    begin({ store: createSentinelStore(impatient.db), recheckMs: 1_000 });
    await settled("frozen", { health: "healthy" });
    await mysql.process?.signal("SIGSTOP");
    try {
      await patch("frozen", "x:v2", 0);
      const probe = createSentinelStore(impatient.db);
      await expect.poll(() => probe.read("frozen").catch(() => "frozen"), patience).toBe("frozen");
    } finally {
      await mysql.process?.signal("SIGCONT");
    }
    await settled("frozen", { health: "paused", runningImage: "x:v2" });
    await watcher?.stop();
    await impatient.close();
  });

  it("are corrected by the re-check when somebody wrote over them, or the watch missed a change", async () => {
    await insertSentinels(mysql.url, [{ id: "recheck" }]);
    await kubernetes.deploy("recheck");
    proxy.mishap = ({ url }) => (url.includes("watch=true") ? "hang" : undefined);
    begin({ recheckMs: 500 });
    await settled("recheck", { health: "healthy" });
    await patch("recheck", "x:v2", 2);
    await settled("recheck", { availableReplicas: 2, runningImage: "x:v2" });
    await store.observe([{ id: "recheck", observed: { health: "unknown", availableReplicas: 7 } }]);
    await settled("recheck", { health: "healthy", availableReplicas: 2 });
  });

  it("come only from the cluster of the sentinel's region and the Deployment of its name", async () => {
    await insertSentinels(mysql.url, [
      { id: "mapped", regionId: "eu" },
      { id: "unmapped", regionId: "mars" },
      { id: "renamed", regionId: "eu", k8sName: "another-name", health: "healthy" },
    ]);
    for (const id of ["mapped", "unmapped", "renamed"]) await kubernetes.deploy(id);
    await clusters.close();
    clusters = await connect(new Map([["eu", "loaded-context"]]));
    begin();
    await settled("mapped", { health: "healthy" });
    await settled("renamed", { health: "unhealthy" });
    expect(await row("unmapped")).toMatchObject({ health: "unknown" });
  });
});

describe("the re-check", () => {
  /** How the re-checks ended so far. */
  let ended: RecheckResult[];
  const onRecheck = (result: RecheckResult) => ended.push(result);
  const rechecks = (count: number) => {
    const before = ended.length;
    return expect.poll(() => ended.length - before, patience).toBeGreaterThanOrEqual(count);
  };
  const lists = () =>
    proxy.requests.filter((each) => each.includes("deployments?") && each.includes("limit=500"));
  beforeEach(() => {
    ended = [];
  });

  it("lists nothing while the watch goes on, and reads only the Deployments whose rows differ", async () => {
    await insertSentinels(mysql.url, [{ id: "quiet" }, { id: "overwritten" }]);
    for (const id of ["quiet", "overwritten"]) await kubernetes.deploy(id);
    begin({ recheckMs: 200, onRecheck });
    for (const id of ["quiet", "overwritten"]) await settled(id, { health: "healthy", availableReplicas: 1 });
    const before = lists().length;
    await rechecks(5);
    await store.observe([{ id: "overwritten", observed: { health: "unknown", availableReplicas: 7 } }]);
    await settled("overwritten", { health: "healthy", availableReplicas: 1 });
    await rechecks(5);
    expect(lists()).toHaveLength(before);
    const asked = proxy.requests.filter((each) => each.includes("fieldSelector="));
    expect(asked.filter((each) => each.includes("k8s-quiet"))).toEqual([]);
  });

  it("never takes back what a Deploy wrote before the watch has told of it", async () => {
    await insertSentinels(mysql.url, [{ id: "ahead" }]);
    await kubernetes.deploy("ahead");
    await available("ahead", 1);
    proxy.mishap = ({ url }) => (url.includes("watch=true") ? "hang" : undefined);
    const written: unknown[] = [];
    const recording: SentinelStore = {
      ...store,
      observe: (batch) => {
        written.push(
          ...batch.filter(({ id }) => id === "ahead").map(({ observed }) => observed.runningImage),
        );
        return store.observe(batch);
      },
    };
    begin({ recheckMs: 200, onRecheck, store: recording });
    await settled("ahead", { health: "healthy", runningImage: "x:v1" });
    await patch("ahead", "x:v2", 2);
    await available("ahead", 2);
    written.length = 0;
    await store.observe([
      { id: "ahead", observed: { health: "healthy", availableReplicas: 2, runningImage: "x:v2" } },
    ]);
    await rechecks(5);
    expect(written).toEqual([]);
    expect(await row("ahead")).toMatchObject({ availableReplicas: 2, runningImage: "x:v2" });
  });

  it("where very many rows differ lists once instead, and corrects them all", async () => {
    const many = Array.from({ length: 250 }, (_, n) => ({ id: `many-${n}`, health: "healthy" as const }));
    begin({ recheckMs: 2_000, onRecheck });
    await synced();
    await rechecks(1);
    const before = lists().length;
    await insertSentinels(mysql.url, many);
    const wrong = async () =>
      (await store.observedRowsOf(many.map(({ id }) => id))).filter(({ health }) => health !== "unhealthy");
    await expect.poll(wrong, patience).toEqual([]);
    expect(lists().length).toBeGreaterThan(before);
    expect(proxy.requests.filter((each) => each.includes("k8s-many-"))).toEqual([]);
  });

  it("goes on where its time was over, and so comes to every row", async () => {
    await insertSentinels(mysql.url, [
      ...Array.from({ length: 2_500 }, (_, n) => ({ id: `page-${n}`, health: "unhealthy" as const })),
      { id: "zz-last", health: "healthy" },
    ]);
    const slow: SentinelStore = {
      ...store,
      async *observedRows(after) {
        for await (const page of store.observedRows(after)) {
          await delay(150);
          yield page;
        }
      },
    };
    begin({ recheckMs: 300, onRecheck, store: slow });
    await settled("zz-last", { health: "unhealthy" });
    expect(ended).toContain("unfinished");
    await expect.poll(() => ended, patience).toContain("ok");
  });

  it("that fails is told once, and once that it works again; each counts", async () => {
    const lines: string[] = [];
    const logger = pino({ level: "info" }, { write: (line: string) => lines.push(JSON.parse(line).msg) });
    let away = true;
    const failing: SentinelStore = {
      ...store,
      async *observedRows(after) {
        if (away) throw new Error("MySQL is away");
        yield* store.observedRows(after);
      },
    };
    begin({ recheckMs: 200, onRecheck, store: failing, logger });
    await expect.poll(() => ended, patience).toEqual(["error", "error", "error"]);
    const told = () => lines.filter((line) => /^re-check (failed|works)/.test(line));
    expect(told()).toEqual(["re-check failed"]);
    away = false;
    await expect.poll(() => ended, patience).toContain("ok");
    expect(told()).toEqual(["re-check failed", "re-check works again"]);
  });

  it("leaves out a cluster that is away, and counts that", async () => {
    begin({ recheckMs: 1_000, onRecheck });
    await synced();
    await expect.poll(() => ended, patience).toContain("ok");
    await watcher?.stop();
    ended = [];
    proxy.mishap = () => "reset";
    begin({ recheckMs: 1_000, onRecheck });
    await rechecks(3);
    expect(new Set(ended)).toEqual(new Set(["partial"]));
  });
});

describe("wake-ups", () => {
  it("come when a Deployment has converged, with its image, and not for what the first LIST shows", async () => {
    await insertSentinels(mysql.url, [{ id: "wake" }]);
    await kubernetes.deploy("wake");
    begin();
    await settled("wake", { health: "healthy" });
    notified.length = 0;
    await watcher?.stop();
    begin();
    await synced();
    await patch("wake", "x:v2");
    await expect.poll(() => notified, patience).toContain("wake x:v2");
    expect(notified.filter((call) => call.startsWith("wake"))).not.toContain("wake x:v1");
  });

  it("come when a Deployment definitely fails, and when it is deleted", async () => {
    await insertSentinels(mysql.url, [{ id: "fails" }, { id: "vanishes" }]);
    await kubernetes.deploy("fails", (deployment) => {
      if (deployment.spec !== undefined) deployment.spec.progressDeadlineSeconds = 3;
    });
    await kubernetes.deploy("vanishes");
    begin();
    await settled("fails", { health: "healthy" });
    await settled("vanishes", { health: "healthy" });
    notified.length = 0;
    await patch("fails", "x:bad");
    await expect.poll(() => notified, patience).toContain("fails x:bad");
    await kubernetes.remove("vanishes");
    await expect.poll(() => notified, patience).toContain("vanishes ");
  });

  it("are tried again when they fail", async () => {
    await insertSentinels(mysql.url, [{ id: "retry" }]);
    await kubernetes.deploy("retry");
    let failures = 2;
    begin({
      notifyReady: async (id) => {
        if (id !== "retry") return;
        if (failures-- > 0) throw new Error("Restate is away");
        notified.push(id);
      },
    });
    await settled("retry", { health: "healthy" });
    await patch("retry", "x:v2");
    await expect.poll(() => notified, patience).toContain("retry");
  });

  it("of a sentinel that came up late have its row settled: it alone is left failed on the image of its row", async () => {
    const failed = {
      deployStatus: "failed",
      health: "healthy",
      runningImage: "x:v1",
      image: "x:v1",
    } as const;
    await insertSentinels(mysql.url, [
      { ...failed, id: "came-late" },
      { ...failed, id: "on-another", image: "x:v2" },
      { ...failed, id: "on-a-mirror", image: "ghcr.io/x:v1" },
      { ...failed, id: "is-ready", deployStatus: "ready" },
      { ...failed, id: "is-ill", health: "unhealthy" },
      { ...failed, id: "retired", desiredState: "archived" },
    ]);
    await store.rememberRewritten("ghcr.io/x:v1", "x:v1");
    for (const id of ["came-late", "on-another", "on-a-mirror", "is-ready"]) await kubernetes.deploy(id);
    begin({ recheckMs: 100 });
    await expect.poll(() => [...healed].sort(), patience).toEqual(["came-late", "on-a-mirror"]);
  });

  it("that were lost come from the re-check, for a deploy that is under way and has something to look at", async () => {
    const now = Date.now();
    await insertSentinels(mysql.url, [
      { id: "lost", deployStatus: "progressing", updatedAt: now },
      { id: "lost-gone", deployStatus: "progressing", updatedAt: now },
      { id: "still-waits", deployStatus: "progressing", updatedAt: now },
      { id: "at-rest", deployStatus: "ready", updatedAt: now },
    ]);
    await kubernetes.deploy("lost");
    await kubernetes.deploy("at-rest");
    await kubernetes.deploy("still-waits", (deployment) => {
      const fault = { "sentinel-rollout.dev/fault": "NeverReady" };
      if (deployment.spec !== undefined)
        deployment.spec.template.metadata = { ...deployment.spec.template.metadata, annotations: fault };
    });
    for (const id of ["lost", "at-rest"]) await available(id, 1);
    begin();
    await expect.poll(() => notified, patience).toContain("lost x:v1");
    await expect.poll(() => notified, patience).toContain("lost-gone ");
    expect(notified.filter((call) => /^(still-waits|at-rest)/.test(call))).toEqual([]);
  });
});

describe("a deploy whose invocation was killed", () => {
  it("is settled once it is overdue, also while the cluster is away; others are not", async () => {
    const now = Date.now();
    await insertSentinels(mysql.url, [
      { id: "killed", deployStatus: "progressing", updatedAt: now - 600_000 - 26_000 },
      { id: "undated", deployStatus: "progressing" },
      { id: "alive", deployStatus: "progressing", updatedAt: now - 600_000 - 1_000 },
      { id: "done", deployStatus: "failed", updatedAt: 1 },
    ]);
    proxy.mishap = () => "reset";
    begin({ recheckMs: 300 });
    await expect.poll(() => abandoned, patience).toContain(`killed ${now - 626_000}`);
    await expect.poll(() => abandoned, patience).toContain("undated 0");
    expect(abandoned.filter((call) => /^(alive|done)/.test(call))).toEqual([]);
  });
});

describe("a cluster that is away", () => {
  it("is not synced, keeps its rows as they are, and is watched when it comes", async () => {
    await insertSentinels(mysql.url, [{ id: "patient", health: "healthy", availableReplicas: 5 }]);
    await kubernetes.deploy("patient");
    proxy.mishap = () => "reset";
    begin({ recheckMs: 300 });
    await expect.poll(() => proxy.requests.length, patience).toBeGreaterThan(3);
    expect(watcher?.ready()).toEqual([{ cluster: expect.any(String), synced: false }]);
    expect(await row("patient")).toMatchObject({ health: "healthy", availableReplicas: 5 });
    proxy.mishap = () => undefined;
    await settled("patient", { health: "healthy", availableReplicas: 1 });
    expect(watcher?.ready()).toEqual([{ cluster: expect.any(String), synced: true }]);
  });
});

it("several watchers side by side come to the same rows", async () => {
  await insertSentinels(mysql.url, [{ id: "shared" }]);
  await kubernetes.deploy("shared");
  begin({ recheckMs: 300 });
  const first = watcher;
  begin({ recheckMs: 300 });
  await patch("shared", "x:v2", 3);
  await settled("shared", { health: "healthy", availableReplicas: 3, runningImage: "x:v2" });
  await first?.stop();
  await patch("shared", "x:v3", 1);
  await settled("shared", { availableReplicas: 1, runningImage: "x:v3" });
});
