import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Answer } from "../../../src/local-stack/restate-api.ts";
import type { ServiceProcess } from "../../../src/local-stack/service.ts";
import { type StackOptions, startStack } from "../../../src/local-stack/stack.ts";
import { type ApiProxy, startApiProxy } from "../../support/api-proxy.ts";
import type { FleetState } from "../../support/rollout-state.ts";
import { World } from "../../support/stack-world.ts";
import { until } from "../../support/until.ts";
import { Checker } from "../checker/checker.ts";
import type { Evidence, Verb } from "../checker/evidence.ts";
import { Failpoints } from "./failpoints.ts";
import type { Fault, Heal } from "./fault.ts";
import type { Random } from "./random.ts";
import { startTcpRelay, type TcpRelay } from "./tcp-relay.ts";

/** What the watcher sends to the ingress, and what must never be found again. */
const TOKEN = "canary-token-5c1d0ebb";

/** Those that came up and broke are to be found soon. */
const REGRESSION_SECONDS = 1;

/** Longest wait (ms) for a rollout under fault to come to its end. */
const PATIENCE_MS = 300_000;

export interface Answered {
  state: string;
  message?: string;
  [field: string]: unknown;
}

/**
 * A stack on which things go wrong, with an independent checker beside it. Between the service and the Kubernetes API
 * stands a proxy that records every patch; the service's process can be killed at any step of its handlers, and is
 * started again when it dies, as Kubernetes would.
 */
export class Arena {
  readonly world: World;
  readonly failpoints: Failpoints;
  readonly proxy: ApiProxy;
  /** Where Restate reaches the service; its targets are the replicas. */
  readonly relay: TcpRelay;
  readonly replicas: ServiceProcess[] = [];
  readonly checker: Checker;
  readonly #directory: string;
  readonly #evidence: Evidence;
  readonly #supervised = new Set<ServiceProcess>();
  #closing = false;

  /**
   * @param options of the stack; `env` and `adjustEnv` as there
   * @param replicas processes of the service, which Restate reaches at one address
   */
  static async open(options: StackOptions = {}, replicas = 1): Promise<Arena> {
    const directory = await mkdtemp(join(tmpdir(), "faults-"));
    const failpoints = new Failpoints(directory);
    let proxy: ApiProxy | undefined;
    let relay: TcpRelay | undefined;
    try {
      const stack = await startStack({
        sentinels: 12,
        ...options,
        env: {
          ...{ RESTATE_TOKEN: TOKEN, DEPLOY_TIMEOUT_SECONDS: "60", LOG_LEVEL: "debug" },
          ...{ REGRESSION_SECONDS: String(REGRESSION_SECONDS), ...options.env },
        },
        async adjustEnv(built, parts) {
          proxy = await startApiProxy(parts.kubeconfig, join(directory, "kubeconfig"));
          relay = await startTcpRelay([Number(built.PORT)]);
          const SERVICE_URL = `http://127.0.0.1:${relay.port}`;
          const ours = { ...failpoints.env, KUBECONFIG: proxy.kubeconfigFile, SERVICE_URL };
          return { ...ours, ...(await options.adjustEnv?.({ ...built, ...ours }, parts)) };
        },
      });
      if (proxy === undefined || relay === undefined) throw new Error("the service has no environment");
      const arena = new Arena(directory, new World(stack), failpoints, proxy, relay);
      for (let n = 1; n < replicas; n++) await arena.addReplica();
      return arena;
    } catch (error) {
      await proxy?.close();
      await relay?.close();
      await rm(directory, { recursive: true });
      throw error;
    }
  }

  private constructor(
    directory: string,
    world: World,
    failpoints: Failpoints,
    proxy: ApiProxy,
    relay: TcpRelay,
  ) {
    this.#directory = directory;
    this.world = world;
    this.failpoints = failpoints;
    this.proxy = proxy;
    this.relay = relay;
    const { stack } = world;
    const { password, pathname } = {
      password: new URL(stack.databaseUrl).password,
      ...slackPath(stack.slack),
    };
    this.#evidence = {
      admin: stack.admin,
      ingress: stack.ingress,
      databaseUrl: stack.databaseUrl,
      kubeconfig: stack.kubeconfig,
      namespace: stack.namespace,
      slackUrl: stack.slack.listUrl,
      patches: proxy.patches,
      logFiles: [stack.service.logFile, stack.restate.process.logFile],
      secrets: { "DSN password": password, "webhook URL": pathname, "ingress token": TOKEN },
      verbs: [],
      troubles: [],
      meddled: new Set(),
      hotfixes: new Map(),
      broken: new Set(),
      regressionMs: REGRESSION_SECONDS * 1_000,
    };
    this.checker = new Checker(this.#evidence);
    this.replicas.push(stack.service);
    this.supervise(stack.service);
  }

  /** One process of the service more. */
  async addReplica(): Promise<ServiceProcess> {
    const replica = await this.world.stack.startReplica();
    this.relay.targets.push(Number(new URL(replica.endpoint).port));
    this.replicas.push(replica);
    this.supervise(replica);
    return replica;
  }

  /** Starts the process again whenever it dies, until it is let go. */
  supervise(service: ServiceProcess): void {
    this.#supervised.add(service);
    if (!this.#evidence.logFiles.includes(service.logFile)) this.#evidence.logFiles.push(service.logFile);
    void this.#keepAlive(service);
  }

  /** What happens to this process from now on is the scenario's business. */
  letGo(service: ServiceProcess): void {
    this.#supervised.delete(service);
  }

  async #keepAlive(service: ServiceProcess): Promise<void> {
    const wanted = () => !this.#closing && this.#supervised.has(service);
    while (wanted()) {
      await service.process.exited();
      if (!wanted()) return;
      // It may die again while it starts.
      await service.process.start().catch(() => delay(50));
    }
  }

  /** Calls an operator's verb and waits for its answer, over restarts of the ingress too. */
  async verb(name: Verb["name"], body: unknown = {}): Promise<Answer<Answered>> {
    const { id, record } = await this.#begin(name, body);
    return this.#finish(id, record);
  }

  /** Starts an operator's verb; `answer` of the result waits for its end. */
  async start(
    name: Verb["name"],
    body: unknown = {},
  ): Promise<{ id: string; answer: Promise<Answer<Answered>> }> {
    const { id, record } = await this.#begin(name, body);
    const answer = this.#finish(id, record);
    answer.catch(() => undefined);
    return { id, answer };
  }

  async #begin(name: Verb["name"], body: unknown): Promise<{ id: string; record: Verb }> {
    // By its comment the history's action of this very call is found again.
    const commented = { comment: `call ${this.#evidence.verbs.length + 1}`, ...(body as object) };
    const record: Verb = { name, body: commented, askedMs: Date.now() };
    this.#evidence.verbs.push(record);
    const id = await until("the ingress to take the call", () => this.world.start(name, commented));
    return { id, record };
  }

  async #finish(id: string, record: Verb): Promise<Answer<Answered>> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const answer = await until(
      `an answer to ${record.name}`,
      () => this.world.answer<Answered>(id, signal),
      PATIENCE_MS,
    );
    Object.assign(record, { answeredMs: Date.now(), status: answer.status, answer: answer.body });
    return answer;
  }

  /** Brings a fault upon the system, and has the checker know what it may cost. */
  async inject(fault: Fault, random: Random): Promise<Heal> {
    this.suffers(fault);
    return fault.inject(this, random);
  }

  /** Notes trouble that a scenario makes by itself. */
  suffers({ name, losesAnswers, crashes = false }: Omit<Fault, "inject">): void {
    this.#evidence.troubles.push({ name, losesAnswers, crashes, atMs: Date.now() });
  }

  /** Somebody else changes this sentinel: what becomes of its Deployment is not the service's doing alone. */
  meddles(id: string): void {
    this.#evidence.meddled.add(id);
  }

  /** On this image it comes up, and breaks so many seconds later. */
  async breaksLater(id: string, seconds: number, image: string): Promise<void> {
    this.#evidence.broken.add(id);
    await this.world.fault(id, `crash-after:${seconds}`, image);
  }

  /** Somebody moves this sentinel to an image of their own, which no rollout takes back. */
  async hotfixes(id: string, image: string): Promise<void> {
    this.meddles(id);
    await this.world.setImage(id, image);
    this.#evidence.hotfixes.set(id, image);
  }

  /** Waits until so many patches have been asked for since the arena was opened. */
  async untilPatches(count: number): Promise<void> {
    await until(`patch ${count}`, () => this.proxy.patches.length >= count, 60_000);
  }

  /**
   * Waits until so many patches have been asked for since `from`, but not much longer than the rollout takes to get
   * there: it may be on its way to somewhere else.
   */
  async soonAfterPatches(count: number, from: number): Promise<void> {
    const deadline = Date.now() + 3_000;
    await until("the patches", () => this.proxy.patches.length - from >= count || Date.now() > deadline);
  }

  /** Waits until the rollout stands still. */
  async rests(): Promise<FleetState> {
    return until(
      "the rollout to stand still",
      async () => {
        const state: FleetState | undefined = await this.world.state();
        const busy = state?.state === "in_progress" || state?.state === "rolling_back";
        return !busy && state;
      },
      PATIENCE_MS,
    );
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.checker.close();
    await this.world.close();
    await this.proxy.close();
    await this.relay.close();
    await rm(this.#directory, { recursive: true });
  }
}

function slackPath({ webhookUrl }: { webhookUrl: string }): { pathname: string } {
  return { pathname: new URL(webhookUrl).pathname };
}
