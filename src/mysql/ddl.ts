import type { MySqlColumn, MySqlTable } from "drizzle-orm/mysql-core";
import { getTableConfig } from "./drizzle.ts";

/** A primary key, a unique key or an index of a table; columns by name, in order. */
export interface Key {
  /** Empty: the primary key. */
  name: string;
  unique: boolean;
  columns: string[];
}

/** The columns of a table, as its schema has them. */
export function columnsOf(table: MySqlTable): MySqlColumn[] {
  return getTableConfig(table).columns;
}

/** All keys of a table, the primary key first. */
export function keysOf(table: MySqlTable): Key[] {
  const { columns, primaryKeys, uniqueConstraints, indexes } = getTableConfig(table);
  const names = (of: readonly unknown[]) => of.map((column) => (column as MySqlColumn).name);
  return [
    ...columns.filter(({ primary }) => primary).map(({ name }) => primaryKey([name])),
    ...primaryKeys.map((key) => primaryKey(names(key.columns))),
    ...columns
      .filter(({ isUnique }) => isUnique)
      .map(({ name, uniqueName }) => ({ name: uniqueName ?? name, unique: true, columns: [name] })),
    ...uniqueConstraints.map((key) => ({
      name: key.getName() ?? "",
      unique: true,
      columns: names(key.columns),
    })),
    ...indexes.map(({ config }) => ({ name: config.name, unique: false, columns: names(config.columns) })),
  ];
}

function primaryKey(columns: string[]): Key {
  return { name: "", unique: true, columns };
}

/** Ids, names and images are compared byte by byte, whatever the server's default. */
export function createTable(table: MySqlTable): string {
  const definitions = [
    ...columnsOf(table).map((column) => columnDefinition(column)),
    ...keysOf(table).map(keyDefinition),
  ];
  return `CREATE TABLE IF NOT EXISTS ${quoted(getTableConfig(table).name)} (
  ${definitions.join(",\n  ")}
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`;
}

/** @param type instead of the schema's own, such as with a collation that is to be kept */
export function columnDefinition(column: MySqlColumn, type = column.getSQLType()): string {
  const counts = "autoIncrement" in column && column.autoIncrement === true;
  return [
    quoted(column.name),
    type,
    ...(column.notNull ? ["NOT NULL"] : []),
    ...(counts ? ["AUTO_INCREMENT"] : []),
    ...(column.default === undefined ? [] : [`DEFAULT ${literal(column.default)}`]),
  ].join(" ");
}

export function keyDefinition({ name, unique, columns }: Key): string {
  const list = `(${columns.map(quoted).join(", ")})`;
  if (name === "") return `PRIMARY KEY ${list}`;
  return `${unique ? "UNIQUE INDEX" : "INDEX"} ${quoted(name)} ${list}`;
}

export function enumType(members: readonly string[]): string {
  return `enum(${members.map(literal).join(",")})`;
}

export function quoted(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}

/** Numbers and texts alone: no other default is in the schema. */
function literal(value: unknown): string {
  return typeof value === "number" ? String(value) : `'${String(value).replaceAll("'", "''")}'`;
}
