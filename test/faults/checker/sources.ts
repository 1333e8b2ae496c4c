import { readFileSync } from "node:fs";
import { AppsV1Api, KubeConfig, type V1Deployment } from "@kubernetes/client-node";
import mysql, { type Pool, type RowDataPacket } from "mysql2/promise";
import { STORED, type StoredValue } from "../../support/rollout-state.ts";
import { type RowChange, recordRows, rowChanges } from "../../support/row-history.ts";
import { until } from "../../support/until.ts";
import type { Evidence, PastAction, PastOutcome, PastRollout, Row } from "./evidence.ts";

const MOVING = "doesn't exist on this node, this is benign if the partition is being transferred";

export interface SlackMessage {
  header: string;
  rolloutId: string;
  text: string;
}

/** Reads the four systems themselves. */
export class Sources {
  readonly #evidence: Evidence;
  readonly #pool: Pool;
  readonly #apps: AppsV1Api;

  constructor(evidence: Evidence) {
    this.#evidence = evidence;
    this.#pool = mysql.createPool({ uri: evidence.databaseUrl, connectionLimit: 1 });
    const config = new KubeConfig();
    config.loadFromFile(evidence.kubeconfig);
    this.#apps = config.makeApiClient(AppsV1Api);
  }

  /** For a moment no node may have the partition, in a cluster that moves it: Restate says so, and is asked again. */
  async sql<R>(query: string): Promise<R[]> {
    const { rows } = await until("Restate to have the partition", () => this.#ask<R>(query));
    return rows;
  }

  async #ask<R>(query: string): Promise<{ rows: R[] } | undefined> {
    const response = await fetch(`${this.#evidence.admin}/query`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ query }),
    });
    const text = await response.text();
    if (!response.ok && text.includes(MOVING)) return undefined;
    if (!response.ok) throw new Error(`Restate refused the query: ${text}`);
    return JSON.parse(text) as { rows: R[] };
  }

  /** All that the rollout's object stores. */
  stored(): Promise<StoredValue[]> {
    return this.sql<StoredValue>(STORED);
  }

  /** What `Status` says. */
  async status(): Promise<Record<string, unknown>> {
    const url = `${this.#evidence.ingress}/hydra.v1.SentinelRolloutService/singleton/Status`;
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    return (await response.json()) as Record<string, unknown>;
  }

  async rows(): Promise<Map<string, Row>> {
    const [rows] = await this.#pool.query<(RowDataPacket & Row)[]>("SELECT * FROM sentinels ORDER BY id");
    return new Map(rows.map((row) => [row.id, row]));
  }

  /** From now on each change of a row is kept. Resolves to how many there were so far. */
  async recordRows(): Promise<number> {
    await recordRows(this.#pool);
    return (await rowChanges(this.#pool)).length;
  }

  rowChanges(from: number): Promise<RowChange[]> {
    return rowChanges(this.#pool, from);
  }

  async history(rolloutId: string): Promise<{ row: PastRollout | undefined; outcomes: PastOutcome[] }> {
    const [[row]] = await this.#pool.query<(RowDataPacket & PastRollout)[]>(
      "SELECT * FROM sentinel_rollouts WHERE id = ?",
      [rolloutId],
    );
    const [outcomes] = await this.#pool.query<(RowDataPacket & PastOutcome)[]>(
      "SELECT * FROM sentinel_rollout_outcomes WHERE rollout_id = ?",
      [rolloutId],
    );
    return { row, outcomes };
  }

  /** What operators did. */
  async actions(): Promise<PastAction[]> {
    const [actions] = await this.#pool.query<(RowDataPacket & PastAction)[]>(
      "SELECT verb, comment, refused FROM sentinel_rollout_actions",
    );
    return actions;
  }

  /** By name. */
  async deployments(): Promise<Map<string, V1Deployment>> {
    const { items } = await this.#apps.listNamespacedDeployment({ namespace: this.#evidence.namespace });
    return new Map(items.map((item) => [item.metadata?.name ?? "", item]));
  }

  async slack(): Promise<SlackMessage[]> {
    const response = await fetch(this.#evidence.slackUrl);
    const messages = (await response.json()) as { text: string; blocks: Block[] }[];
    return messages.map(({ text, blocks }) => ({
      header: blocks[0]?.text?.text ?? "",
      rolloutId: (blocks.at(-1)?.elements?.[0]?.text ?? "").replace(/^rollout /, ""),
      text: JSON.stringify({ text, blocks }),
    }));
  }

  logs(): string[] {
    return this.#evidence.logFiles.map((file) => readFileSync(file, "utf8"));
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}

interface Block {
  text?: { text: string };
  elements?: { text: string }[];
}
