import type { MySqlRemoteDatabase } from "drizzle-orm/mysql-proxy";
import mysql, { type Pool, type PoolConnection, type QueryOptions } from "mysql2/promise";
import { atMost } from "../util/at-most.ts";
import { reasonOf } from "../util/reason.ts";
import { databaseAddress } from "./address.ts";
import { DrizzleQueryError, drizzle } from "./drizzle.ts";
import { unambiguous } from "./literals.ts";
import { createRetirement, type Retirement } from "./retirement.ts";

export type Database = MySqlRemoteDatabase;

export interface DatabasePool {
  /** Every statement stands alone (autocommit) and answers or fails in bounded time. */
  db: Database;
  /** No connection that is open now is used for another statement. */
  retireAll(): void;
  close(): Promise<void>;
}

/** What a caller learns of a failed statement: the driver's code and message, never a DSN or the parameters. */
export class DatabaseError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(`MySQL: ${message} (${code})`);
    this.name = "DatabaseError";
    this.code = code;
  }
}

/** What a server that takes no writes says: errno 1290, 1792 and 1836. */
const READ_ONLY: readonly string[] = [
  "ER_OPTION_PREVENTS_STATEMENT",
  "ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION",
  "ER_READ_ONLY_MODE",
];

const CONNECTIONS = 10;
/** A whole fleet may ask at once; only a leak gets this far. */
const QUEUE_LIMIT = 50_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** Of one statement together with its wait for a connection: a frozen server must give an error, not silence. */
const STATEMENT_TIMEOUT_MS = 9_000;
/**
 * How long a statement may wait for a lock (s). It is less than the client waits: a statement that its client has given up
 * must not be done later, and a locked row must not hold up others for long. By default the server waits for 50 s.
 */
const SESSION = "SET SESSION innodb_lock_wait_timeout = 1";
/** How long a statement may take to be killed whose client has given it up. */
const KILL_MS = 2_000;
/** How long a connection may take to say goodbye before it is cut. */
const GOODBYE_MS = 2_000;
/** A connection that was not used for this long (ms) is closed. */
const IDLE_MS = 60_000;
/** A connection of this age (ms) is not used any more: its address may lead to another server by then. */
const LIFETIME_MS = 600_000;
const MESSAGE_LENGTH = 300;

/**
 * Connects with the first statement, not before. The driver's own `pool.query` has no bound for the wait for a connection, and
 * does not give back one whose statement was never answered: a frozen server would take them all.
 * @param onStatement told of each statement, its duration with the wait for a connection, and whether it succeeded
 */
export function openPool(
  databaseUrl: string,
  statementTimeoutMs = STATEMENT_TIMEOUT_MS,
  onStatement: (sql: string, seconds: number, ok: boolean) => void = () => undefined,
  { idleMs = IDLE_MS, lifetimeMs = LIFETIME_MS } = {},
): DatabasePool {
  const pool = mysql.createPool({
    ...databaseAddress(databaseUrl),
    connectionLimit: CONNECTIONS,
    queueLimit: QUEUE_LIMIT,
    // The driver looks at idle ones only where fewer may be idle than open.
    maxIdle: CONNECTIONS - 1,
    idleTimeout: idleMs,
    // A connection that is given up says goodbye: the server logs those that do not.
    gracefulEnd: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // A stack for each statement costs more than its answer; an error is told by its code and message.
    trace: false,
  });
  const retirement = createRetirement(lifetimeMs);
  const open = new Set<{ destroy(): void }>();
  pool.pool.on("connection", (connection) => {
    open.add(connection);
    retirement.opened(connection);
    // Once, before anything else that is asked of it: no statement of this service leaves anything behind in a session, so that
    // none is reset. One on which it fails has trouble that the next statement meets, too.
    connection.query(SESSION, () => undefined);
    connection.once("end", () => open.delete(connection));
  });
  const kill = (threadId: number) => killed(databaseUrl, threadId);
  const db = drizzle(async (sql, values, method) => {
    const rowsAsArray = method === "all";
    const startedMs = performance.now();
    let ok = false;
    try {
      const query = { sql, values: values.map(unambiguous), rowsAsArray };
      const result = await run(pool, retirement, query, Date.now() + statementTimeoutMs, kill);
      ok = true;
      return { rows: rowsAsArray && Array.isArray(result) ? result : [result] };
    } finally {
      onStatement(sql, (performance.now() - startedMs) / 1000, ok);
    }
  });
  return {
    db,
    retireAll: retirement.retireAll,
    close: async () => {
      await within(pool.end(), GOODBYE_MS).catch(() => undefined);
      for (const connection of open) connection.destroy();
    },
  };
}

/** Awaits a query of this pool's `db`; what it throws is a DatabaseError without the statement and its values. */
export async function execute<T>(query: PromiseLike<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    throw error instanceof DrizzleQueryError && error.cause !== undefined ? error.cause : error;
  }
}

async function run(
  pool: Pool,
  retirement: Retirement,
  query: QueryOptions,
  deadlineMs: number,
  kill: (threadId: number) => Promise<void>,
): Promise<unknown> {
  const connection = await acquire(pool, retirement, deadlineMs);
  try {
    const [result] = await within(connection.query(query), deadlineMs - Date.now());
    connection.release();
    return result;
  } catch (error) {
    const failure = shortened(error);
    // The server refused the statement: the connection is as good as before. Anything else leaves it in doubt, and the others
    // lead to the same server: what is in flight on them fails as well, and must not retire those that come after them.
    if (isRefusal(error) && !isReadOnly(failure)) connection.release();
    else {
      if (!retirement.isRetired(connection.connection)) retirement.retireAll();
      connection.destroy();
    }
    const changes = !/^\s*select\b/i.test(query.sql);
    if (isOverdue(error) && changes) await kill(connection.threadId);
    throw failure;
  }
}

async function acquire(pool: Pool, retirement: Retirement, deadlineMs: number): Promise<PoolConnection> {
  for (;;) {
    const connection = await next(pool, deadlineMs);
    if (!retirement.isRetired(connection.connection)) return connection;
    void connection.end();
  }
}

async function next(pool: Pool, deadlineMs: number): Promise<PoolConnection> {
  const acquired = pool.getConnection();
  try {
    return await within(acquired, deadlineMs - Date.now());
  } catch (error) {
    acquired.then(
      (late) => late.release(),
      () => undefined,
    );
    throw shortened(error);
  }
}

/** Ends what a client has given up, by another connection, for its own waits. Where that fails, its fence remains. */
async function killed(databaseUrl: string, threadId: number): Promise<void> {
  const connecting = mysql.createConnection({ ...databaseAddress(databaseUrl), connectTimeout: KILL_MS });
  try {
    await within(
      connecting.then((connection) => connection.query(`KILL ${threadId}`)),
      KILL_MS,
    );
  } catch {
    // It was over already, or the server is away.
  } finally {
    connecting.then(
      (connection) => connection.destroy(),
      () => undefined,
    );
  }
}

function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  return atMost(ms, promise, () => {
    throw new DatabaseError("ETIMEDOUT", "no answer in time");
  });
}

/** The server's own word that it takes no writes. */
export function isReadOnly(error: unknown): boolean {
  return error instanceof DatabaseError && READ_ONLY.includes(error.code);
}

function isOverdue(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === "ETIMEDOUT";
}

function isRefusal(error: unknown): boolean {
  return (
    error instanceof Error && "errno" in error && "sqlState" in error && !("fatal" in error && error.fatal)
  );
}

function shortened(error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "CONNECTION";
  return new DatabaseError(code, reasonOf(error).slice(0, MESSAGE_LENGTH));
}
