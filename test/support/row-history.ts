import type { Pool, RowDataPacket } from "mysql2/promise";

/** A change of what Deploys write into a row, as the server saw it happen. Times are unix ms; null: none. */
export interface RowChange {
  id: string;
  deploy_status: string;
  image: string;
  before_ms: number | null;
  after_ms: number | null;
}

/** The server itself keeps note of every such change from now on, whoever makes it. May be asked for again. */
export async function recordRows(pool: Pick<Pool, "query">): Promise<void> {
  await pool.query(`CREATE TABLE IF NOT EXISTS row_history (
    n BIGINT AUTO_INCREMENT PRIMARY KEY, id VARCHAR(64), deploy_status VARCHAR(16), image VARCHAR(255),
    before_ms BIGINT NULL, after_ms BIGINT NULL)`);
  await pool.query(`CREATE TRIGGER IF NOT EXISTS keep_row_history AFTER UPDATE ON sentinels FOR EACH ROW
    IF NOT (OLD.updated_at <=> NEW.updated_at AND OLD.deploy_status = NEW.deploy_status AND OLD.image = NEW.image) THEN
      INSERT INTO row_history (id, deploy_status, image, before_ms, after_ms)
      VALUES (NEW.id, NEW.deploy_status, NEW.image, OLD.updated_at, NEW.updated_at);
    END IF`);
}

/** In the order in which they happened, but for the first `from` of them. */
export async function rowChanges(pool: Pick<Pool, "query">, from = 0): Promise<RowChange[]> {
  const [changes] = await pool.query<(RowDataPacket & RowChange)[]>(
    `SELECT id, deploy_status, image, before_ms, after_ms FROM row_history ORDER BY n LIMIT ${from}, 1000000`,
  );
  return changes;
}

/** Those that were meant for a row as it no longer was: each write has a later time than the one before it. */
export function stepsBack(changes: readonly RowChange[]): string[] {
  return changes
    .filter(({ before_ms, after_ms }) => (after_ms ?? 0) <= (before_ms ?? 0))
    .map(
      ({ id, image, deploy_status, before_ms, after_ms }) =>
        `${id} went back from ${before_ms} to ${after_ms}: ${deploy_status} with ${image}`,
    );
}
