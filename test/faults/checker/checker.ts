import { setTimeout as delay } from "node:timers/promises";
import { assemble, type FleetState } from "../../support/rollout-state.ts";
import type { Evidence } from "./evidence.ts";
import { INVARIANTS, type Sight, type Snapshot, violationsIn } from "./sight.ts";
import { Sources } from "./sources.ts";
import { unrest } from "./unrest.ts";

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
  #from = { patches: 0, verbs: 0, troubles: 0, rowChanges: 0 };
  /** How many invariants were looked at, over all checks. */
  checked = 0;

  constructor(evidence: Evidence) {
    this.#evidence = evidence;
    this.#sources = new Sources(evidence);
  }

  /** To be called before a rollout begins, when nothing is under way: what follows is compared with this. */
  async begin(): Promise<void> {
    const { patches, verbs, troubles, meddled, hotfixes } = this.#evidence;
    this.#before = await this.#snapshot();
    this.#from = {
      ...{ patches: patches.length, verbs: verbs.length, troubles: troubles.length },
      rowChanges: await this.#sources.recordRows(),
    };
    meddled.clear();
    hotfixes.clear();
  }

  /**
   * Waits until nothing is under way, then checks everything that must hold of the rollout since `begin`.
   * @throws Violations
   */
  async check(): Promise<FleetState> {
    const violations = await this.#rest();
    const stored = await this.#sources.stored();
    const state = assemble(stored);
    if (this.#before === undefined) throw new Error("the checker has not begun");
    if (state === undefined) throw new Violations([...violations, "a: there is no rolloutState"]);
    const { patches, verbs, troubles, meddled, hotfixes } = this.#evidence;
    const sight: Sight = {
      before: this.#before,
      after: await this.#snapshot(),
      state,
      stored,
      status: await this.#sources.status(),
      patches: patches.slice(this.#from.patches),
      verbs: verbs.slice(this.#from.verbs),
      troubles: troubles.slice(this.#from.troubles),
      meddled,
      hotfixes,
      rowChanges: await this.#sources.rowChanges(this.#from.rowChanges),
    };
    violations.push(...(await violationsIn(sight, this.#sources, this.#evidence)));
    // And what `unrest` looks at.
    this.checked += INVARIANTS + 1;
    if (violations.length > 0) throw new Violations(violations);
    return state;
  }

  async #rest(): Promise<string[]> {
    const killed = this.#evidence.troubles.some(({ name }) => name === "invocation killed");
    const deadline = Date.now() + REST_MS;
    for (;;) {
      const left = await unrest(this.#sources, killed);
      if (left.length === 0 || Date.now() > deadline) return left;
      await delay(50);
    }
  }

  async #snapshot(): Promise<Snapshot> {
    return {
      rolloutId: assemble(await this.#sources.stored())?.rolloutId,
      rows: await this.#sources.rows(),
      deployments: await this.#sources.deployments(),
      slack: await this.#sources.slack(),
    };
  }

  async close(): Promise<void> {
    await this.#sources.close();
  }
}
