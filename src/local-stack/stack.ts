import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "./ports.ts";
import { type ServiceProcess, startService } from "./service.ts";
import { checkVariables } from "./service-env.ts";
import { type ServicePorts, seedParts, servicePorts, startParts } from "./stack-parts.ts";
import type { StackOptions, StackParts } from "./stack-types.ts";
import { Undo } from "./undo.ts";

export type { StackOptions, StackParts };

export interface Stack extends StackParts {
  ingress: string;
  admin: string;
  endpoint: string;
  health: string;
  service: ServiceProcess;
  /** Another process of the service, with its own ports, registered nowhere: for its watcher. */
  startReplica(env?: Record<string, string>): Promise<ServiceProcess>;
  /** Stops and removes everything, in reverse order. */
  stop(): Promise<void>;
}

/**
 * Starts everything the service needs, the fleet, and the service itself as its own process.
 * @throws Error that says what is missing; nothing is left behind
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const undo = new Undo();
  try {
    return await build(options, undo);
  } catch (error) {
    await undo.run().catch(() => undefined);
    throw error;
  }
}

async function build(options: StackOptions, undo: Undo): Promise<Stack> {
  const { signal } = options;
  const given = options.env ?? {};
  const config = checkVariables(given);
  const ports = await servicePorts(given, options);
  const parts = await startParts(options, config, undo);
  signal?.throwIfAborted();
  await seedParts(options, config, parts);
  signal?.throwIfAborted();

  const { DATABASE_URL: _server, PORT: _port, HEALTH_PORT: _healthPort, ...rest } = given;
  const built = { ...serviceEnv(parts, ports), ...rest };
  const env = { ...built, ...(await options.adjustEnv?.(built, parts)) };
  const service = await startService(env, join(parts.directory, "service.log"));
  undo.add(() => service.process.stop());
  await untilRegistered(parts.restate.admin, service, signal);
  let replicas = 0;
  return {
    ...parts,
    ingress: parts.restate.ingress,
    admin: parts.restate.admin,
    endpoint: service.endpoint,
    health: service.health,
    service,
    async startReplica(more = {}) {
      replicas += 1;
      const own = { PORT: String(await freePort()), HEALTH_PORT: String(await freePort()) };
      const { RESTATE_ADMIN_URL: _, RESTATE_ADMIN_TOKEN: __, SERVICE_URL: ___, ...unregistered } = env;
      const log = join(parts.directory, `service-replica-${replicas}.log`);
      const replica = await startService({ ...unregistered, ...own, ...more }, log);
      undo.add(() => replica.process.stop());
      return replica;
    },
    stop: () => undo.run(),
  };
}

/** What `npm start` would be given in production. */
function serviceEnv(parts: StackParts, ports: ServicePorts): Record<string, string> {
  return {
    DATABASE_URL: parts.databaseUrl,
    PORT: String(ports.port),
    HEALTH_PORT: String(ports.healthPort),
    RESTATE_URL: parts.restate.ingress,
    RESTATE_ADMIN_URL: parts.restate.admin,
    SERVICE_URL: `http://127.0.0.1:${ports.port}`,
    KUBECONFIG: parts.kubeconfig,
    SLACK_SENTINEL_ROLLOUT_WEBHOOK_URL: parts.slack.webhookUrl,
  };
}

/** The service registers itself; it is usable once Restate lists it. */
async function untilRegistered(
  admin: string,
  service: ServiceProcess,
  signal: AbortSignal | undefined,
): Promise<void> {
  const deadline = Date.now() + REGISTRATION_TIMEOUT_MS;
  for (;;) {
    const response = await fetch(`${admin}/services/${ROLLOUT_SERVICE}`);
    await response.arrayBuffer();
    if (response.ok) return;
    if (Date.now() > deadline) {
      const log = service.logs().slice(-5);
      const end = log.map((line) => JSON.stringify(line)).join("\n");
      throw new Error(`the service did not register itself at Restate; the end of its log:\n${end}`);
    }
    signal?.throwIfAborted();
    await delay(50);
  }
}

const ROLLOUT_SERVICE = "hydra.v1.SentinelRolloutService";
const REGISTRATION_TIMEOUT_MS = 30_000;
