import { join } from "node:path";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { judge } from "../../src/domain/convergence.ts";
import { type ClusterConnection, connect } from "../../src/kubernetes/connection.ts";
import {
  type DeploymentWatch,
  type WatchedDeployment,
  type WatchHandlers,
  type WatchOptions,
  watchDeployments,
} from "../../src/kubernetes/deployment-watch.ts";
import { createLogger } from "../../src/log.ts";
import { type ApiProxy, type Mishap, startApiProxy } from "../support/api-proxy.ts";
import { startKubernetes, type TestKubernetes } from "../support/kubernetes.ts";
import { until } from "../support/until.ts";

let kubernetes: TestKubernetes;
let proxy: ApiProxy;
let connection: ClusterConnection;
let watch: DeploymentWatch;
let seen: WatchedDeployment[];
let gone: string[];

beforeAll(async () => {
  kubernetes = await startKubernetes();
});
beforeEach(async () => {
  proxy = await startApiProxy(kubernetes.kubeconfigFile, join(kubernetes.directory, "proxied"));
  connection = connect(undefined, proxy.kubeconfigFile);
  seen = [];
  gone = [];
});
afterEach(async () => {
  await watch?.stop();
  await connection.close();
  await proxy.close();
});
afterAll(() => kubernetes?.stop());

function begin(
  handlers: Partial<WatchHandlers> = {},
  streamSeconds?: number,
  more: Partial<WatchOptions> = {},
): void {
  watch = watchDeployments({
    connection,
    namespace: kubernetes.namespace,
    containerName: "sentinel",
    logger: createLogger("silent"),
    ...more,
    handlers: {
      onChange: (deployment) => seen.push(deployment),
      onDelete: ({ sentinelId }) => gone.push(sentinelId),
      onSynced: () => undefined,
      ...handlers,
    },
    ...(streamSeconds === undefined ? {} : { streamSeconds }),
  });
}

const synced = () => expect.poll(() => watch.synced, { timeout: 10_000 }).toBe(true);
const streaming = () =>
  expect.poll(() => proxy.requests.filter(isWatch).length, { timeout: 10_000 }).toBeGreaterThan(0);
const patience = { timeout: 30_000 };

function isWatch(request: string): boolean {
  return request.includes("watch=true");
}

/** Not a question for one object, or for how far the server is. */
function isFullList(request: string): boolean {
  return request.includes("limit=500") && !request.includes("continue=");
}

const status = (code: number) => JSON.stringify({ kind: "Status", code, message: "on purpose" });

function setImage(id: string, image: string): Promise<void> {
  return kubernetes.patch(id, [
    { op: "replace", path: "/spec/template/spec/containers/0/image", value: image },
  ]);
}

/** No pods: nothing but what a test does changes it. */
async function deploy(id: string): Promise<void> {
  await kubernetes.deploy(id, (deployment) => {
    if (deployment.spec !== undefined) deployment.spec.replicas = 0;
  });
}

describe("what is watched", () => {
  it("is known after the first LIST, and each change and deletion as it comes", async () => {
    await deploy("w1");
    let known: string[] = [];
    begin({ onSynced: () => (known = seen.map(({ sentinelId }) => sentinelId)) });
    await synced();
    expect(known).toContain("w1");
    expect(watch.get("k8s-w1")).toMatchObject({ name: "k8s-w1", sentinelId: "w1", image: "x:v1" });
    expect(Date.now() - watch.lastContactMs).toBeLessThan(10_000);

    await deploy("w2");
    await setImage("w1", "x:v2");
    await expect.poll(() => watch.get("k8s-w1")?.image, patience).toBe("x:v2");
    await expect.poll(() => watch.get("k8s-w2")?.sentinelId, patience).toBe("w2");
    await kubernetes.remove("w2");
    await expect.poll(() => gone, patience).toEqual(["w2"]);
    expect(watch.get("k8s-w2")).toBeUndefined();
  });

  it("tells since when a Deployment lacks replicas, also of a time before it was watched", async () => {
    const { apps } = kubernetes.admin;
    await kubernetes.deploy("lacks", ({ spec }) => {
      const [container] = spec?.template.spec?.containers ?? [];
      if (container !== undefined) container.image = "x:bad";
    });
    const sinceMs = await until("it to have lacked its replica for a while", async () => {
      const name = "k8s-lacks";
      const { status } = await apps.readNamespacedDeployment({ name, namespace: kubernetes.namespace });
      const available = status?.conditions?.find(({ type }) => type === "Available");
      const atMs = available?.lastTransitionTime?.getTime() ?? Number.POSITIVE_INFINITY;
      return available?.status === "False" && Date.now() - atMs > 2_000 && atMs;
    });
    begin();
    await synced();
    expect(watch.get("k8s-lacks")).toMatchObject({ unavailableMs: sinceMs, completeSeconds: 0 });
    expect([...watch.unavailable()]).toEqual(["k8s-lacks"]);
    await kubernetes.remove("lacks");
    await expect.poll(() => [...watch.unavailable()], patience).toEqual([]);
  });

  it("is only what carries the sentinels' label, as long as it does", async () => {
    await kubernetes.deploy("unlabelled", (deployment) => {
      if (deployment.metadata !== undefined) deployment.metadata.labels = {};
    });
    await deploy("labelled");
    begin();
    await synced();
    expect(watch.get("k8s-labelled")).toBeDefined();
    expect(watch.get("k8s-unlabelled")).toBeUndefined();
    await streaming();
    await kubernetes.patch("labelled", [{ op: "replace", path: "/metadata/labels", value: {} }]);
    await expect.poll(() => gone, patience).toEqual(["labelled"]);
  });

  it("may be more than one page", async () => {
    const ids = Array.from({ length: 510 }, (_, i) => `page-${i}`);
    for (let at = 0; at < ids.length; at += 10) await Promise.all(ids.slice(at, at + 10).map(deploy));
    begin();
    await synced();
    expect(ids.filter((id) => watch.get(`k8s-${id}`) === undefined)).toEqual([]);
    expect(proxy.requests.filter((request) => request.includes("continue=")).length).toBeGreaterThan(0);
    for (let at = 0; at < ids.length; at += 10)
      await Promise.all(ids.slice(at, at + 10).map((id) => kubernetes.remove(id)));
    await expect.poll(() => gone.length, patience).toBe(510);
  });
});

describe("every convergence is delivered", () => {
  const image = (round: number) => `x:r${round}`;
  const ids = Array.from({ length: 12 }, (_, i) => `all-${i}`);
  const converged = (id: string, round: number) =>
    seen.some(
      (each) =>
        each.sentinelId === id && judge(each, { image: image(round), generation: 0 }).kind === "converged",
    );
  /** One rollout of each, and what the watch tells until all have been seen to converge. */
  const round = async (number: number) => {
    await Promise.all(ids.map((id) => setImage(id, image(number))));
    await expect.poll(() => ids.filter((id) => !converged(id, number)), patience).toEqual([]);
  };
  const generations = (id: string) =>
    seen.filter(({ sentinelId }) => sentinelId === id).map(({ generation }) => generation);

  it("in order, while the connection breaks in mid-rollout, without a LIST: it goes on where it was", async () => {
    await Promise.all(ids.map((id) => kubernetes.deploy(id)));
    begin();
    await synced();
    await streaming();
    const lists = () => proxy.requests.filter((request) => !isWatch(request)).length;
    const before = lists();
    await round(1);
    const opened = proxy.requests.filter(isWatch).length;
    const changes = seen.length;
    const rolling = round(2);
    await expect.poll(() => seen.length, patience).toBeGreaterThan(changes);
    proxy.cut();
    await rolling;
    await round(3);
    expect(proxy.requests.filter(isWatch).length).toBeGreaterThan(opened);
    expect(lists()).toBe(before);
    for (const id of ids) {
      const told = generations(id);
      expect(told).toEqual([...told].sort((a, b) => a - b));
      expect(watch.get(`k8s-${id}`)).toMatchObject({ image: image(3), availableReplicas: 1 });
    }
  });

  it("when its version has expired meanwhile, with what a LIST shows then", async () => {
    begin();
    await synced();
    await streaming();
    const expired = {
      type: "ERROR",
      object: {
        kind: "Status",
        apiVersion: "v1",
        metadata: {},
        status: "Failure",
        message: "too old resource version: 1 (2)",
        reason: "Expired",
        code: 410,
      },
    };
    let isExpired = false;
    proxy.mishap = ({ url }) => {
      if (!isWatch(url)) {
        isExpired = false;
        return undefined;
      }
      return isExpired ? { answer: 200, body: `${JSON.stringify(expired)}\n` } : undefined;
    };
    for (const number of [4, 5]) {
      const rolling = round(number);
      isExpired = true;
      proxy.cut();
      await rolling;
      expect(isExpired).toBe(false);
    }
  });
});

describe("what it survives", () => {
  const error410 = `${JSON.stringify({ type: "ERROR", object: { kind: "Status", code: 410 } })}\n`;
  const mishaps: [string, Mishap][] = [
    ["410 Gone", { answer: 410, body: status(410) }],
    ["410 as an event", { answer: 200, body: error410 }],
    ["throttling", { answer: 429, body: status(429), headers: { "retry-after": "1" } }],
    ["401", { answer: 401, body: status(401) }],
    ["403", { answer: 403, body: status(403) }],
    ["an unavailable server", { answer: 503 }],
    ["a proxy's page", { answer: 200, body: "<html></html>" }],
    ["reset connections", "reset"],
  ];

  it.each(mishaps)("%s, to watch and list alike: afterwards nothing is missed", async (name, mishap) => {
    const id = `m-${mishaps.findIndex(([each]) => each === name)}`;
    await deploy(`${id}-stays`);
    await deploy(`${id}-goes`);
    begin();
    await synced();
    await streaming();
    proxy.mishap = () => mishap;
    proxy.cut();
    await setImage(`${id}-stays`, "x:v2");
    await kubernetes.remove(`${id}-goes`);
    proxy.requests.length = 0;
    await expect.poll(() => proxy.requests.length, patience).toBeGreaterThan(2);
    expect(watch.get(`k8s-${id}-stays`)?.image).toBe("x:v1");
    proxy.mishap = () => undefined;
    await expect.poll(() => watch.get(`k8s-${id}-stays`)?.image, patience).toBe("x:v2");
    await expect.poll(() => gone, patience).toContain(`${id}-goes`);
  });

  it.each(mishaps)("%s from the very start", async (_, mishap) => {
    proxy.mishap = () => mishap;
    begin();
    await expect.poll(() => proxy.requests.length, patience).toBeGreaterThan(1);
    expect(watch.synced).toBe(false);
    proxy.mishap = () => undefined;
    await synced();
  });

  it("does not hammer a server that ends every stream at once", async () => {
    proxy.mishap = ({ url }) => (isWatch(url) ? { answer: 200, body: error410 } : undefined);
    begin();
    await synced();
    const before = proxy.requests.length;
    const startedMs = Date.now();
    await expect.poll(() => proxy.requests.length - before, patience).toBeGreaterThan(8);
    expect(Date.now() - startedMs).toBeGreaterThan(500);
  });

  it("a stream that hangs", async () => {
    await deploy("hung");
    proxy.mishap = ({ url }) => (isWatch(url) ? "hang" : undefined);
    begin({}, 1);
    await synced();
    await streaming();
    await setImage("hung", "x:v2");
    proxy.mishap = () => undefined;
    await expect.poll(() => watch.get("k8s-hung")?.image, patience).toBe("x:v2");
  });

  it("a server that was set back, and is silent until it has come as far again", async () => {
    await deploy("set-back");
    let ahead = "";
    proxy.mishap = ({ url }) => {
      if (isWatch(url) || ahead !== "") return undefined;
      ahead = "999999999999";
      const list = { kind: "DeploymentList", metadata: { resourceVersion: ahead }, items: [] };
      return { answer: 200, body: JSON.stringify(list) };
    };
    begin({}, 1);
    await streaming();
    expect(watch.get("k8s-set-back")).toBeUndefined();
    await expect.poll(() => watch.get("k8s-set-back"), patience).toBeDefined();
  });

  it("a quiet time, without a LIST", async () => {
    begin({}, 1);
    await synced();
    const lists = proxy.requests.filter(isFullList).length;
    await expect.poll(() => proxy.requests.filter(isWatch).length, patience).toBeGreaterThan(3);
    expect(proxy.requests.filter(isFullList)).toHaveLength(lists);
    expect(watch.current).toBe(true);
  });

  it("a handler that throws", async () => {
    begin({
      onChange: () => {
        throw new Error("a bug");
      },
      onSynced: () => {
        throw new Error("another bug");
      },
    });
    await synced();
    await streaming();
    await deploy("thrown");
    await expect.poll(() => watch.get("k8s-thrown"), patience).toBeDefined();
  });
});

describe("what is known is up to date", () => {
  it("as long as there are streams, and for a while after a LIST where there are none", async () => {
    proxy.mishap = ({ url }) => (isWatch(url) ? { answer: 403, body: status(403) } : undefined);
    begin();
    await synced();
    expect(watch.current).toBe(true);
    await expect.poll(() => watch.current, patience).toBe(false);
    await watch.relist();
    expect(watch.current).toBe(true);
  });

  it("after a full LIST now and then, whatever the streams kept to themselves", async () => {
    await deploy("kept");
    proxy.mishap = ({ url }) => (isWatch(url) ? "hang" : undefined);
    begin({}, undefined, { listEveryMs: 1 });
    await synced();
    await streaming();
    await setImage("kept", "x:v2");
    proxy.mishap = ({ url }) => {
      const future = url.replace(/resourceVersion=\d+/, "resourceVersion=999999999999");
      return isWatch(url) ? { instead: future.replace(/timeoutSeconds=\d+/, "timeoutSeconds=1") } : undefined;
    };
    proxy.cut();
    await expect.poll(() => watch.get("k8s-kept")?.image, patience).toBe("x:v2");
  });

  it("of one Deployment that is asked for", async () => {
    for (const id of ["one-stays", "one-goes"]) await deploy(id);
    proxy.mishap = ({ url }) => (isWatch(url) ? "hang" : undefined);
    begin();
    await synced();
    await setImage("one-stays", "x:v2");
    await kubernetes.patch("one-goes", [{ op: "replace", path: "/metadata/labels", value: {} }]);
    const { signal } = new AbortController();
    for (const id of ["one-stays", "one-goes", "one-that-never-was"])
      await watch.refresh(`k8s-${id}`, signal);
    expect(watch.get("k8s-one-stays")?.image).toBe("x:v2");
    expect(gone).toEqual(["one-goes"]);
    expect(proxy.requests.filter(isFullList)).toHaveLength(1);
  });

  it("or it is told once that it is not, however often a watch fails", async () => {
    const lines: string[] = [];
    const logger = pino({ level: "info" }, { write: (line: string) => lines.push(JSON.parse(line).msg) });
    proxy.mishap = ({ url }) => (isWatch(url) ? { answer: 403, body: status(403) } : undefined);
    begin({}, 1, { logger });
    await expect.poll(() => proxy.requests.filter(isWatch).length, patience).toBeGreaterThan(5);
    expect(lines).toEqual(["watch interrupted"]);
    proxy.mishap = () => undefined;
    await expect.poll(() => lines, patience).toEqual(["watch interrupted", "watch goes on"]);
  });
});

describe("a LIST on demand", () => {
  it("shows what the stream did not", async () => {
    await deploy("silent");
    proxy.mishap = ({ url }) => (isWatch(url) ? "hang" : undefined);
    begin();
    await synced();
    await streaming();
    await setImage("silent", "x:v2");
    await watch.relist();
    expect(watch.get("k8s-silent")?.image).toBe("x:v2");
  });

  it("several at once are all answered, also while one is under way", async () => {
    begin();
    const first = watch.relist();
    await Promise.all([first, watch.relist(), watch.relist()]);
    expect(watch.synced).toBe(true);
  });

  it("fails in time when the server does not answer, and when the watch stops", async () => {
    begin();
    await synced();
    proxy.mishap = () => "hang";
    await expect(watch.relist(300)).rejects.toThrow("no LIST");
    const last = expect(watch.relist()).rejects.toThrow("no LIST");
    await watch.stop();
    await last;
  });
});

it("stopping ends its connections at once, hung ones too", async () => {
  begin();
  await synced();
  await streaming();
  await watch.stop();
  await expect.poll(() => proxy.underWay(), patience).toHaveLength(0);
  proxy.mishap = () => "hang";
  begin();
  await expect.poll(() => proxy.underWay(), patience).toHaveLength(1);
  await watch.stop();
  await expect.poll(() => proxy.underWay(), patience).toHaveLength(0);
});
