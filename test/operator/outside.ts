import { setTimeout } from "node:timers/promises";
import type { StatusResponse } from "../../src/restate/rollout-schemas.ts";
import { until } from "../support/until.ts";
import { ROLLOUT, type World } from "../support/world.ts";

/** What the guarantees of these tests are told by: the ingress, Restate's admin API and its SQL. */

const ROLLOUT_SERVICE = "hydra.v1.SentinelRolloutService";
const DEPLOYS = "target_service_name = 'hydra.v1.SentinelService' AND target_handler_name = 'Deploy'";

/** Status as the contract has it: `waiting` are those of the rollout that nothing was launched for. */
export type Status = StatusResponse & { waiting: number };

export async function statusOf(world: World): Promise<Status> {
  const { status, body } = await world.verb<Status>("Status");
  if (status !== 200) throw new Error(`Status answered ${status}: ${JSON.stringify(body)}`);
  return body;
}

/** What has to be total at every moment (contract, "Responses"). */
export function sumOf({ succeeded, failed, skipped, in_flight, waiting }: Status): number {
  return succeeded + failed + skipped + in_flight + waiting;
}

/** One call of Deploy. */
export interface DeployCall {
  id: string;
  sentinel: string;
  /** By Restate's clock, which is this machine's. */
  createdAtMs: number;
}

/** How often the Deploys are looked at while they run, each of them for longer than that. */
const LOOK_EVERY_MS = 250;

/** Collects the Deploys that Restate was asked for since; one that is over may be forgotten between two looks. */
export class Launched {
  readonly calls = new Map<string, DeployCall>();
  readonly #world: World;
  readonly #sinceMs = Date.now();

  static async since(world: World): Promise<Launched> {
    await until("no Deploy to run", async () => (await openDeploys(world)) === 0);
    return new Launched(world);
  }

  private constructor(world: World) {
    this.#world = world;
  }

  /** Resolves to how many there were so far. */
  async look(): Promise<number> {
    const rows = await this.#world.sql<{ id: string; sentinel: string; created_at: string }>(
      `SELECT id, target_service_key AS sentinel, created_at FROM sys_invocation
       WHERE ${DEPLOYS} AND created_at >= TIMESTAMP '${new Date(this.#sinceMs).toISOString()}'`,
    );
    for (const { id, sentinel, created_at } of rows) {
      this.calls.set(id, { id, sentinel, createdAtMs: Date.parse(created_at) });
    }
    return this.calls.size;
  }

  /** Those with a `created_at` later than that (unix ms). */
  after(ms: number): DeployCall[] {
    return [...this.calls.values()].filter(({ createdAtMs }) => createdAtMs > ms);
  }

  async reach(count: number): Promise<void> {
    await until(`${count} Deploys to be launched`, async () => (await this.look()) >= count);
  }

  /** Goes on looking until the work is done, so that none is missed. */
  async during<T>(work: Promise<T>): Promise<T> {
    const ended = work.then(
      () => "over" as const,
      () => "over" as const,
    );
    do await this.look();
    while ((await Promise.race([ended, setTimeout(LOOK_EVERY_MS, "not yet")])) !== "over");
    await this.look();
    return work;
  }
}

/** Deploys that are not over. */
export async function openDeploys(world: World): Promise<number> {
  const [row] = await world.sql<{ n: number }>(
    `SELECT count(*) AS n FROM sys_invocation WHERE ${DEPLOYS} AND status <> 'completed'`,
  );
  return row?.n ?? 0;
}

/** Invocations of these verbs that are not over. */
export async function openOf(world: World, verbs: string[]): Promise<number> {
  const names = verbs.map((verb) => `'${verb}'`).join(", ");
  const [row] = await world.sql<{ n: number }>(
    `SELECT count(*) AS n FROM sys_invocation WHERE target_service_name = '${ROLLOUT_SERVICE}' AND target_handler_name IN (${names}) AND status <> 'completed'`,
  );
  return row?.n ?? 0;
}

/** The buttons of the Restate UI. */
export async function press(
  world: World,
  invocation: string,
  what: "cancel" | "pause" | "resume",
): Promise<void> {
  const response = await fetch(`${world.stack.admin}/invocations/${invocation}/${what}`, { method: "PATCH" });
  const text = await response.text();
  if (!response.ok) throw new Error(`Restate could not ${what} ${invocation}: ${response.status} ${text}`);
}

/** The values of the rollout's object by key, as the State tab shows them. */
export async function stateOf(world: World): Promise<Record<string, string>> {
  const rows = await world.sql<{ key: string; value: string }>(
    `SELECT key, value_utf8 AS value FROM state WHERE service_name = '${ROLLOUT_SERVICE}' AND service_key = 'singleton'`,
  );
  return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
}

/** What editing in the State tab does: the whole state of the object is replaced, once nobody holds the object. */
export async function editState(world: World, values: Record<string, string>): Promise<void> {
  const new_state = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, [...Buffer.from(value, "utf8")]]),
  );
  const response = await fetch(`${world.stack.admin}/services/${ROLLOUT_SERVICE}/state`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ object_key: "singleton", new_state }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`Restate refused the state: ${response.status} ${text}`);
}

/** An answer of a verb, or what came of it when none came in time. */
export async function answerWithin(
  world: World,
  verb: string,
  ms: number,
  body: unknown = {},
): Promise<{ status: number | "no answer"; message: string; tookMs: number; state?: string }> {
  const began = performance.now();
  const took = () => Math.round(performance.now() - began);
  try {
    const response = await fetch(`${world.stack.ingress}/${ROLLOUT}/${verb}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(ms),
    });
    const answer = (await response.json()) as { message?: string; state?: string };
    return { status: response.status, message: "", ...answer, tookMs: took() };
  } catch (error) {
    if ((error as Error).name !== "TimeoutError") throw error;
    return { status: "no answer", message: "", tookMs: took() };
  }
}

/** Invocations whose last attempt could not replay what an earlier one has journalled. */
export function mismatches(world: World): Promise<{ target: string; last_failure: string }[]> {
  return world.sql(
    "SELECT target, last_failure FROM sys_invocation WHERE lower(last_failure) LIKE '%journal mismatch%' OR last_failure LIKE '%[570%' OR last_failure_error_code = 'RT0016'",
  );
}
