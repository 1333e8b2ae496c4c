import { setTimeout as delay } from "node:timers/promises";
import { assemble, type FleetState } from "../../support/rollout-state.ts";
import type { Evidence, Verb } from "./evidence.ts";
import { Outages } from "./outages.ts";
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

const BY_ITSELF = /rollback started by on_failure$/;
const ON_FAILURE =
  "SELECT created_at, completed_at FROM sys_invocation" +
  " WHERE target_handler_name = 'OnFailure' AND completed_at IS NOT NULL ORDER BY created_at";

/** Longest wait (ms) until nothing is under way any more, once the faults are over. */
const REST_MS = 150_000;

/**
 * Looks at a rollout from outside: at Restate's state, at the table, at Kubernetes and at Slack. Nothing of it is shared
 * with the service; what it goes by is the contract.
 */
export class Checker {
  readonly #evidence: Evidence;
  readonly #sources: Sources;
  readonly #outages: Outages;
  #before: Snapshot | undefined;
  #from = { patches: 0, verbs: 0, troubles: 0, rowChanges: 0 };
  /** How many invariants were looked at, over all checks. */
  checked = 0;

  constructor(evidence: Evidence) {
    this.#evidence = evidence;
    this.#sources = new Sources(evidence);
    this.#outages = new Outages(this.#sources);
  }

  /**
   * To be called before a rollout begins, when nothing is under way: what follows is compared with this.
   * @param soaks it looks for outages all the time
   */
  async begin({ soaks = false } = {}): Promise<void> {
    this.#outages.stop();
    if (soaks) this.#outages.start();
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
    const after = await this.#snapshot();
    const asked = verbs.slice(this.#from.verbs);
    const sight: Sight = {
      before: this.#before,
      after,
      state,
      stored,
      status: await this.#sources.status(),
      patches: patches.slice(this.#from.patches),
      verbs: [...asked, ...(await this.#byItself(state, after))].sort((a, b) => a.askedMs - b.askedMs),
      troubles: troubles.slice(this.#from.troubles),
      meddled,
      hotfixes,
      broken: this.#evidence.broken,
      regressionMs: this.#evidence.regressionMs,
      outages: this.#outages.all,
      rowChanges: await this.#sources.rowChanges(this.#from.rowChanges),
    };
    violations.push(...(await violationsIn(sight, this.#sources, this.#evidence)));
    // And what `unrest` looks at.
    this.checked += INVARIANTS + 1;
    if (violations.length > 0) throw new Violations(violations);
    return state;
  }

  /** A rollback that followed a pause by itself counts as one that was asked for then. */
  async #byItself({ rolloutId }: FleetState, { slack }: Snapshot): Promise<Verb[]> {
    const told = slack.some((each) => each.rolloutId === rolloutId && BY_ITSELF.test(each.header));
    const all = told ? await this.#sources.sql<{ created_at: string; completed_at: string }>(ON_FAILURE) : [];
    return all.slice(-1).map(({ created_at, completed_at }): Verb => {
      const [askedMs, answeredMs] = [Date.parse(created_at), Date.parse(completed_at)];
      return { name: "RollbackAll", body: {}, askedMs, answeredMs, status: 200, answer: {} };
    });
  }

  async #rest(): Promise<string[]> {
    const killed = this.#evidence.troubles.some(({ name }) => name === "invocation killed");
    const deadline = Date.now() + REST_MS;
    for (;;) {
      const left = await unrest(this.#sources, killed, this.#evidence.broken);
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
    this.#outages.stop();
    await this.#sources.close();
  }
}
