import { budgetOf } from "../domain/limits.ts";
import { soaksOf } from "../domain/waves.ts";
import type { RolloutRequest } from "../restate/rollout-requests.ts";
import type { StatusResponse } from "../restate/rollout-schemas.ts";
import { crashesAfter, isFatal, mayFail, type SentinelFault } from "./faults.ts";

/** What was asked for, and of whom. */
export interface Told {
  request: Pick<RolloutRequest, "soak_seconds" | "max_regressions" | "on_failure">;
  faults: readonly SentinelFault[];
  /** Of the whole fleet, in order; the waves take them in that order. */
  ids: readonly string[];
  /** Of the waves. */
  sizes: readonly number[];
  percentages: readonly number[];
}

type End = Pick<
  StatusResponse,
  "state" | "wave" | "succeeded" | "failed" | "failures" | "regressed" | "regressions"
>;

/** A sentinel has to be noticed within this time (seconds) after its first crash. */
const NOTICED_SECONDS = 5;

/**
 * What is not as it was told to be, in one sentence; undefined when all is. A rollout stops at the first wave with a failure, or
 * when a sentinel breaks that had come up: later waves are not reached. A fault that heals, or comes late, may let its sentinel
 * fail and need not.
 */
export function unexpected(end: End, told: Told): string | undefined {
  return ofRegressions(end, told) ?? ofFailures(end, told);
}

/** Undefined also where nobody looks for them. */
function ofRegressions(
  { state, regressed, regressions, succeeded, wave }: End,
  told: Told,
): string | undefined {
  if (told.request.soak_seconds === undefined) return undefined;
  const crashing = reached(told, wave).filter((id) => secondsOf(told, id) !== undefined);
  const named = regressions.map(({ sentinel_id }) => sentinel_id);
  const strangers = named.filter((id) => !crashing.includes(id));
  if (strangers.length > 0 || regressed > crashing.length)
    return `expected ${list(crashing)} to break, not ${regressed}: ${named.join(", ")}`;
  if (state !== "completed") return undefined;
  const certain = crashing.filter(
    (id) => (secondsOf(told, id) ?? 0) + NOTICED_SECONDS <= soakedSeconds(told, id),
  );
  const missed = certain.filter((id) => !named.includes(id));
  if (missed.length > 0 && regressed < certain.length)
    return `expected ${list(missed)} to break, and to be noticed`;
  if (regressed <= allowed(told, succeeded)) return undefined;
  return `expected the rollout to stop for ${regressed} that broke, it ended completed`;
}

function ofFailures(
  { state, wave, succeeded, failed, failures, regressed }: End,
  told: Told,
): string | undefined {
  const having = (matches: typeof isFatal) =>
    reached(told, wave).filter((id) =>
      told.faults.some(({ sentinelId, fault }) => sentinelId === id && matches(fault)),
    );
  const isBroken = told.request.soak_seconds !== undefined && regressed > allowed(told, succeeded);
  // Whoever was to fail in the wave in which others broke may never have been deployed.
  const [certain, possible] = [isBroken ? [] : having(isFatal), having(mayFail)];
  const named = failures.map(({ sentinel_id }) => sentinel_id);
  const stops = isBroken || certain.length > 0 || (failed > 0 && possible.length > 0);
  const stopped = told.request.on_failure === "rollback" ? "cancelled" : "paused";
  const should = stops ? stopped : "completed";
  if (state !== should) return `expected the rollout to end ${should}, it ended ${state}`;
  // Of very many only some are named.
  const hasAll = failed > named.length ? failed >= certain.length : certain.every((id) => named.includes(id));
  if (hasAll && failed <= possible.length && named.every((id) => possible.includes(id))) return undefined;
  return `expected ${list(certain)} to fail, not ${failed}: ${named.join(", ")}`;
}

function reached({ ids, sizes }: Told, wave: number): readonly string[] {
  return ids.slice(
    0,
    sizes.slice(0, wave).reduce((sum, size) => sum + size, 0),
  );
}

/** Undefined: it does not break once it has come up. */
function secondsOf({ faults }: Told, id: string): number | undefined {
  const [seconds] = faults.flatMap(({ sentinelId, fault }) =>
    sentinelId === id ? [crashesAfter(fault)] : [],
  );
  return seconds;
}

/** How long it was watched after its wave, in a rollout that has completed. */
function soakedSeconds({ request, ids, sizes, percentages }: Told, id: string): number {
  const soaks = soaksOf(request.soak_seconds ?? 0, ids.length, percentages);
  let end = 0;
  const first = sizes.findIndex((size) => {
    end += size;
    return ids.indexOf(id) < end;
  });
  return soaks.slice(first).reduce((sum, seconds) => sum + seconds, 0);
}

/** How many of those that took the image may break. */
function allowed({ request }: Told, took: number): number {
  return budgetOf(request.max_regressions ?? 0, took) ?? 0;
}

function list(ids: readonly string[]): string {
  return ids.join(", ") || "no sentinel";
}
