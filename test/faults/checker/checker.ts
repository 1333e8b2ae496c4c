import { setTimeout as delay } from "node:timers/promises";
import { deploymentsKeptTheirFields } from "./deployments.ts";
import type { Evidence, RolloutState } from "./evidence.ts";
import { historyIsTrue } from "./history.ts";
import { patchesAreJustified } from "./patches.ts";
import { bookkeeping, converged, rolledBack, succeededIsTrue } from "./results.ts";
import { noSecretAnywhere } from "./secrets.ts";
import { phaseChangesAreTold } from "./slack.ts";
import { Sources } from "./sources.ts";

/** What was there before a rollout, and what has been seen of it since. */
export interface Sight {
  before: Snapshot;
  after: Snapshot;
  state: RolloutState;
  status: Record<string, unknown>;
  /** Since `before`. */
  patches: Evidence["patches"];
  verbs: Evidence["verbs"];
  troubles: Evidence["troubles"];
  meddled: ReadonlySet<string>;
}

export interface Snapshot {
  rows: Awaited<ReturnType<Sources["rows"]>>;
  deployments: Awaited<ReturnType<Sources["deployments"]>>;
  slack: Awaited<ReturnType<Sources["slack"]>>;
}

export class Violations extends Error {
  readonly violations: readonly string[];
  constructor(violations: readonly string[]) {
    super(`invariants violated:\n${violations.map((each) => `  ${each}`).join("\n")}`);
    this.name = "Violations";
    this.violations = violations;
  }
}

/** Longest wait (ms) until nothing is under way any more, once the faults are over. */
const REST_MS = 150_000;

/**
 * Looks at a rollout from outside: at Restate's state, at the table, at Kubernetes and at Slack. Nothing of it is shared
 * with the service; what it goes by is the contract.
 */
export class Checker {
  readonly #evidence: Evidence;
  readonly #sources: Sources;
  #before: Snapshot | undefined;
  #from = { patches: 0, verbs: 0, troubles: 0 };
  /** How many invariants were looked at, over all checks. */
  checked = 0;

  constructor(evidence: Evidence) {
    this.#evidence = evidence;
    this.#sources = new Sources(evidence);
  }

  /** To be called before a rollout begins, when nothing is under way: what follows is compared with this. */
  async begin(): Promise<void> {
    const { patches, verbs, troubles, meddled } = this.#evidence;
    this.#before = await this.#snapshot();
    this.#from = { patches: patches.length, verbs: verbs.length, troubles: troubles.length };
    meddled.clear();
  }

  /**
   * Waits until nothing is under way, then checks everything that must hold of the rollout since `begin`.
   * @throws Violations
   */
  async check(): Promise<RolloutState> {
    const violations = await this.#rest();
    const state = await this.#sources.state();
    if (this.#before === undefined) throw new Error("the checker has not begun");
    if (state === undefined) throw new Violations([...violations, "a: there is no rolloutState"]);
    const { patches, verbs, troubles, meddled } = this.#evidence;
    const sight: Sight = {
      before: this.#before,
      after: await this.#snapshot(),
      state,
      status: await this.#sources.status(),
      patches: patches.slice(this.#from.patches),
      verbs: verbs.slice(this.#from.verbs),
      troubles: troubles.slice(this.#from.troubles),
      meddled,
    };
    violations.push(
      ...bookkeeping(sight),
      ...succeededIsTrue(sight),
      ...patchesAreJustified(sight),
      ...deploymentsKeptTheirFields(sight),
      ...phaseChangesAreTold(sight),
      ...rolledBack(sight),
      ...(await historyIsTrue(this.#sources, sight)),
      ...(await noSecretAnywhere(this.#sources, this.#evidence, sight)),
    );
    this.checked += 9;
    if (violations.length > 0) throw new Violations(violations);
    return state;
  }

  /** c: nothing is left under way: no invocation, no row, no Deploy's state, no rollout of a Deployment. */
  async #rest(): Promise<string[]> {
    const deadline = Date.now() + REST_MS;
    for (;;) {
      const unrest = await this.#unrest();
      if (unrest.length === 0) return [];
      if (Date.now() > deadline) return unrest.map((each) => `c: ${each}`);
      await delay(50);
    }
  }

  async #unrest(): Promise<string[]> {
    const invocations = await this.#sources.sql<{ target: string; status: string }>(
      "SELECT target, status FROM sys_invocation WHERE status <> 'completed' LIMIT 5",
    );
    if (invocations.length > 0) return invocations.map(({ target, status }) => `${target} is ${status}`);
    const left = await this.#sources.sql<{ service_key: string; key: string }>(
      "SELECT service_key, key FROM state WHERE service_name = 'hydra.v1.SentinelService' LIMIT 5",
    );
    const rows = [...(await this.#sources.rows()).values()];
    const deployments = [...(await this.#sources.deployments()).values()];
    return [
      // A Deploy that was killed runs no code any more: the next one of its sentinel clears what it left.
      ...(this.#killed() ? [] : left).map(
        ({ service_key, key }) => `${service_key} has ${key} left in its state`,
      ),
      ...rows.filter((row) => row.deploy_status === "progressing").map(({ id }) => `${id} is progressing`),
      // Those that failed may never converge.
      ...rows
        .filter((row) => row.deploy_status === "ready")
        .map((row) => deployments.find(({ metadata }) => metadata?.name === row.k8s_name))
        .filter((deployment) => deployment !== undefined && !converged(deployment))
        .map((deployment) => `the Deployment ${deployment?.metadata?.name} has not converged`),
    ];
  }

  #killed(): boolean {
    return this.#evidence.troubles.some(({ name }) => name === "invocation killed");
  }

  async #snapshot(): Promise<Snapshot> {
    return {
      rows: await this.#sources.rows(),
      deployments: await this.#sources.deployments(),
      slack: await this.#sources.slack(),
    };
  }

  async close(): Promise<void> {
    await this.#sources.close();
  }
}
