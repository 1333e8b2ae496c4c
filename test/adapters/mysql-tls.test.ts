import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Mysql, startMysql } from "../../src/local-stack/mysql.ts";
import { migrateDatabase } from "../../src/mysql/migrate.ts";
import { type DatabasePool, execute, openPool } from "../../src/mysql/pool.ts";
import { type Certificate, createAuthority, issue } from "../support/certificates.ts";

let directory: string;
let authority: Certificate;
let other: Certificate;
let client: Certificate;
let server: Mysql;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "mysql-tls-"));
  authority = await createAuthority(directory);
  other = await createAuthority(directory, "other");
  client = await issue(directory, authority, "client", "sentinel-rollout");
  const { cert, key } = await issue(directory, authority, "server", "localhost");
  server = await startMysql({
    server: undefined,
    args: [`--ssl-ca=${authority.cert}`, `--ssl-cert=${cert}`, `--ssl-key=${key}`],
  });
  await run({ "ssl-mode": "REQUIRED" }, "SET GLOBAL require_secure_transport = ON");
});
afterAll(async () => {
  await server?.stop();
  await rm(directory, { recursive: true });
});

/** The database's URL by the host's name, with TLS parameters. */
function address(parameters: Record<string, string>): string {
  const url = new URL(server.url);
  url.hostname = "localhost";
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

async function run(parameters: Record<string, string>, statement: string): Promise<unknown[]> {
  const pool = openPool(address(parameters));
  try {
    const [rows] = await execute(pool.db.execute(sql.raw(statement)));
    return rows as unknown as unknown[];
  } finally {
    await pool.close();
  }
}

/** What encrypts a connection of the service's pool; empty: nothing does. */
async function cipher(parameters: Record<string, string>): Promise<string> {
  const [row] = await run(parameters, "SHOW STATUS LIKE 'Ssl_cipher'");
  return (row as { Value: string }).Value;
}

describe("TLS to MySQL", () => {
  it("is off unless asked for: a server that requires it refuses", async () => {
    await expect(cipher({})).rejects.toThrow(/secure transport|Access denied/);
  });

  it("REQUIRED encrypts, whoever the server is", async () => {
    expect(await cipher({ "ssl-mode": "REQUIRED" })).not.toBe("");
  });

  it.each(["VERIFY_CA", "VERIFY_IDENTITY"])(
    "%s takes a server of the authority that is given",
    async (mode) => {
      expect(await cipher({ "ssl-mode": mode, "ssl-ca": authority.cert })).not.toBe("");
      await migrateDatabase(address({ "ssl-mode": mode, "ssl-ca": authority.cert }), { withSentinels: true });
    },
  );

  it.each(["VERIFY_CA", "VERIFY_IDENTITY"])("%s refuses a server of any other authority", async (mode) => {
    await expect(cipher({ "ssl-mode": mode, "ssl-ca": other.cert })).rejects.toThrow(/certificate/);
    await expect(cipher({ "ssl-mode": mode })).rejects.toThrow(/certificate/);
  });

  it("shows a certificate of its own to a server that asks for one", async () => {
    const verified = { "ssl-mode": "VERIFY_IDENTITY", "ssl-ca": authority.cert };
    const own = { ...verified, "ssl-cert": client.cert, "ssl-key": client.key };
    await run(verified, "ALTER USER sentinel REQUIRE X509");
    await expect(cipher(verified)).rejects.toThrow(/Access denied/);
    expect(await cipher(own)).not.toBe("");
    await run(own, "ALTER USER sentinel REQUIRE NONE");
  });

  it("VERIFY_IDENTITY alone refuses a certificate of the authority for another host", async () => {
    await server.process?.stop();
    await issue(directory, authority, "server", "elsewhere");
    await server.process?.start();
    expect(await cipher({ "ssl-mode": "VERIFY_CA", "ssl-ca": authority.cert })).not.toBe("");
    await expect(cipher({ "ssl-mode": "VERIFY_IDENTITY", "ssl-ca": authority.cert })).rejects.toThrow(
      /altnames|Hostname/,
    );
  });
});

describe("files that are replaced while the pool is used", () => {
  const [ca, cert, key] = ["ca-used.pem", "client-used.pem", "client-used.key"];
  const used = (name: string) => join(directory, name);
  let pool: DatabasePool;
  /** On a connection of its own. */
  const answers = () => {
    pool.retireAll();
    return execute(pool.db.execute(sql.raw("SELECT 1"))).then(
      () => "answers",
      (error: Error) => error.message,
    );
  };

  beforeAll(async () => {
    await server.process?.stop();
    await issue(directory, authority, "server", "localhost");
    await server.process?.start();
    await copyFile(authority.cert, used(ca));
    await copyFile(client.cert, used(cert));
    await copyFile(client.key, used(key));
    const files = { "ssl-ca": used(ca), "ssl-cert": used(cert), "ssl-key": used(key) };
    pool = openPool(address({ "ssl-mode": "VERIFY_IDENTITY", ...files }));
  });
  afterAll(() => pool?.close());

  it("another authority counts with the next connection", async () => {
    expect(await answers()).toBe("answers");
    await server.process?.stop();
    await issue(directory, other, "server", "localhost");
    await server.process?.start();
    expect(await answers()).toContain("certificate");
    await copyFile(other.cert, used(ca));
    expect(await answers()).toBe("answers");
    expect(await answers()).toBe("answers");
  });

  it("half of a pair, and what is no certificate, do not: what was good until then goes on", async () => {
    const next = await issue(directory, authority, "next", "sentinel-rollout");
    await copyFile(next.key, used(key));
    expect(await answers()).toBe("answers");
    await writeFile(used(ca), "-----BEGIN CERTIFICATE-----\nhalf");
    expect(await answers()).toBe("answers");
    await rm(used(ca));
    expect(await answers()).toBe("answers");
    await copyFile(other.cert, used(ca));
    await copyFile(next.cert, used(cert));
    expect(await answers()).toBe("answers");
  });
});
