import { parseArgs } from "node:util";
import mysql, { type Connection, type ResultSetHeader, type RowDataPacket } from "mysql2/promise";
import { readDatabaseUrl } from "../config.ts";
import { reasonOf } from "../util/reason.ts";
import { databaseAddress } from "./address.ts";

/** Rows of one DELETE: few enough that it holds up no other statement, and no replication. */
const BATCH = 1_000;
/** Rollouts of one look. */
const ROLLOUTS = 100;
const DAY_MS = 86_400_000;

/** Those that are over; a paused one may still be resumed. */
export const OLD_ROLLOUTS = `SELECT id FROM sentinel_rollouts
  WHERE started_at < ? AND state IN ('completed', 'cancelled') ORDER BY started_at LIMIT ${ROLLOUTS}`;
export const DELETE_OUTCOMES = `DELETE FROM sentinel_rollout_outcomes WHERE rollout_id = ? LIMIT ${BATCH}`;
export const DELETE_ACTIONS = `DELETE FROM sentinel_rollout_actions WHERE rollout_id = ? LIMIT ${BATCH}`;
/** Of no rollout: from before the first one. */
export const DELETE_LOOSE_ACTIONS = `DELETE FROM sentinel_rollout_actions
  WHERE rollout_id IS NULL AND asked_at < ? LIMIT ${BATCH}`;
export const DELETE_ROLLOUT = "DELETE FROM sentinel_rollouts WHERE id = ?";

export interface Pruned {
  rollouts: number;
  outcomes: number;
  actions: number;
}

/**
 * Deletes the history of rollouts that began before a moment (unix ms) and are over, in short statements. What belongs to a
 * rollout goes before it, so what was cut short is taken up by the next time.
 * @throws the driver's error
 */
export async function pruneHistory(connection: Connection, beforeMs: number): Promise<Pruned> {
  const pruned = { rollouts: 0, outcomes: 0, actions: await all(connection, DELETE_LOOSE_ACTIONS, beforeMs) };
  for (;;) {
    const [old] = await connection.query<RowDataPacket[]>(OLD_ROLLOUTS, [beforeMs]);
    for (const { id } of old) {
      pruned.outcomes += await all(connection, DELETE_OUTCOMES, id);
      pruned.actions += await all(connection, DELETE_ACTIONS, id);
      pruned.rollouts += await rowsOf(connection, DELETE_ROLLOUT, id);
    }
    if (old.length < ROLLOUTS) return pruned;
  }
}

/** One batch after another, until none is left. */
async function all(connection: Connection, statement: string, of: string | number): Promise<number> {
  let sum = 0;
  for (let deleted = BATCH; deleted === BATCH; sum += deleted) {
    deleted = await rowsOf(connection, statement, of);
  }
  return sum;
}

async function rowsOf(connection: Connection, statement: string, of: string | number): Promise<number> {
  const [{ affectedRows }] = await connection.query<ResultSetHeader>(statement, [of]);
  return affectedRows;
}

/** Whole days, like `90d`. @throws Error that says so */
function daysOf(text: string | undefined): number {
  const days = /^([1-9]\d{0,4})d$/.exec(text ?? "")?.[1];
  if (days === undefined) throw new Error("--older-than must be a number of days, like 90d");
  return Number(days);
}

/** `npm run db:prune -- --older-than 90d` */
if (import.meta.main) {
  try {
    const { values } = parseArgs({ options: { "older-than": { type: "string" } } });
    const beforeMs = Date.now() - daysOf(values["older-than"]) * DAY_MS;
    const address = databaseAddress(readDatabaseUrl(process.env));
    const connection = await mysql.createConnection({ ...address, connectTimeout: 10_000 });
    try {
      const { rollouts, outcomes, actions } = await pruneHistory(connection, beforeMs);
      process.stdout.write(`${rollouts} rollouts, ${outcomes} outcomes and ${actions} actions deleted\n`);
    } finally {
      connection.destroy();
    }
  } catch (error) {
    process.stderr.write(`${reasonOf(error, "pruning failed")}\n`);
    process.exitCode = 1;
  }
}
