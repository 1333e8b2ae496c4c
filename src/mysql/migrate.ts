import { fileURLToPath } from "node:url";
import { drizzle } from "drizzle-orm/mysql2";
import { migrate } from "drizzle-orm/mysql2/migrator";
import mysql, { type Connection, type RowDataPacket } from "mysql2/promise";
import { readDatabaseUrl } from "../config.ts";
import { databaseAddress } from "./address.ts";
import { settled } from "./pool.ts";

/** Same place from src/ and from dist/. */
const MIGRATIONS = fileURLToPath(new URL("../../drizzle", import.meta.url));
const LOCK = "sentinel-rollout-migrations";
const LOCK_TIMEOUT_SECONDS = 60;

/** Applies what is missing. The migrator takes no lock of its own: of several at once all but one would fail. */
export async function migrateDatabase(databaseUrl: string): Promise<void> {
  const connection = await mysql.createConnection({
    ...databaseAddress(databaseUrl),
    connectTimeout: 10_000,
  });
  try {
    await lock(connection);
    await settled(migrate(drizzle(connection), { migrationsFolder: MIGRATIONS }));
  } finally {
    // Ends the session and with it the lock.
    connection.destroy();
  }
}

async function lock(connection: Connection): Promise<void> {
  const [rows] = await connection.query<RowDataPacket[]>("SELECT GET_LOCK(?, ?) AS locked", [
    LOCK,
    LOCK_TIMEOUT_SECONDS,
  ]);
  if (rows[0]?.locked !== 1) throw new Error("another migration is still running");
}

/** `npm run db:migrate`: applies drizzle/ to DATABASE_URL. The service itself never migrates. */
if (import.meta.main) {
  try {
    await migrateDatabase(readDatabaseUrl(process.env));
    process.stdout.write("migrations applied\n");
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : "migration failed"}\n`);
    process.exitCode = 1;
  }
}
