import type { MySqlColumn, MySqlTable } from "drizzle-orm/mysql-core";
import type { Connection, RowDataPacket } from "mysql2/promise";
import {
  columnDefinition,
  columnsOf,
  createTable,
  enumType,
  type Key,
  keyDefinition,
  keysOf,
  quoted,
} from "./ddl.ts";
import { getTableConfig } from "./drizzle.ts";

/** Something that a table lacks, with the statement by which its owner mends it. */
export interface Difference {
  /** What is wrong, for a person. */
  problem: string;
  ddl: string;
}

/**
 * Compares a table of the connection's database with its schema. The table may have more: longer
 * texts, wider numbers, more members of an enum, more columns and keys.
 * @param unused columns that need not be there, nor the keys that they are part of
 * @throws the driver's error
 */
export async function differences(
  connection: Connection,
  table: MySqlTable,
  unused: ReadonlySet<string> = new Set(),
): Promise<Difference[]> {
  const { name } = getTableConfig(table);
  const columns = await presentColumns(connection, name);
  if (columns.size === 0) return [{ problem: `${name} does not exist`, ddl: createTable(table) }];
  const keys = await presentKeys(connection, name);
  const needed = columnsOf(table).filter((column) => !unused.has(column.name));
  const neededKeys = keysOf(table).filter((key) => !key.columns.some((column) => unused.has(column)));
  return [
    ...needed.flatMap((column) => ofColumn(name, column, columns.get(column.name)) ?? []),
    ...neededKeys.filter((key) => !keys.some((each) => serves(each, key))).map((key) => ofKey(name, key)),
  ];
}

/** A column as information_schema tells of it. */
interface PresentColumn extends RowDataPacket {
  name: string;
  /** Like `varchar` and `varchar(64)`. */
  dataType: string;
  columnType: string;
  length: number | null;
  nullable: "YES" | "NO";
  collation: string | null;
}

async function presentColumns(connection: Connection, table: string): Promise<Map<string, PresentColumn>> {
  const [rows] = await connection.query<PresentColumn[]>(
    `SELECT COLUMN_NAME AS name, DATA_TYPE AS dataType, COLUMN_TYPE AS columnType, IS_NULLABLE AS nullable,
        CHARACTER_MAXIMUM_LENGTH AS length, COLLATION_NAME AS collation
      FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?`,
    [table],
  );
  return new Map(rows.map((row) => [row.name, row]));
}

async function presentKeys(connection: Connection, table: string): Promise<Key[]> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT INDEX_NAME AS name, NON_UNIQUE AS shared, COLUMN_NAME AS col, SUB_PART AS part
      FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?
      ORDER BY INDEX_NAME, SEQ_IN_INDEX`,
    [table],
  );
  const keys = new Map<string, Key>();
  for (const { name, shared, col, part } of rows) {
    const key: Key = keys.get(name) ?? { name, unique: Number(shared) === 0, columns: [] };
    // Of a part of a column, or of an expression, it is a key to something else.
    key.columns.push(part === null && col !== null ? String(col) : "");
    keys.set(name, key);
  }
  return [...keys.values()];
}

function ofColumn(
  table: string,
  column: MySqlColumn,
  present: PresentColumn | undefined,
): Difference | undefined {
  const alter = `ALTER TABLE ${quoted(table)}`;
  if (present === undefined) {
    return {
      problem: `${table}.${column.name} does not exist`,
      ddl: `${alter} ADD COLUMN ${columnDefinition(column)}`,
    };
  }
  const wrongType = !holds(present, column);
  const wrongNull = (present.nullable === "NO") !== column.notNull;
  if (!wrongType && !wrongNull) return undefined;
  const is = `${present.columnType}${present.nullable === "NO" ? " NOT NULL" : ""}`;
  const has = `${column.getSQLType()}${column.notNull ? " NOT NULL" : ""}`;
  const type = wrongType ? mended(present, column) : present.columnType;
  return {
    problem: `${table}.${column.name} is ${is}; needed is ${has}`,
    ddl: `${alter} MODIFY COLUMN ${columnDefinition(column, collated(type, present))}`,
  };
}

/** Whether every value that the service reads and writes there has its place. */
function holds(present: PresentColumn, column: MySqlColumn): boolean {
  const needed = column.getSQLType();
  const dataType = present.dataType.toLowerCase();
  if (needed.startsWith("bigint")) return dataType === "bigint";
  if (needed === "int") return dataType === "int" || dataType === "bigint";
  const members = column.enumValues;
  if (members !== undefined && dataType === "enum") {
    const known = membersOf(present);
    return members.every((member) => known.includes(member));
  }
  const longest = members === undefined ? lengthOf(needed) : Math.max(...members.map(({ length }) => length));
  return /char|text/.test(dataType) && Number(present.length) >= longest;
}

/** An enum keeps the members that others have given it. */
function mended(present: PresentColumn, column: MySqlColumn): string {
  if (column.enumValues === undefined || present.dataType.toLowerCase() !== "enum")
    return column.getSQLType();
  return enumType([...new Set([...membersOf(present), ...column.enumValues])]);
}

/** Without its collation a column would get that of the table. */
function collated(type: string, { collation }: PresentColumn): string {
  return collation !== null && /char|text|enum/.test(type) ? `${type} COLLATE ${collation}` : type;
}

function membersOf({ columnType }: PresentColumn): string[] {
  return [...columnType.matchAll(/'((?:[^']|'')*)'/g)].map(([, member = ""]) => member.replaceAll("''", "'"));
}

function lengthOf(type: string): number {
  return Number(/\((\d+)\)/.exec(type)?.[1] ?? Number.POSITIVE_INFINITY);
}

/** A key that begins with the columns finds their rows; a unique one must be of just these. */
function serves(present: Key, needed: Key): boolean {
  if (needed.unique) {
    const same = present.columns.length === needed.columns.length;
    return present.unique && same && needed.columns.every((column) => present.columns.includes(column));
  }
  return needed.columns.every((column, at) => present.columns[at] === column);
}

function ofKey(table: string, key: Key): Difference {
  return {
    problem: `${table} has no ${key.unique ? "unique key" : "index"} of (${key.columns.join(", ")})`,
    ddl: `ALTER TABLE ${quoted(table)} ADD ${keyDefinition(key)}`,
  };
}
