import type { Config } from "../config.ts";
import { plural } from "../domain/progress.ts";
import { migrateDatabase } from "../mysql/migrate.ts";
import { checkFaults, seedFleet } from "./fleet.ts";
import { planFleet } from "./fleet-plan.ts";
import { temporaryDirectory } from "./leftovers.ts";
import { type Mysql, startMysql } from "./mysql.ts";
import { freePort, isFree, preferPort } from "./ports.ts";
import { type RestateServer, startRestate } from "./restate-server.ts";
import { startSlackSink } from "./slack-sink.ts";
import { embeddedCluster, realCluster, type StackCluster } from "./stack-cluster.ts";
import { NEW_IMAGE, type StackOptions, type StackParts } from "./stack-types.ts";
import type { Undo } from "./undo.ts";

/** Starts everything but the service, all at once. What was started can be undone, also after a failure. */
export async function startParts(options: StackOptions, config: Config, undo: Undo): Promise<StackParts> {
  const log = options.log ?? (() => undefined);
  const { kubeContexts, kubeNamespace } = config;
  const regions = kubeContexts.size === 0 ? undefined : [...kubeContexts.keys()];
  const fleet = planFleet(options.sentinels ?? 0, regions);
  checkFaults(fleet, options.faults ?? []);
  const directory = await temporaryDirectory();
  undo.add(() => directory.remove());
  const kept = async <T>(starting: Promise<T>, stop: (part: T) => Promise<void>): Promise<T> => {
    const part = await starting;
    undo.add(() => stop(part));
    return part;
  };
  const starting = [
    kept(startDatabase(options, log), (mysql) => mysql.stop()),
    kept(startRestateServer(options, log), (restate) => restate.stop()),
    kept(startCluster(options, directory.path, config), (cluster) => cluster.close()),
    kept(startSlackSink(), (sink) => sink.close()),
  ] as const;
  // After a failure, wait for the others too: only what is there can be undone.
  await Promise.allSettled(starting);
  const [mysql, restate, cluster, slack] = await Promise.all(starting);
  log(`MySQL: ${mysql.description}`);
  log(`Restate: ingress ${restate.ingress}, admin API ${restate.admin}`);
  const [first] = cluster.embedded.values();
  const urls = [...cluster.embedded.values()].map(({ url }) => url);
  log(`Kubernetes: ${urls.length === 0 ? cluster.kubeconfig : urls.join(", ")}`);
  return {
    directory: directory.path,
    databaseUrl: mysql.url,
    mysql,
    restate,
    slack,
    ...(first === undefined ? {} : { embedded: first }),
    embeddedByContext: cluster.embedded,
    kubeconfig: cluster.kubeconfig,
    clusterOf: cluster.clusterOf,
    namespace: kubeNamespace,
    fleet,
  };
}

async function startDatabase({ env }: StackOptions, log: (line: string) => void): Promise<Mysql> {
  const mysql = await startMysql({ server: env?.DATABASE_URL, log });
  try {
    // What `npm run db:migrate -- --with-sentinels` does.
    await migrateDatabase(mysql.url, { withSentinels: true });
    return mysql;
  } catch (error) {
    await mysql.stop();
    throw error;
  }
}

async function startRestateServer(
  options: StackOptions,
  log: (line: string) => void,
): Promise<RestateServer> {
  if (options.standardPorts !== true) return startRestate(options.restate);
  const ingressPort = await standardPort("Restate's ingress", 8080, log);
  const adminPort = await standardPort("Restate's admin API", 9070, log);
  return startRestate({ ingressPort, adminPort, ...options.restate });
}

function startCluster(options: StackOptions, directory: string, config: Config): Promise<StackCluster> {
  return options.kubeconfig === undefined
    ? embeddedCluster(directory, config, options.embedded)
    : realCluster(options.kubeconfig, config, options.log ?? (() => undefined));
}

/** Makes the fleet. */
export async function seedParts(options: StackOptions, config: Config, parts: StackParts): Promise<void> {
  options.log?.(`seeding ${plural(parts.fleet.length, "sentinel")}`);
  await seedFleet({
    databaseUrl: parts.databaseUrl,
    sentinels: parts.fleet,
    clusterOf: parts.clusterOf,
    faults: options.faults ?? [],
    faultImage: options.faultImage ?? NEW_IMAGE,
    namespace: config.kubeNamespace,
    container: config.kubeContainer,
    isRealCluster: options.kubeconfig !== undefined,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
}

export interface ServicePorts {
  port: number;
  healthPort: number;
}

/** The service's ports. @throws Error naming a port that was asked for and is in use */
export async function servicePorts(
  given: Record<string, string>,
  options: StackOptions,
): Promise<ServicePorts> {
  const log = options.log ?? (() => undefined);
  const choose = async (variable: string, what: string, standard: number) => {
    const asked = Number(given[variable] ?? 0);
    if (asked !== 0 && !(await isFree(asked))) throw new Error(`${variable}: port ${asked} is in use`);
    if (asked !== 0) return asked;
    return options.standardPorts === true ? standardPort(what, standard, log) : freePort();
  };
  return {
    port: await choose("PORT", "the service's endpoint", 9080),
    healthPort: await choose("HEALTH_PORT", "the service's health port", 9081),
  };
}

async function standardPort(what: string, standard: number, log: (line: string) => void): Promise<number> {
  const port = await preferPort(standard);
  if (port !== standard) log(`port ${standard} is in use: ${what} is on ${port} instead`);
  return port;
}
