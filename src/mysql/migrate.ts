import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { drizzle } from "drizzle-orm/mysql2";
import { migrate } from "drizzle-orm/mysql2/migrator";
import mysql, { type Connection, type RowDataPacket } from "mysql2/promise";
import { readDatabaseUrl } from "../config.ts";
import { reasonOf } from "../util/reason.ts";
import { databaseAddress } from "./address.ts";
import { createTable } from "./ddl.ts";
import { actions, outcomes, rollouts } from "./history-schema.ts";
import { execute } from "./pool.ts";
import { rewrittenImages } from "./rewritten-schema.ts";
import { CONTROL_PLANE_COLUMNS, sentinels } from "./schema.ts";
import { type Difference, differences } from "./table-check.ts";

/** Same place from src/ and from dist/. */
const MIGRATIONS = fileURLToPath(new URL("../../drizzle", import.meta.url));
/** Its default name is for every user of drizzle in the database, and the newest row of another would hide ours. */
const MIGRATIONS_TABLE = "sentinel_rollout_migrations";
const LOCK = "sentinel-rollout-migrations";
const LOCK_TIMEOUT_SECONDS = 60;

export interface MigrationOptions {
  /** Makes the table `sentinels` too, where it does not exist: for a database without a control plane. */
  withSentinels?: boolean;
}

/** The tables are not as the service needs them. What is missing in them is for their owner to change. */
export class TableError extends Error {
  constructor(found: readonly Difference[]) {
    const statements = found.map(({ problem, ddl }) => `-- ${problem}\n${ddl};`);
    super(
      `these tables are not as the service needs them. For their owner to run:\n${statements.join("\n")}`,
    );
    this.name = "TableError";
  }
}

/**
 * Makes what is missing of this service's own tables, then compares all tables with what it needs. `sentinels` is the
 * control plane's: as long as it exists it is looked at and never changed.
 * @throws TableError
 */
export async function migrateDatabase(databaseUrl: string, options: MigrationOptions = {}): Promise<void> {
  const connection = await mysql.createConnection({
    ...databaseAddress(databaseUrl),
    connectTimeout: 10_000,
  });
  try {
    await lock(connection);
    await execute(
      migrate(drizzle(connection), { migrationsFolder: MIGRATIONS, migrationsTable: MIGRATIONS_TABLE }),
    );
    if (options.withSentinels === true) await connection.query(createTable(sentinels));
    const found = [
      ...(await differences(connection, rollouts)),
      ...(await differences(connection, outcomes)),
      ...(await differences(connection, actions)),
      ...(await differences(connection, rewrittenImages)),
      ...(await differences(connection, sentinels, CONTROL_PLANE_COLUMNS)),
    ];
    if (found.length > 0) throw new TableError(found);
  } finally {
    // Ends the session and with it the lock.
    connection.destroy();
  }
}

/** The migrator takes no lock of its own: of several at once all but one would fail. */
async function lock(connection: Connection): Promise<void> {
  const [rows] = await connection.query<RowDataPacket[]>("SELECT GET_LOCK(?, ?) AS locked", [
    LOCK,
    LOCK_TIMEOUT_SECONDS,
  ]);
  if (rows[0]?.locked !== 1) throw new Error("another migration is still running");
}

/** `npm run db:migrate`: makes the tables in DATABASE_URL. The service itself never migrates. */
if (import.meta.main) {
  try {
    const { values } = parseArgs({ options: { "with-sentinels": { type: "boolean", default: false } } });
    await migrateDatabase(readDatabaseUrl(process.env), { withSentinels: values["with-sentinels"] });
    process.stdout.write("migrations applied\n");
  } catch (error) {
    process.stderr.write(`${reasonOf(error, "migration failed")}\n`);
    process.exitCode = 1;
  }
}
