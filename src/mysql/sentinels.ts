import { and, asc, count, eq, gt, inArray } from "drizzle-orm";
import { chunks, PAGE, pages } from "./batches.ts";
import { type Observation, observedCases, observedColumnsOf } from "./observation.ts";
import { type Database, settled } from "./pool.ts";
import { sentinels } from "./schema.ts";

export type { Observation } from "./observation.ts";

export type DesiredState = "running" | "standby" | "archived";
export type Health = "unknown" | "paused" | "healthy" | "unhealthy";
export type DeployStatus = "idle" | "progressing" | "ready" | "failed";

export interface SentinelRow {
  id: string;
  k8sName: string;
  regionId: string;
  image: string;
  /** Empty where nothing has been observed yet. */
  runningImage: string;
  desiredState: DesiredState;
  health: Health;
  desiredReplicas: number;
  availableReplicas: number;
  cpuMillicores: number;
  memoryMib: number;
  deployStatus: DeployStatus;
  deployError: string | null;
  updatedAtMs: number | null;
}

/** A running sentinel, as a rollout looks at it. */
export type Candidate = Pick<
  SentinelRow,
  "id" | "image" | "runningImage" | "deployStatus" | "health" | "desiredReplicas"
>;

/** What the watcher compares with Kubernetes. */
export type ObservedRow = Pick<
  SentinelRow,
  | "id"
  | "k8sName"
  | "regionId"
  | "health"
  | "availableReplicas"
  | "runningImage"
  | "deployStatus"
  | "updatedAtMs"
  | "desiredState"
>;

/** How many running sentinels of a region have a deploy_status. */
export interface SentinelCount {
  regionId: string;
  deployStatus: DeployStatus;
  count: number;
}

export type DesiredValues = Pick<SentinelRow, "image" | "cpuMillicores" | "memoryMib" | "desiredReplicas">;

export type Outcome = { status: "ready"; observed: Observation } | { status: "failed"; reason: string };

/** Every statement this service runs. All of them throw DatabaseError. */
export interface SentinelStore {
  read(id: string): Promise<SentinelRow | undefined>;
  /** All rows with desired_state = 'running', ordered by id, read in pages. */
  candidates(): Promise<Candidate[]>;
  /** Image of each of the given ids that exists. */
  images(ids: string[]): Promise<Map<string, string>>;
  /** A deploy begins: desired values and `progressing` in one statement. */
  markProgressing(id: string, desired: DesiredValues, nowMs: number): Promise<void>;
  /** A deploy ends: `ready` with what was observed, or `failed` with the reason (cut to the column's length). */
  settle(id: string, outcome: Outcome, nowMs: number): Promise<void>;
  /** Observed columns of many sentinels. Leaves updated_at alone, which dates the deploy. */
  observe(batch: { id: string; observed: Observation }[]): Promise<void>;
  /** All rows, a page at a time. */
  observedRows(): AsyncIterable<ObservedRow[]>;
  /** The rows of the given ids that exist. */
  observedRowsOf(ids: string[]): Promise<ObservedRow[]>;
  /** Rows with desired_state = 'running'; combinations without a row are left out. */
  countRunning(): Promise<SentinelCount[]>;
}

/** Length of deploy_error. */
const REASON_LENGTH = 1_024;

const observedColumns = {
  id: sentinels.id,
  k8sName: sentinels.k8sName,
  regionId: sentinels.regionId,
  health: sentinels.health,
  availableReplicas: sentinels.availableReplicas,
  runningImage: sentinels.runningImage,
  deployStatus: sentinels.deployStatus,
  updatedAtMs: sentinels.updatedAt,
  desiredState: sentinels.desiredState,
};

export function createSentinelStore(db: Database): SentinelStore {
  return {
    async read(id) {
      const rows = await settled(
        db
          .select({
            ...observedColumns,
            image: sentinels.image,
            desiredReplicas: sentinels.desiredReplicas,
            cpuMillicores: sentinels.cpuMillicores,
            memoryMib: sentinels.memoryMib,
            deployError: sentinels.deployError,
          })
          .from(sentinels)
          .where(eq(sentinels.id, id)),
      );
      // A column that ignores case must not let two keys lead to one sentinel.
      return rows.find((row) => row.id === id);
    },

    async candidates() {
      const all: Candidate[] = [];
      for await (const page of pages((after) => candidatePage(db, after))) all.push(...page);
      return all;
    },

    async images(ids) {
      const images = new Map<string, string>();
      for (const chunk of chunks(ids)) {
        const rows = await settled(
          db
            .select({ id: sentinels.id, image: sentinels.image })
            .from(sentinels)
            .where(inArray(sentinels.id, chunk)),
        );
        for (const row of rows) images.set(row.id, row.image);
      }
      return images;
    },

    async markProgressing(id, desired, nowMs) {
      await settled(
        db
          .update(sentinels)
          .set({ ...desired, deployStatus: "progressing", deployError: null, updatedAt: nowMs })
          .where(eq(sentinels.id, id)),
      );
    },

    async settle(id, outcome, nowMs) {
      const columns =
        outcome.status === "ready"
          ? { ...observedColumnsOf(outcome.observed), deployStatus: "ready" as const, deployError: null }
          : {
              deployStatus: "failed" as const,
              deployError: outcome.reason.slice(0, REASON_LENGTH).toWellFormed(),
            };
      await settled(
        db
          .update(sentinels)
          .set({ ...columns, updatedAt: nowMs })
          .where(eq(sentinels.id, id)),
      );
    },

    async observe(batch) {
      for (const chunk of chunks(batch)) {
        await settled(
          db
            .update(sentinels)
            .set(observedCases(chunk))
            .where(
              inArray(
                sentinels.id,
                chunk.map(({ id }) => id),
              ),
            ),
        );
      }
    },

    observedRows: () =>
      pages((after) =>
        settled(
          db
            .select(observedColumns)
            .from(sentinels)
            .where(gt(sentinels.id, after))
            .orderBy(asc(sentinels.id))
            .limit(PAGE),
        ),
      ),

    async observedRowsOf(ids) {
      const rows: ObservedRow[] = [];
      for (const chunk of chunks(ids)) {
        rows.push(
          ...(await settled(db.select(observedColumns).from(sentinels).where(inArray(sentinels.id, chunk)))),
        );
      }
      return rows;
    },

    countRunning() {
      const { regionId, deployStatus } = sentinels;
      return settled(
        db
          .select({ regionId, deployStatus, count: count() })
          .from(sentinels)
          .where(eq(sentinels.desiredState, "running"))
          .groupBy(regionId, deployStatus),
      );
    },
  };
}

function candidatePage(db: Database, after: string): Promise<Candidate[]> {
  return settled(
    db
      .select({
        id: sentinels.id,
        image: sentinels.image,
        runningImage: sentinels.runningImage,
        deployStatus: sentinels.deployStatus,
        health: sentinels.health,
        desiredReplicas: sentinels.desiredReplicas,
      })
      .from(sentinels)
      .where(and(eq(sentinels.desiredState, "running"), gt(sentinels.id, after)))
      .orderBy(asc(sentinels.id))
      .limit(PAGE),
  );
}
