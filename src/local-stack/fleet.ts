import { setTimeout as delay } from "node:timers/promises";
import type { V1Deployment } from "@kubernetes/client-node";
import { createConnection } from "mysql2/promise";
import { plural } from "../domain/progress.ts";
import { databaseAddress } from "../mysql/address.ts";
import { brief, type Cluster, hasCode, ID_LABEL, listSentinelDeployments } from "./cluster.ts";
import type { SentinelFault } from "./faults.ts";
import { deploymentFor, type FleetSettings } from "./fleet-deployment.ts";
import { type FleetSentinel, OLD_IMAGE } from "./fleet-plan.ts";

/** Deployments created at a time. */
const PARALLEL = 16;
/** A server takes statements of a limited length. */
const ROWS_AT_ONCE = 5_000;
/** Longest wait for the whole fleet to be available on its old image. */
const AVAILABLE_TIMEOUT_MS = 180_000;

export interface FleetOptions extends FleetSettings {
  databaseUrl: string;
  sentinels: readonly FleetSentinel[];
  /** The cluster of a region. */
  clusterOf(regionId: string): Cluster;
  faults: readonly SentinelFault[];
  /** Rows and Deployments that are there stay as they are; otherwise they are an error. */
  keepsExisting?: boolean;
  /** Gives up. */
  signal?: AbortSignal;
}

/**
 * Makes the fleet: a row and a Deployment for each sentinel, all available on the old image.
 * @throws Error that says which sentinels do not come up
 */
export async function seedFleet(options: FleetOptions): Promise<void> {
  const faults = new Map(options.faults.map(({ sentinelId, fault }) => [sentinelId, fault]));
  const pending = [...options.sentinels];
  const created = new Set<string>();
  const worker = async () => {
    for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
      options.signal?.throwIfAborted();
      const cluster = options.clusterOf(next.regionId);
      const body = await deploymentFor(next, faults.get(next.id), cluster, options);
      if (await createDeployment(cluster, body, options)) created.add(next.id);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  const clusters = new Set(options.sentinels.map((each) => options.clusterOf(each.regionId)));
  for (const cluster of clusters) await untilAvailable(cluster, created, options);
  await insertRows(options);
}

/** @throws Error when a fault names a sentinel that the fleet does not have */
export function checkFaults(fleet: readonly FleetSentinel[], faults: readonly SentinelFault[]): void {
  const ids = new Set(fleet.map(({ id }) => id));
  for (const { sentinelId } of faults) {
    if (ids.has(sentinelId)) continue;
    const [first, last] = [fleet[0]?.id, fleet.at(-1)?.id];
    const known = first === undefined ? "the fleet is empty" : `the fleet is ${first} to ${last}`;
    throw new Error(`--fail ${sentinelId}: no such sentinel; ${known}`);
  }
}

/** Whether it was not there yet. */
async function createDeployment(
  cluster: Cluster,
  body: V1Deployment,
  { namespace, keepsExisting = false }: FleetOptions,
): Promise<boolean> {
  try {
    await cluster.apps.createNamespacedDeployment({ namespace, body });
    return true;
  } catch (error) {
    if (keepsExisting && hasCode(error, 409)) return false;
    throw new Error(`cannot create the Deployment ${body.metadata?.name}: ${brief(error)}`);
  }
}

async function untilAvailable(
  cluster: Cluster,
  created: ReadonlySet<string>,
  options: FleetOptions,
): Promise<void> {
  const mine = new Set(
    options.sentinels
      .filter(({ id, regionId }) => created.has(id) && options.clusterOf(regionId) === cluster)
      .map(({ id }) => id),
  );
  const deadline = Date.now() + AVAILABLE_TIMEOUT_MS;
  for (;;) {
    const deployments = await listSentinelDeployments(cluster, options.namespace);
    const waiting = deployments.filter((each) => mine.has(idOf(each)) && !isAvailable(each));
    if (waiting.length === 0 && deployments.length >= mine.size) return;
    options.signal?.throwIfAborted();
    if (Date.now() > deadline) {
      const names = waiting.slice(0, 5).map(idOf).join(", ");
      throw new Error(
        `${plural(waiting.length, "sentinel")} of the fleet ${waiting.length === 1 ? "is" : "are"} not available on ${OLD_IMAGE} after ` +
          `${AVAILABLE_TIMEOUT_MS / 1000} s: ${names}${waiting.length > 5 ? ", …" : ""}`,
      );
    }
    await delay(200);
  }
}

function idOf(deployment: V1Deployment): string {
  return deployment.metadata?.labels?.[ID_LABEL] ?? "";
}

function isAvailable({ metadata, spec, status }: V1Deployment): boolean {
  return (
    (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0) &&
    (status?.updatedReplicas ?? 0) >= (spec?.replicas ?? 1) &&
    (status?.availableReplicas ?? 0) >= (spec?.replicas ?? 1)
  );
}

const COLUMNS = [
  "id",
  "workspace_id",
  "project_id",
  "environment_id",
  "region_id",
  "k8s_name",
  "k8s_address",
  "image",
  "running_image",
  "desired_state",
  "health",
  "desired_replicas",
  "available_replicas",
  "cpu_millicores",
  "memory_mib",
  "deploy_status",
  "created_at",
];

/** The rows alone. */
export async function insertRows(
  options: Pick<FleetOptions, "databaseUrl" | "sentinels" | "namespace" | "keepsExisting">,
): Promise<void> {
  const now = Date.now();
  const rows = options.sentinels.map((each, index) => [
    each.id,
    each.workspaceId,
    each.projectId,
    each.environmentId,
    each.regionId,
    each.k8sName,
    `${each.k8sName}.${options.namespace}.svc.cluster.local:8040`,
    OLD_IMAGE,
    OLD_IMAGE,
    "running",
    "healthy",
    each.replicas,
    each.replicas,
    each.cpuMillicores,
    each.memoryMib,
    // Some were deployed by this service before, the others by whoever made them.
    index % 4 === 0 ? "idle" : "ready",
    now,
  ]);
  const connection = await createConnection({
    ...databaseAddress(options.databaseUrl),
    connectTimeout: 10_000,
  });
  try {
    const otherwise = options.keepsExisting ? " ON DUPLICATE KEY UPDATE id = id" : "";
    for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) {
      const some = rows.slice(at, at + ROWS_AT_ONCE);
      await connection.query(`INSERT INTO sentinels (${COLUMNS.join(", ")}) VALUES ?${otherwise}`, [some]);
    }
  } finally {
    connection.destroy();
  }
}
