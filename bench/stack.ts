import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createPool, type Pool, type RowDataPacket } from "mysql2/promise";
import { kubeconfig } from "../src/embedded-kubernetes/index.ts";
import { insertRows } from "../src/local-stack/fleet.ts";
import { temporaryDirectory } from "../src/local-stack/leftovers.ts";
import { type Mysql, startMysql } from "../src/local-stack/mysql.ts";
import { freePort } from "../src/local-stack/ports.ts";
import { type RestateServer, startRestate } from "../src/local-stack/restate-server.ts";
import { type ServiceProcess, startService } from "../src/local-stack/service.ts";
import { Undo } from "../src/local-stack/undo.ts";
import { migrateDatabase } from "../src/mysql/migrate.ts";
import { benchFleet, type Lengths, oldImage } from "./fleet.ts";
import type { handlers as kubernetesHandlers } from "./kubernetes/process.ts";
import { type Remote, startRemote } from "./remote.ts";

/** Real parts, each in a process of its own: Restate on one partition, MySQL, the embedded API, the service. */
export interface BenchStack {
  restate: RestateServer;
  kubernetes: Remote<typeof kubernetesHandlers>;
  kubeconfig: string;
  mysql: Mysql;
  /** For questions to the database. */
  db: Pool;
  service: ServiceProcess;
  /** Undone in reverse order. */
  undo: Undo;
}

export const NAMESPACE = "sentinel";

export interface BenchStackOptions {
  sentinels: number;
  /** Of the ids and images. */
  lengths?: Lengths;
  /** More variables of the service. */
  env?: Record<string, string>;
  /** A command that runs the service. */
  through?: string[];
}

/** Runs a measurement on a stack of its own and takes it down, whatever happens. */
export async function withStack<T>(
  options: BenchStackOptions,
  measure: (stack: BenchStack) => Promise<T>,
): Promise<T> {
  const undo = new Undo();
  try {
    return await measure(await start(options, undo));
  } finally {
    await undo.run();
  }
}

async function start(
  { sentinels, lengths = "usual", env, through }: BenchStackOptions,
  undo: Undo,
): Promise<BenchStack> {
  const directory = await temporaryDirectory();
  undo.add(() => directory.remove());
  const database = await startMysql({ server: undefined });
  undo.add(() => database.stop());
  await migrateDatabase(database.url, { withSentinels: true });
  const fleet = benchFleet(sentinels, lengths);
  await insertRows({ databaseUrl: database.url, sentinels: fleet, namespace: NAMESPACE });
  const db = createPool({ uri: database.url, connectionLimit: 2 });
  undo.add(() => db.end());
  const image = oldImage(lengths);
  await db.query("UPDATE sentinels SET image = ?, running_image = ?", [image, image]);
  const restate = await startRestate();
  undo.add(() => restate.stop());
  const kubernetes = await startRemote<typeof kubernetesHandlers>(
    new URL("kubernetes/process.ts", import.meta.url),
  );
  undo.add(() => kubernetes.stop());
  await kubernetes.seed(sentinels, NAMESPACE, lengths);
  const config = join(directory.path, "kubeconfig");
  await writeFile(config, kubeconfig(`http://127.0.0.1:${await kubernetes.listen()}`, NAMESPACE));
  const [port, healthPort] = [await freePort(), await freePort()];
  const variables = {
    DATABASE_URL: database.url,
    PORT: String(port),
    HEALTH_PORT: String(healthPort),
    RESTATE_URL: restate.ingress,
    RESTATE_ADMIN_URL: restate.admin,
    SERVICE_URL: `http://127.0.0.1:${port}`,
    KUBECONFIG: config,
    ...profiling(),
    ...env,
  };
  const service = await startService(variables, join(directory.path, "service.log"), through);
  undo.add(() => service.process.stop());
  return { restate, kubernetes, kubeconfig: config, mysql: database, db, service, undo };
}

/** `BENCH_PROFILE=DIR` leaves the service's CPU profiles there, for Chrome's developer tools. */
function profiling(): Record<string, string> {
  const directory = process.env.BENCH_PROFILE ?? "";
  return directory === "" ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${directory}` };
}

/** Rows of a question to the database. */
export async function rows<T>(stack: BenchStack, sql: string): Promise<T[]> {
  const [found] = await stack.db.query<RowDataPacket[]>(sql);
  return found as T[];
}

/** Waits for a condition, looking often. @throws Error after `timeoutMs` */
export async function until(what: string, condition: () => Promise<boolean>, timeoutMs = 120_000) {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not so after ${timeoutMs / 1000} s: ${what}`);
    await sleep(20);
  }
}
