import type { SQL } from "drizzle-orm";
import { batched } from "./batcher.ts";
import { chunks, PAGE, pages } from "./batches.ts";
import { and, asc, eq, gt, gte, inArray, isNotNull, lte, sql } from "./drizzle.ts";
import { observedColumnsOf } from "./observation.ts";
import { ownValues } from "./own-values.ts";
import { type Database, execute } from "./pool.ts";
import { createRewrittenImages, type RewrittenImages } from "./rewritten.ts";
import { rewrittenImages } from "./rewritten-schema.ts";
import type {
  Candidate,
  DesiredValues,
  FencedWrite,
  Observation,
  ObservedRow,
  SentinelRow,
  Written,
  WrittenEnding,
} from "./row.ts";
import { type FencedColumns, fittingReason, readRows, writeFenced } from "./rows.ts";
import { sentinels } from "./schema.ts";

/** The statements about sentinels; rows.ts has the UPDATE. All of them throw DatabaseError. */
export interface SentinelStore extends RewrittenImages {
  read(id: string): Promise<SentinelRow | undefined>;
  /** Rows with desired_state = 'running', ordered by id, a page at a time: all, or those between two ids, both included. */
  candidatePages(between?: { first: string; last: string }): AsyncIterable<Candidate[]>;
  /** A deploy begins: desired values and `progressing` in one statement. */
  markProgressing(id: string, desired: DesiredValues, write: FencedWrite): Promise<Written>;
  /** A deploy ends: `ready` with what was observed, or `failed` with the reason (cut to the column's length). */
  settle(id: string, outcome: WrittenEnding, write: FencedWrite): Promise<Written>;
  /** A deploy that came to nothing, for the sentinel is none of its business any more: its row says what it said before. */
  putBack(
    id: string,
    before: Pick<SentinelRow, "deployStatus" | "deployError">,
    write: FencedWrite,
  ): Promise<Written>;
  /** Observed columns of many sentinels. Leaves updated_at alone, which dates the deploy. */
  observe(batch: { id: string; observed: Observation }[]): Promise<void>;
  /** Rows with desired_state = 'running' whose ids come after the given one, ordered by id, a page at a time. */
  observedRows(after?: string): AsyncIterable<ObservedRow[]>;
  /** The rows of the given ids that exist. */
  observedRowsOf(ids: string[]): Promise<ObservedRow[]>;
}

/** Read again and again: what is let go of at once is small. */
const OBSERVED_PAGE = 1_000;

/** Of a row that is known to be running. */
const runningColumns = {
  id: sentinels.id,
  k8sName: sentinels.k8sName,
  regionId: sentinels.regionId,
  health: sentinels.health,
  availableReplicas: sentinels.availableReplicas,
  image: sentinels.image,
  runningImage: sentinels.runningImage,
  deployStatus: sentinels.deployStatus,
  updatedAtMs: sentinels.updatedAt,
  desiredReplicas: sentinels.desiredReplicas,
};

const observedColumns = { ...runningColumns, desiredState: sentinels.desiredState };

export function createSentinelStore(db: Database): SentinelStore {
  const read = batched((ids: readonly string[]) => readRows(db, ids));
  const write = batched(
    (rows: readonly FencedColumns[]) => writeFenced(db, rows),
    ({ id }) => id,
  );
  return {
    ...createRewrittenImages(db),
    read,

    markProgressing: (id, desired, { fence, atMs }) =>
      write({
        id,
        fence,
        columns: { ...desired, deployStatus: "progressing", deployError: null, updatedAt: atMs },
      }),

    settle: (id, outcome, { fence, atMs }) =>
      write({
        id,
        fence,
        columns:
          outcome.status === "ready"
            ? {
                ...observedColumnsOf(outcome.observed),
                deployStatus: "ready",
                deployError: null,
                updatedAt: atMs,
              }
            : {
                deployStatus: "failed",
                deployError: fittingReason(outcome.reason),
                updatedAt: atMs,
                ...(outcome.image === undefined ? {} : { image: outcome.image }),
              },
      }),

    putBack: (id, { deployStatus, deployError }, { fence, atMs }) =>
      write({ id, fence, columns: { deployStatus, deployError, updatedAt: atMs } }),

    candidatePages: (between) =>
      pages((after) => {
        const within =
          between === undefined
            ? undefined
            : and(gte(sentinels.id, between.first), lte(sentinels.id, between.last));
        return candidatePage(db, and(gt(sentinels.id, after), within));
      }),

    async observe(batch) {
      for (const chunk of chunks(batch)) {
        const observed = chunk.map((each) => ({ id: each.id, columns: observedColumnsOf(each.observed) }));
        await execute(
          db
            .update(sentinels)
            .set(ownValues(observed))
            .where(
              inArray(
                sentinels.id,
                observed.map(({ id }) => id),
              ),
            ),
        );
      }
    },

    observedRows: (after = "") => pages((from) => observedPage(db, from), { after, size: OBSERVED_PAGE }),

    async observedRowsOf(ids) {
      const rows: ObservedRow[] = [];
      for (const chunk of chunks(ids)) {
        rows.push(
          ...(await execute(db.select(observedColumns).from(sentinels).where(inArray(sentinels.id, chunk)))),
        );
      }
      return rows;
    },
  };
}

async function observedPage(db: Database, after: string): Promise<ObservedRow[]> {
  const rows = await execute(
    db
      .select(runningColumns)
      .from(sentinels)
      .where(and(eq(sentinels.desiredState, "running"), gt(sentinels.id, after)))
      .orderBy(asc(sentinels.id))
      .limit(OBSERVED_PAGE),
  );
  return rows.map((row) => ({ ...row, desiredState: "running" }));
}

function candidatePage(db: Database, where: SQL | undefined): Promise<Candidate[]> {
  return execute(
    db
      .select({
        id: sentinels.id,
        image: sentinels.image,
        runningImage: sentinels.runningImage,
        deployStatus: sentinels.deployStatus,
        health: sentinels.health,
        desiredReplicas: sentinels.desiredReplicas,
        rewritten: sql`${isNotNull(rewrittenImages.image)}`.mapWith(Boolean),
      })
      .from(sentinels)
      .leftJoin(
        rewrittenImages,
        and(
          eq(rewrittenImages.image, sentinels.image),
          eq(rewrittenImages.rewritten, sentinels.runningImage),
        ),
      )
      .where(and(eq(sentinels.desiredState, "running"), where))
      .orderBy(asc(sentinels.id))
      .limit(PAGE),
  );
}
