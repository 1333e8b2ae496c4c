import { and, asc, eq, gt, inArray, type SQL, sql } from "drizzle-orm";
import { type Database, settled } from "./pool.ts";
import { sentinels } from "./schema.ts";

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

export type DesiredValues = Pick<SentinelRow, "image" | "cpuMillicores" | "memoryMib" | "desiredReplicas">;

export interface Observation {
  health: Health;
  availableReplicas: number;
  /** Absent: left as it is in the row. */
  runningImage?: string;
}

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
}

const PAGE = 5_000;
const CHUNK = 1_000;
/** Length of deploy_error. */
const REASON_LENGTH = 1_024;
/** Length of running_image. */
const IMAGE_LENGTH = 255;

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
          ? { ...outcome.observed, deployStatus: "ready" as const, deployError: null }
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

async function* pages<T extends { id: string }>(read: (after: string) => Promise<T[]>): AsyncIterable<T[]> {
  let after = "";
  for (;;) {
    const page = await read(after);
    if (page.length > 0) yield page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = last.id;
  }
}

/** Each row's own values by id, in one statement. */
function observedCases(chunk: { id: string; observed: Observation }[]) {
  const caseOf = (value: (observed: Observation) => string | number | undefined, otherwise: SQL): SQL => {
    const whens = chunk.flatMap(({ id, observed }) => {
      const own = value(observed);
      return own === undefined ? [] : [sql`when ${id} then ${own}`];
    });
    if (whens.length === 0) return otherwise;
    return sql`case ${sentinels.id} ${sql.join(whens, sql` `)} else ${otherwise} end`;
  };
  return {
    health: caseOf((observed) => observed.health, sql`${sentinels.health}`),
    availableReplicas: caseOf((observed) => observed.availableReplicas, sql`${sentinels.availableReplicas}`),
    runningImage: caseOf((observed) => fitting(observed.runningImage), sql`${sentinels.runningImage}`),
  };
}

/** An image too long for the column was put there by somebody else, and must not fail the whole statement. */
function fitting(image: string | undefined): string | undefined {
  return image !== undefined && image.length <= IMAGE_LENGTH ? image : undefined;
}

function* chunks<T>(all: T[]): Iterable<T[]> {
  for (let at = 0; at < all.length; at += CHUNK) yield all.slice(at, at + CHUNK);
}
