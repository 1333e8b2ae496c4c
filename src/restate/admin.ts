import type { Silence } from "../domain/event.ts";
import { type AdminAccess, askAdmin } from "./admin-api.ts";

/** Longest wait (ms) for an answer. */
const TIMEOUT_MS = 2_000;
/** An invocation that was tried this often without getting on is reported. */
const MANY_ATTEMPTS = 10;

/** What Restate's admin API tells of the invocations that drive. */
export interface Admin {
  /**
   * Those of the given invocations that do not get on: paused, or failing again and again. By their ids, for a look through
   * all invocations grows with the fleet.
   * @throws Error when the API does not answer
   */
  silent(invocationIds: readonly string[]): Promise<Silence[]>;
}

/** @param access absent: there is none, and nothing is known */
export function createAdmin(access: AdminAccess | undefined): Admin | undefined {
  if (access === undefined) return undefined;
  return {
    async silent(invocationIds) {
      const ids = invocationIds.filter((id) => /^\w+$/.test(id)).map((id) => `'${id}'`);
      if (ids.length === 0) return [];
      const query = `${QUERY} AND id IN (${ids.join(", ")})`;
      const { status, text } = await askAdmin(access, "/query", TIMEOUT_MS, { query });
      if (status !== 200) throw new Error(`Restate's admin API answered ${status}`);
      const { rows } = JSON.parse(text) as { rows: Row[] };
      return rows.map(({ id, status, retry_count, modified_at }) => ({
        invocationId: id,
        sinceMs: Date.parse(modified_at.endsWith("Z") ? modified_at : `${modified_at}Z`),
        why:
          status === "paused"
            ? "it is paused in Restate"
            : `it does not get on: Restate has tried it ${retry_count} times`,
      }));
    },
  };
}

interface Row {
  id: string;
  status: string;
  retry_count: number | null;
  modified_at: string;
}

const QUERY = `SELECT id, status, retry_count, modified_at FROM sys_invocation
  WHERE (status = 'paused' OR (status = 'backing-off' AND retry_count > ${MANY_ATTEMPTS}))`;
