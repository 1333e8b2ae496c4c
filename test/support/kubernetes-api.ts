import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { startEmbeddedKubernetes } from "../../src/embedded-kubernetes/index.ts";
import { startApiProxy } from "./api-proxy.ts";

/**
 * A small client for what the Kubernetes API says on the wire, in a namespace of its own: of the embedded API, or of the
 * real cluster that `TEST_KUBECONFIG` names, which is right wherever the two differ.
 */
export class Cluster {
  readonly url: string;
  readonly namespace = `sentinel-test-${randomBytes(5).toString("hex")}`;
  readonly #stop: () => Promise<void>;
  readonly #watches = new Set<OpenWatch>();

  private constructor(url: string, stop: () => Promise<void>) {
    this.url = url;
    this.#stop = stop;
  }

  static async start(): Promise<Cluster> {
    const real = process.env.TEST_KUBECONFIG;
    if (real === undefined) {
      const embedded = await startEmbeddedKubernetes({ podStartMs: 20 });
      return Cluster.at(embedded.url, () => embedded.close());
    }
    const directory = await mkdtemp(join(tmpdir(), "kubernetes-api-"));
    const cleanUp = () => rm(directory, { recursive: true, force: true });
    try {
      const proxy = await startApiProxy(real, join(directory, "kubeconfig"));
      return await Cluster.at(proxy.url, async () => {
        await proxy.close();
        await cleanUp();
      });
    } catch (error) {
      await cleanUp();
      throw error;
    }
  }

  /** Makes a namespace of its own at `url`; `stop` is called once it is removed. */
  static async at(url: string, stop: () => Promise<void>): Promise<Cluster> {
    const cluster = new Cluster(url, stop);
    try {
      await cluster.call("POST", "/api/v1/namespaces", { metadata: { name: cluster.namespace } });
    } catch (error) {
      await stop();
      throw error;
    }
    return cluster;
  }

  async stop(): Promise<void> {
    for (const watch of this.#watches) watch.close();
    await this.call("DELETE", `/api/v1/namespaces/${this.namespace}`).catch(() => undefined);
    await this.#stop();
  }

  /** A kubeconfig whose current context is this cluster and namespace. */
  async writeKubeconfig(file: string): Promise<void> {
    const name = "test";
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name, cluster: { server: this.url } }],
      contexts: [{ name, context: { cluster: name, user: name, namespace: this.namespace } }],
      users: [{ name, user: {} }],
      "current-context": name,
    };
    await writeFile(file, JSON.stringify(config));
  }

  /** The path of a collection in the test's namespace. */
  path(plural: string): string {
    const group = plural.startsWith("pods") ? "/api/v1" : "/apis/apps/v1";
    return `${group}/namespaces/${this.namespace}/${plural}`;
  }

  async call(method: string, path: string, body?: unknown, type = "application/json"): Promise<Reply> {
    const response = await fetch(`${this.url}${path.startsWith("/") ? path : this.path(path)}`, {
      method,
      ...(body === undefined
        ? {}
        : {
            body: typeof body === "string" ? body : JSON.stringify(body),
            headers: { "content-type": type },
          }),
    });
    const text = await response.text();
    return {
      code: response.status,
      headers: response.headers,
      body: (text.startsWith("{") ? JSON.parse(text) : { text }) as Body,
    };
  }

  async get(path: string): Promise<Body> {
    return (await this.call("GET", path)).body;
  }

  jsonPatch(path: string, operations: unknown): Promise<Reply> {
    return this.call("PATCH", path, operations, "application/json-patch+json");
  }

  mergePatch(path: string, patch: unknown): Promise<Reply> {
    return this.call("PATCH", path, patch, "application/merge-patch+json");
  }

  strategicPatch(path: string, patch: unknown): Promise<Reply> {
    return this.call("PATCH", path, patch, "application/strategic-merge-patch+json");
  }

  /** Creates a Deployment and waits until it is complete. */
  async deploy(name: string, change: Change = {}): Promise<Body> {
    const created = await this.call("POST", "deployments", deployment(name, change));
    if (created.code !== 201) throw new Error(JSON.stringify(created.body));
    return this.settled(name);
  }

  setImage(name: string, image: string, annotations?: Record<string, string | null>): Promise<Reply> {
    return this.strategicPatch(`deployments/${name}`, {
      spec: {
        template: {
          ...(annotations === undefined ? {} : { metadata: { annotations } }),
          spec: { containers: [{ name: "sentinel", image }] },
        },
      },
    });
  }

  /** The Deployment once the rule of `kubectl rollout status` says that it is rolled out. */
  settled(name: string): Promise<Body> {
    return until(async () => {
      const found = await this.get(`deployments/${name}`);
      if (!isRolledOut(found)) throw new Error(`not rolled out: ${JSON.stringify(found.status)}`);
      return found;
    });
  }

  pods(name: string): Promise<Body[]> {
    return this.get(`pods?labelSelector=app%3D${name}`).then(({ items }) => items ?? []);
  }

  async watch(path: string): Promise<OpenWatch> {
    const url = `${this.url}${path.startsWith("/") ? path : this.path(path)}`;
    const watch = await OpenWatch.open(url);
    this.#watches.add(watch);
    return watch;
  }
}

export interface Reply {
  code: number;
  headers: Headers;
  body: Body;
}

/** What comes back: whatever of it a test looks at. */
export interface Body {
  kind: string;
  message: string;
  reason: string;
  details: { causes?: { field: string; message: string }[] };
  metadata: {
    name: string;
    namespace?: string;
    uid: string;
    generation: number;
    resourceVersion: string;
    continue?: string;
    remainingItemCount?: number;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: { uid: string; kind: string }[];
    deletionTimestamp?: string;
    finalizers?: string[];
  };
  spec: {
    replicas: number;
    strategy: object;
    template: {
      metadata: { labels: Record<string, string> };
      spec: { containers: { name: string; image: string; resources: object; env?: { name: string }[] }[] };
    };
    /** Of a pod. */
    containers?: { image: string }[];
    nodeName?: string;
  };
  status: {
    phase: string;
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    readyReplicas?: number;
    availableReplicas?: number;
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
    containerStatuses?: { ready: boolean; restartCount: number; state: object; lastState: object }[];
  };
  items?: Body[];
}

/** Replaces parts of the Deployment that the tests start from. */
export interface Change {
  spec?: object;
  podSpec?: object;
  container?: object;
  annotations?: Record<string, string>;
  templateAnnotations?: Record<string, string>;
  labels?: Record<string, string>;
  finalizers?: string[];
}

export function deployment(name: string, change: Change = {}): object {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      name,
      labels: { app: name, ...change.labels },
      annotations: change.annotations ?? {},
      finalizers: change.finalizers ?? [],
    },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name }, annotations: change.templateAnnotations ?? {} },
        spec: {
          containers: [{ name: "sentinel", image: "registry.test/sentinel:v1", ...change.container }],
          ...change.podSpec,
        },
      },
      ...change.spec,
    },
  };
}

export function isRolledOut({ metadata, spec, status }: Body): boolean {
  const { observedGeneration = 0, replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status;
  return (
    observedGeneration >= metadata.generation &&
    updatedReplicas >= spec.replicas &&
    replicas <= updatedReplicas &&
    availableReplicas >= updatedReplicas
  );
}

export function condition(object: Body, type: string): { status: string; reason?: string } | undefined {
  const found = object.status.conditions?.find((present) => present.type === type);
  if (found === undefined) return undefined;
  return { status: found.status, ...(found.reason === undefined ? {} : { reason: found.reason }) };
}

/** Asks again until `look` does not throw any more. @throws what it threw last, after `timeoutMs` */
export async function until<T>(look: () => Promise<T> | T, timeoutMs = 20_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await delay(25);
  }
}

export interface WatchEvent {
  type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  object: Body;
}

/** A watch and everything that it has told so far. */
export class OpenWatch {
  readonly events: WatchEvent[] = [];
  readonly code: number;
  /** Settles when the server ends the stream; false when it broke off. */
  readonly ended: Promise<boolean>;
  readonly close: () => void;

  private constructor(code: number, lines: NodeJS.ReadableStream, close: () => void) {
    this.code = code;
    this.close = close;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    lines.on("end", () => resolve(true));
    const reader = createInterface(lines);
    reader.on("error", () => resolve(false));
    reader.on("line", (line) => {
      if (line !== "") this.events.push(JSON.parse(line) as WatchEvent);
    });
    this.ended = promise;
  }

  static async open(url: string): Promise<OpenWatch> {
    const watching = new URL(url);
    watching.searchParams.set("watch", "1");
    const open = request(watching, { agent: false });
    open.end();
    const { promise, resolve, reject } = Promise.withResolvers<OpenWatch>();
    open.on("error", reject);
    open.on("response", (response) => {
      resolve(new OpenWatch(response.statusCode ?? 0, response, () => open.destroy()));
    });
    return promise;
  }

  /** `TYPE name` of each event but bookmarks. */
  get story(): string[] {
    return this.events
      .filter(({ type }) => type !== "BOOKMARK")
      .map(({ type, object }) => `${type} ${object.metadata.name}`);
  }
}
