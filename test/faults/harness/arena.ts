import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Answer } from "../../../src/dry-run/restate-api.ts";
import type { ServiceProcess } from "../../../src/dry-run/service.ts";
import { type StackOptions, startStack } from "../../../src/dry-run/stack.ts";
import { type ApiProxy, startApiProxy } from "../../support/api-proxy.ts";
import { World } from "../../support/stack-world.ts";
import { until } from "../../support/until.ts";
import { Checker } from "../checker/checker.ts";
import type { Evidence, Verb } from "../checker/evidence.ts";
import { Failpoints } from "./failpoints.ts";
import type { Fault, Heal } from "./fault.ts";
import type { Random } from "./random.ts";

/** What the watcher sends to the ingress, and what must never be found again. */
const TOKEN = "canary-token-5c1d0ebb";

/** Longest wait (ms) for a rollout under fault to come to its end. */
const PATIENCE_MS = 120_000;

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
  readonly checker: Checker;
  readonly #directory: string;
  readonly #evidence: Evidence;
  readonly #supervised = new Set<ServiceProcess>();
  #closing = false;

  /** @param options of the stack; `env` and `adjustEnv` as there */
  static async open(options: StackOptions = {}): Promise<Arena> {
    const directory = await mkdtemp(join(tmpdir(), "faults-"));
    const failpoints = new Failpoints(directory);
    let proxy: ApiProxy | undefined;
    try {
      const stack = await startStack({
        sentinels: 12,
        ...options,
        env: { RESTATE_TOKEN: TOKEN, DEPLOY_TIMEOUT_SECONDS: "60", LOG_LEVEL: "debug", ...options.env },
        async adjustEnv(built, parts) {
          proxy = await startApiProxy(parts.kubeconfig, join(directory, "kubeconfig"));
          const ours = { ...failpoints.env, KUBECONFIG: proxy.kubeconfigFile };
          return { ...ours, ...(await options.adjustEnv?.({ ...built, ...ours }, parts)) };
        },
      });
      return new Arena(directory, new World(stack), failpoints, proxy as ApiProxy);
    } catch (error) {
      await proxy?.close();
      await rm(directory, { recursive: true });
      throw error;
    }
  }

  private constructor(directory: string, world: World, failpoints: Failpoints, proxy: ApiProxy) {
    this.#directory = directory;
    this.world = world;
    this.failpoints = failpoints;
    this.proxy = proxy;
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
    };
    this.checker = new Checker(this.#evidence);
    this.supervise(stack.service);
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
    const record: Verb = { name, body, askedMs: Date.now() };
    this.#evidence.verbs.push(record);
    const id = await until("the ingress to take the call", () => this.world.start(name, body));
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

  /** Waits until so many patches have been asked for since `from` (default: since the arena opened). */
  async untilPatches(count: number, from = 0): Promise<void> {
    await until(`${count} patches`, () => this.proxy.patches.length - from >= count, PATIENCE_MS);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.checker.close();
    await this.world.close();
    await this.proxy.close();
    await rm(this.#directory, { recursive: true });
  }
}

function slackPath({ webhookUrl }: { webhookUrl: string }): { pathname: string } {
  return { pathname: new URL(webhookUrl).pathname };
}
