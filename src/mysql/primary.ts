import { count, eq, sql } from "./drizzle.ts";
import { type DatabasePool, execute } from "./pool.ts";
import { sentinels } from "./schema.ts";

export type Primary = "writable" | "read-only";

/** How a server says no: MySQL and MariaDB with a number, MariaDB 12 with a word. */
const OFF: readonly unknown[] = [0, "0", "OFF"];

/**
 * Whether the server would take the service's writes, found out without one: the server is asked for its own word, and the
 * table is read. A reader of an Aurora cluster says so with `innodb_read_only`. The connections to a read-only server are
 * retired, so that the next look goes where the address leads by then.
 * @throws DatabaseError when there is no answer, or the table cannot be read
 */
export async function lookAtPrimary({ db, retireAll }: DatabasePool): Promise<Primary> {
  const rows = await execute(
    db
      .select({
        server: sql`@@global.read_only`,
        engine: sql`@@global.innodb_read_only`,
        // Of no sentinel: there is always one row in the answer.
        readable: count(),
      })
      .from(sentinels)
      .where(eq(sentinels.id, "")),
  );
  if (rows.every(({ server, engine }) => OFF.includes(server) && OFF.includes(engine))) return "writable";
  retireAll();
  return "read-only";
}
