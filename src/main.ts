import { type Config, ConfigError, readConfig } from "./config.ts";
import { createHints } from "./deploy/hints.ts";
import { startEndpoint } from "./endpoint/endpoint.ts";
import { check, clusterChecks, databaseCheck, startHealthServer } from "./endpoint/health.ts";
import { giveMemoryBack, keepHeapSmall } from "./endpoint/memory.ts";
import { connectClusters } from "./kubernetes/clusters.ts";
import { registerClusterMetrics } from "./kubernetes/metrics.ts";
import { createLogger, type Logger } from "./log.ts";
import { createMetrics } from "./metrics/index.ts";
import { createActionStore } from "./mysql/actions.ts";
import { countFleet } from "./mysql/fleet-count.ts";
import { createHistoryStore } from "./mysql/history.ts";
import { openPool } from "./mysql/pool.ts";
import { lookAtPrimary } from "./mysql/primary.ts";
import { createSentinelStore } from "./mysql/sentinels.ts";
import { createAdmin } from "./restate/admin.ts";
import { createIngress } from "./restate/ingress.ts";
import { createLastKnown } from "./restate/last-known.ts";
import { register } from "./restate/registration.ts";
import { lateHealth } from "./rollout/late-health.ts";
import { createRedactor, secretsOf } from "./secrets.ts";
import { createSlackClient } from "./slack.ts";
import { reasonOf } from "./util/reason.ts";
import { startWatcher, type Watcher } from "./watcher/index.ts";

/** How long steps that run may take to finish after SIGTERM, well within Kubernetes' 30 s. */
const GRACE_MS = 5_000;
/** How long (ms) the last traces may take to be exported. */
const TRACES_GRACE_MS = 2_000;

keepHeapSmall();

const redact = createRedactor(secretsOf(process.env));

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const logger = createLogger(config.logLevel, redact);
  const stopping = new AbortController();
  // From the first moment on: a stop in the middle of the start is an orderly one too.
  const stopSignal = new Promise<string>((resolve) => {
    for (const name of ["SIGTERM", "SIGINT"]) process.once(name, resolve);
  });

  const metrics = createMetrics();
  const { work } = metrics;
  const pool = openPool(config.databaseUrl, undefined, work.mysqlStatement);
  const store = createSentinelStore(pool.db);
  const clusters = await connectClusters(config, { logger, metrics: metrics.kubernetes });
  registerClusterMetrics(metrics.registry, clusters);
  const history = createHistoryStore(pool.db);
  const actions = createActionStore(pool.db);
  const hints = createHints();
  const slack = createSlackClient(config.slackWebhookUrl);
  const admin = createAdmin(config.admin);
  const { deployTimeoutMs, failFastMs, unschedulableMs, maxInFlight, requireRolloutId, identityKeys } =
    config;
  // Loaded only where it is wanted: its packages cost start-up time and memory.
  const tracing =
    config.tracing === undefined
      ? undefined
      : (await import("./tracing.ts")).startTracing(config.tracing, logger);
  const fleet = countFleet(store);
  // Deploys may begin before it does.
  let watcher: Watcher | undefined;
  const endpoint = await listening("PORT", config.port, (port) =>
    startEndpoint({
      store,
      history,
      actions,
      clusters,
      hints,
      slack,
      logger,
      admin,
      countBytes: work.stateBytes,
      lastKnown: createLastKnown(),
      metrics: work,
      detail: {
        ...{ store, history, fleet, deployTimeoutMs },
        news: (row, rewrittenTo) =>
          watcher?.news(row, rewrittenTo) ?? { lacks: "not known: this replica is about to start" },
      },
      health: lateHealth(
        () => watcher?.health,
        clusters.all.map(({ name }) => name),
      ),
      onObserved: (id, observed) => watcher?.wrote(id, observed),
      deployTimeoutMs,
      failFastMs,
      unschedulableMs,
      maxInFlight,
      requireRolloutId,
      identityKeys,
      hooks: tracing === undefined ? [] : [tracing.hook],
      port,
    }),
  );
  const ingress = createIngress(config, work.notifyReady);
  metrics.read({ status: ingress.status, fleet: fleet.counts });
  watcher = startWatcher({
    clusters,
    store: { ...store, observedRows: fleet.observedRows },
    ...ingress,
    tell: hints.tell,
    onConverged: work.converged,
    onRecheck: work.recheck,
    deployTimeoutMs,
    regressionMs: config.regressionMs,
    logger,
  });
  const registration = registered(config, logger, stopping.signal);
  const database = databaseCheck(() => lookAtPrimary(pool));
  const health = await listening("HEALTH_PORT", config.healthPort, (port) =>
    startHealthServer({
      port,
      checks: async () => [
        await database(),
        ...clusterChecks(watcher.ready(), clusters.health()),
        check("restate", registration.done, registration.problem),
      ],
      metrics: () => metrics.registry.metrics(),
      metricsContentType: metrics.registry.contentType,
    }),
  );
  const memory = giveMemoryBack(endpoint.idle);
  logger.info({ port: endpoint.port, healthPort: health.port }, "sentinel-rollout is up");

  logger.info({ signal: await stopSignal }, "stopping");
  stopping.abort();
  memory.stop();
  await watcher.stop();
  await endpoint.close(GRACE_MS);
  await Promise.all([health.close(), clusters.close(), pool.close(), tracing?.close(TRACES_GRACE_MS)]);
  logger.info("stopped");
}

/** @throws Error that names the port in use and its variable */
async function listening<T>(variable: string, port: number, start: (port: number) => Promise<T>): Promise<T> {
  try {
    return await start(port);
  } catch (error) {
    const taken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    throw taken ? new Error(`${variable}: port ${port} is already in use`) : error;
  }
}

/** Ready at once where the service is registered by somebody else. */
function registered(
  { admin, registration }: Config,
  logger: Logger,
  signal: AbortSignal,
): { done: boolean; problem: string } {
  const state = { done: true, problem: "not registered yet" };
  if (admin === undefined || registration === undefined) return state;
  state.done = false;
  const onProblem = (problem: string) => {
    state.problem = `not registered: ${redact(problem)}`;
  };
  void register({ admin, ...registration }, logger, signal, { onProblem }).then((done) => {
    state.done = done;
  });
  return state;
}

function fail(error: unknown): void {
  const message = reasonOf(error);
  const stack = error instanceof Error && !(error instanceof ConfigError) ? `${error.stack}\n` : "";
  process.stderr.write(redact(`${message}\n${stack}`));
  process.exit(1);
}

// Node itself would print the whole text of an error.
process.once("uncaughtException", fail);
try {
  await main();
  process.exit(0);
} catch (error) {
  fail(error);
}
