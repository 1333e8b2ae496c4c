import type { SQL } from "drizzle-orm";
import { sql } from "./drizzle.ts";
import { sentinels } from "./schema.ts";

type Columns = { [K in keyof typeof sentinels.$inferInsert]?: string | number | null };

/** Each row's own values by id, for one statement; a column that is absent is left as it is in that row. */
export function ownValues<C extends Columns>(
  rows: readonly { id: string; columns: C }[],
): { [K in keyof C]?: SQL } {
  const names = new Set(rows.flatMap(({ columns }) => Object.keys(columns))) as Set<keyof Columns>;
  return Object.fromEntries([...names].map((name) => [name, sqlFor(name, rows)])) as {
    [K in keyof C]?: SQL;
  };
}

function sqlFor(name: keyof Columns, rows: readonly { id: string; columns: Columns }[]): SQL {
  const given = rows.filter(({ columns }) => columns[name] !== undefined);
  const first = given[0]?.columns[name];
  // What is the same in all of them is the usual case, and the cheap one.
  if (given.length === rows.length && given.every(({ columns }) => columns[name] === first)) {
    return sql`${first}`;
  }
  const whens = given.map(({ id, columns }) => sql`when ${id} then ${columns[name]}`);
  return sql`case ${sentinels.id} ${sql.join(whens, sql` `)} else ${sentinels[name]} end`;
}
