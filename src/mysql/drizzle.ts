import { createRequire } from "node:module";

// As CommonJS: Node's loader for ES modules takes two seconds and 200 MB for drizzle's import cycles. drizzle-kit reads
// the schema as CommonJS itself, where there is no import.meta.url.
const load = createRequire(import.meta.url ?? __filename);

const core: typeof import("drizzle-orm") = load("drizzle-orm");
const mysqlCore: typeof import("drizzle-orm/mysql-core") = load("drizzle-orm/mysql-core");
const mysqlProxy: typeof import("drizzle-orm/mysql-proxy") = load("drizzle-orm/mysql-proxy");

export const {
  and,
  asc,
  count,
  desc,
  DrizzleQueryError,
  eq,
  getTableColumns,
  gt,
  gte,
  inArray,
  isNotNull,
  lt,
  lte,
  notExists,
  or,
  sql,
} = core;
export const {
  alias,
  bigint,
  getTableConfig,
  index,
  int,
  mysqlEnum,
  mysqlTable,
  primaryKey,
  unique,
  varchar,
} = mysqlCore;
export const { drizzle } = mysqlProxy;
