import { existsSync } from "node:fs";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { afterEach, describe, expect, test } from "vitest";
import { type Mysql, type MysqlOptions, startMysql } from "../../src/local-stack/mysql.ts";
import { isAlive } from "../support/processes.ts";

const started: Mysql[] = [];
afterEach(async () => {
  for (const mysql of started.splice(0)) await mysql.stop();
});

async function start(options: MysqlOptions): Promise<Mysql> {
  const mysql = await startMysql(options);
  started.push(mysql);
  return mysql;
}

async function query(url: string, sql: string): Promise<RowDataPacket[]> {
  const connection = await createConnection(url);
  try {
    const [rows] = await connection.query<RowDataPacket[]>(sql);
    return rows;
  } finally {
    connection.destroy();
  }
}

describe("a private MySQL server", () => {
  const PRIVATE = { server: undefined };

  test("two at once are apart from each other, and gone when stopped", async () => {
    const [one, other] = await Promise.all([start(PRIVATE), start(PRIVATE)]);
    await query(one.url, "CREATE TABLE mine (id int)");
    expect(await query(other.url, "SHOW TABLES")).toEqual([]);

    const pids = [one.process?.pid ?? 0, other.process?.pid ?? 0];
    const logs = [one.process?.logFile ?? "", other.process?.logFile ?? ""];
    expect(await Promise.all(pids.map(isAlive))).toEqual([true, true]);
    await Promise.all([one.stop(), other.stop()]);
    expect(await Promise.all(pids.map(isAlive))).toEqual([false, false]);
    expect(logs.map(existsSync)).toEqual([false, false]);
  });

  test("lets nobody in without its password", async () => {
    const { url } = await start(PRIVATE);
    const stranger = new URL(url);
    stranger.password = "";
    for (const user of [stranger.username, "root", ""]) {
      stranger.username = user;
      await expect(createConnection(stranger.href)).rejects.toMatchObject({ code: "ER_ACCESS_DENIED_ERROR" });
    }
  });

  test("keeps what was committed over a kill -9 and a new start", async () => {
    const { url, process } = await start(PRIVATE);
    await query(url, "CREATE TABLE kept (id int)");
    await query(url, "INSERT INTO kept VALUES (7)");
    await process?.signal("SIGKILL");
    await expect(createConnection(url)).rejects.toThrow();
    await process?.start();
    expect(await query(url, "SELECT id FROM kept")).toEqual([{ id: 7 }]);
  });
});

describe("a server that is given", () => {
  test("gets a database of its own for each, which is dropped at the end", async () => {
    const host = await start({ server: undefined });
    const databases = () => query(host.url, "SHOW DATABASES LIKE 'sentinel\\_rollout\\_%'");
    const one = await start({ server: host.url });
    const other = await start({ server: host.url });
    expect(one.url).not.toBe(other.url);
    await query(one.url, "CREATE TABLE mine (id int)");
    expect(await query(other.url, "SHOW TABLES")).toEqual([]);
    expect(await databases()).toHaveLength(2);
    started.splice(1);
    await one.stop();
    await other.stop();
    expect(await databases()).toEqual([]);
  });

  test("that cannot be used is named by its variable, without its password", async () => {
    const server = "mysql://root:tellnobody@127.0.0.1:1/x";
    const failure = await startMysql({ server }).catch((error: Error) => error.message);
    expect(failure).toMatch(/^DATABASE_URL: cannot create a database/);
    expect(failure).not.toContain("tellnobody");
  });
});
