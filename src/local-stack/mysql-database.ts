import { randomBytes } from "node:crypto";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { databaseAddress } from "../mysql/address.ts";

/**
 * Makes a database of its own on a server that belongs to somebody else.
 * @param server URL of any database on it
 * @throws Error that names the cause, never the URL: it holds a password
 */
export async function createDatabase(server: string, name: string): Promise<string> {
  const url = new URL(server);
  try {
    await execute(server, `CREATE DATABASE \`${name}\` CHARACTER SET utf8mb4`);
  } catch (error) {
    throw new Error(`DATABASE_URL: cannot create a database of its own there: ${(error as Error).message}`);
  }
  url.pathname = `/${name}`;
  return url.href;
}

export function databaseName(): string {
  return `sentinel_rollout_${randomBytes(6).toString("hex")}`;
}

export async function dropDatabase(server: string, name: string): Promise<void> {
  await execute(server, `DROP DATABASE IF EXISTS \`${name}\``);
}

export async function canQuery(url: string): Promise<boolean> {
  await execute(url, "SELECT 1");
  return true;
}

/** Where the server at `url` is installed. */
export async function baseDirectory(url: string): Promise<string> {
  const [row] = await execute(url, "SELECT @@basedir AS directory");
  return String(row?.directory);
}

async function execute(url: string, sql: string): Promise<RowDataPacket[]> {
  const connection = await createConnection({ ...databaseAddress(url), connectTimeout: 10_000 });
  try {
    const [rows] = await connection.query<RowDataPacket[]>(sql);
    return Array.isArray(rows) ? rows : [];
  } finally {
    connection.destroy();
  }
}
