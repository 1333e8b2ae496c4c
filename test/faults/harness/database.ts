import mysql, { type Connection, type RowDataPacket } from "mysql2/promise";
import type { Mysql } from "../../../src/local-stack/mysql.ts";

/** A user without special rights, as production gives the service one: what binds others binds it too. */
const SERVICE_USER = "service";

/** The database as its administrator sees it. */
export class Database {
  readonly #mysql: Mysql;
  /** For the service: on the tests' own server a user of its own with the same password. */
  readonly serviceUrl: string;

  static async open(server: Mysql): Promise<Database> {
    if (server.process === undefined) return new Database(server, server.url);
    const url = new URL(server.url);
    url.username = SERVICE_USER;
    const database = new Database(server, url.href);
    await database.asAdmin(async (admin) => {
      await admin.query("CREATE USER ?@'%' IDENTIFIED BY ?", [SERVICE_USER, url.password]);
      await admin.query("GRANT SELECT, INSERT, UPDATE, DELETE ON ??.* TO ?@'%'", [
        url.pathname.slice(1),
        SERVICE_USER,
      ]);
    });
    return database;
  }

  private constructor(server: Mysql, serviceUrl: string) {
    this.#mysql = server;
    this.serviceUrl = serviceUrl;
  }

  /** @throws Error where the server is not the tests' own */
  get process(): NonNullable<Mysql["process"]> {
    const { process } = this.#mysql;
    if (process === undefined) throw new Error("this MySQL server is not the tests' own");
    return process;
  }

  get isOwn(): boolean {
    return this.#mysql.process !== undefined;
  }

  /** A connection to do something with, and no longer than that. */
  async asAdmin<T>(work: (admin: Connection) => Promise<T>): Promise<T> {
    const admin = await mysql.createConnection({ uri: this.#mysql.url });
    try {
      return await work(admin);
    } finally {
      admin.destroy();
    }
  }

  async set(variable: string, value: number): Promise<void> {
    await this.asAdmin((admin) => admin.query(`SET GLOBAL ${variable} = ${value}`));
  }

  /** Cuts the service's connections, whatever they are doing. Resolves to how many there were. */
  async cutConnections(): Promise<number> {
    return this.asAdmin(async (admin) => {
      const [all] = await admin.query<RowDataPacket[]>(
        "SELECT id FROM information_schema.processlist WHERE user = ?",
        [SERVICE_USER],
      );
      for (const { id, ID = id } of all) await admin.query(`KILL ${ID}`).catch(() => undefined);
      return all.length;
    });
  }

  /** Whether a statement of anybody waits for a lock now. */
  async someoneWaits(admin: Connection): Promise<boolean> {
    const [waiting] = await admin.query<RowDataPacket[]>(
      "SELECT trx_id FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
    );
    return waiting.length > 0;
  }
}
