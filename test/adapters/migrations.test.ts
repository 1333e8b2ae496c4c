import { drizzle } from "drizzle-orm/mysql2";
import { migrate } from "drizzle-orm/mysql2/migrator";
import mysql, { type RowDataPacket } from "mysql2/promise";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Mysql, startMysql } from "../../src/local-stack/mysql.ts";
import { migrateDatabase } from "../../src/mysql/migrate.ts";
import { insertSentinels } from "../support/sentinel-rows.ts";

let server: Mysql;
/** A new database for each test. */
let url: string;
let databases = 0;

beforeAll(async () => {
  server = await startMysql({ server: undefined });
});
beforeEach(async () => {
  url = server.url;
  const name = `db_${++databases}`;
  await sql(`CREATE DATABASE ${name}`);
  url = Object.assign(new URL(server.url), { pathname: `/${name}` }).href;
});
afterAll(() => server?.stop());

async function sql(statements: string): Promise<RowDataPacket[]> {
  const connection = await mysql.createConnection({ uri: url, multipleStatements: true });
  try {
    return (await connection.query<RowDataPacket[]>(statements))[0];
  } finally {
    connection.destroy();
  }
}

const OWN = [
  "sentinel_rewritten_images",
  "sentinel_rollout_actions",
  "sentinel_rollout_outcomes",
  "sentinel_rollouts",
];

/** In the table of rollouts, since. */
const ADDED = "  `rewritten_to` varchar(255) DEFAULT NULL,\n";

/** Without the notes of who migrated what. */
async function tables(): Promise<string[]> {
  const rows = await sql("SHOW TABLES");
  return rows.map((row) => String(Object.values(row)[0])).filter((name) => !name.endsWith("migrations"));
}

async function definition(table: string): Promise<string> {
  const [row] = await sql(`SHOW CREATE TABLE ${table}`);
  return String(row?.["Create Table"]);
}

/** As the control plane may have made it: a key of its own, wider types, more states, more columns, other names. */
const CONTROL_PLANE_TABLE = `CREATE TABLE sentinels (
  id varchar(128) NOT NULL PRIMARY KEY,
  k8s_name varchar(255) NOT NULL,
  region_id varchar(255) NOT NULL DEFAULT 'eu',
  region_name varchar(64),
  image text NOT NULL,
  running_image varchar(255) NOT NULL DEFAULT '',
  desired_state enum('running','standby','archived','draining') NOT NULL,
  health varchar(16) NOT NULL,
  desired_replicas bigint NOT NULL,
  available_replicas int unsigned NOT NULL,
  cpu_millicores int NOT NULL,
  memory_mib int NOT NULL,
  deploy_status enum('failed','idle','ready','progressing') NOT NULL,
  deploy_error text,
  updated_at bigint unsigned,
  UNIQUE KEY by_name (k8s_name),
  KEY by_state (desired_state, id, image(20))
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci`;

/** The database as version 0.1 made it. */
async function migrateAsBefore(): Promise<void> {
  const connection = await mysql.createConnection({ uri: url });
  try {
    await migrate(drizzle(connection), { migrationsFolder: "test/legacy/drizzle" });
  } finally {
    connection.destroy();
  }
}

describe("where the control plane owns sentinels", () => {
  it("the history's tables are made, and sentinels stays as it is", async () => {
    await sql(CONTROL_PLANE_TABLE);
    const before = await definition("sentinels");
    await migrateDatabase(url);
    expect(await tables()).toEqual([...OWN, "sentinels"]);
    expect(await definition("sentinels")).toBe(before);
  });

  it("another user of drizzle keeps neither out the other, whoever came last", async () => {
    await sql(CONTROL_PLANE_TABLE);
    await sql(`CREATE TABLE __drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint);
      INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('theirs', 4102444800000)`);
    await migrateDatabase(url);
    expect(await tables()).toEqual([...OWN, "sentinels"]);
    expect(await sql("SELECT hash FROM __drizzle_migrations")).toEqual([{ hash: "theirs" }]);
  });

  it("every difference is named with the statement for its owner, after which all is well", async () => {
    await sql(CONTROL_PLANE_TABLE);
    await sql(`ALTER TABLE sentinels DROP COLUMN running_image, DROP KEY by_state, DROP KEY by_name,
      ADD KEY by_name (k8s_name(20)), MODIFY image varchar(100) COLLATE utf8mb4_bin NOT NULL,
      MODIFY deploy_error text NOT NULL, MODIFY memory_mib smallint,
      MODIFY deploy_status enum('idle','ready','own') NOT NULL, MODIFY updated_at datetime`);
    const message = await migrateDatabase(url).catch((error: Error) => error.message);
    const alter = "ALTER TABLE `sentinels`";
    expect(String(message).split("\n")).toEqual([
      "these tables are not as the service needs them. For their owner to run:",
      "-- sentinels.image is varchar(100) NOT NULL; needed is varchar(255) NOT NULL",
      `${alter} MODIFY COLUMN \`image\` varchar(255) COLLATE utf8mb4_bin NOT NULL;`,
      expect.stringMatching(/^-- sentinels.memory_mib is smallint(\(6\))?; needed is int NOT NULL$/),
      `${alter} MODIFY COLUMN \`memory_mib\` int NOT NULL;`,
      "-- sentinels.running_image does not exist",
      `${alter} ADD COLUMN \`running_image\` varchar(255) NOT NULL DEFAULT '';`,
      "-- sentinels.deploy_status is enum('idle','ready','own') NOT NULL; needed is enum('idle','progressing','ready','failed') NOT NULL",
      `${alter} MODIFY COLUMN \`deploy_status\` enum('idle','ready','own','progressing','failed') COLLATE utf8mb4_general_ci NOT NULL DEFAULT 'idle';`,
      "-- sentinels.deploy_error is text NOT NULL; needed is varchar(1024)",
      `${alter} MODIFY COLUMN \`deploy_error\` text COLLATE utf8mb4_general_ci;`,
      "-- sentinels.updated_at is datetime; needed is bigint",
      `${alter} MODIFY COLUMN \`updated_at\` bigint;`,
      "-- sentinels has no unique key of (k8s_name)",
      `${alter} ADD UNIQUE INDEX \`sentinels_k8s_name\` (\`k8s_name\`);`,
      "-- sentinels has no index of (desired_state, id)",
      `${alter} ADD INDEX \`sentinels_desired_state_id\` (\`desired_state\`, \`id\`);`,
    ]);
    expect(await tables()).toEqual([...OWN, "sentinels"]);
    await sql(String(message).split("\n").slice(1).join("\n"));
    await migrateDatabase(url);
  });
});

describe("where there is no table sentinels", () => {
  it("it is named, and made only where that is asked for", async () => {
    await expect(migrateDatabase(url)).rejects.toThrow("-- sentinels does not exist\nCREATE TABLE");
    expect(await tables()).toEqual(OWN);
    await migrateDatabase(url, { withSentinels: true });
    expect(await tables()).toEqual([...OWN, "sentinels"]);
  });

  it("it is made as the versions before made it", async () => {
    await migrateAsBefore();
    const before = await definition("sentinels");
    await sql("DROP TABLE sentinels");
    await migrateDatabase(url, { withSentinels: true });
    expect(await definition("sentinels")).toBe(before);
  });
});

describe("a database of version 0.1", () => {
  it.each([{}, { withSentinels: true }])("is taken over with all that is in it (%j)", async (options) => {
    await migrateAsBefore();
    await insertSentinels(url, [{ id: "sen_a", image: "x:7" }]);
    await sql(`INSERT INTO sentinel_rollout_outcomes VALUES ('r1', 'failed', 'sen_a', 1, 'why', 5, 6)`);
    const there = ["sentinel_rollout_outcomes", "sentinel_rollouts", "sentinels"];
    const before = await Promise.all(there.map(definition));
    await migrateDatabase(url, options);
    await migrateDatabase(url, options);
    const after = await Promise.all(there.map(definition));
    expect(after.map((each) => each.replace(ADDED, ""))).toEqual(before);
    expect(after.filter((each) => each.includes(ADDED))).toHaveLength(1);
    expect(await tables()).toEqual([...OWN, "sentinels"]);
    expect(await sql("SELECT id, image FROM sentinels")).toEqual([{ id: "sen_a", image: "x:7" }]);
    expect(await sql("SELECT reason FROM sentinel_rollout_outcomes")).toEqual([{ reason: "why" }]);
  });
});

it("a migration that was killed before it was noted is repeated", async () => {
  await migrateDatabase(url, { withSentinels: true });
  await sql("DELETE FROM sentinel_rollout_migrations");
  await migrateDatabase(url);
  const [noted] = await sql("SELECT count(*) AS n FROM sentinel_rollout_migrations");
  expect(noted).toEqual({ n: 5 });
});

it("several at once all succeed", async () => {
  await Promise.all([1, 2, 3].map(() => migrateDatabase(url, { withSentinels: true })));
  expect(await tables()).toEqual([...OWN, "sentinels"]);
});
