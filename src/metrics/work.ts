import { Counter, Histogram, type Registry } from "prom-client";
import { ACTING_VERBS } from "../domain/action.ts";
import type { FreezeNotification } from "../domain/freeze-notification.ts";
import type { Notification } from "../domain/notification.ts";

type NotificationKind = (Notification | FreezeNotification)["kind"];

/** What this process did. Each replica counts its own work: sum them. */
export interface WorkMetrics {
  /** The watcher has seen a Deployment converged, at this generation; only the first time counts. */
  converged(sentinelId: string, generation: number): void;
  /** A Deploy has written its outcome. */
  deploySettled(deploy: SettledDeploy): void;
  /** A phase change has left the queue of Slack messages. */
  phaseChanged(change: NotificationKind): void;
  slackDelivery(result: SlackResult): void;
  /** A verb that was to change something has left the queue of the history. */
  acted(verb: string, taken: boolean): void;
  /** The watcher asked the ingress for a NotifyReady. */
  notifyReady(ok: boolean): void;
  /** A re-check of the watcher is over. */
  recheck(result: RecheckResult, seconds: number): void;
  /** Bytes of the rollout's K/V state that a handler read or wrote. */
  stateBytes(what: "read" | "write", bytes: number): void;
  /** @param sql its first word names the statement; nothing else of it is kept */
  mysqlStatement(sql: string, seconds: number, ok: boolean): void;
}

/**
 * `partial`: some cluster was not up to date, and its rows were left as they are; `unfinished`: its time was over before all
 * rows were read, and the next one goes on there.
 */
export type RecheckResult = (typeof RECHECK_RESULTS)[number];

export type SlackResult = "delivered" | "failed" | "refused" | "disabled";

/** Times are unix ms. */
export interface SettledDeploy {
  sentinelId: string;
  startedMs: number;
  /** `skipped`: the sentinel was archived or deleted meanwhile. */
  status: "ready" | "failed" | "skipped";
  /** When the Deploy itself found it converged; absent where it served already and nothing was patched. */
  seenMs?: number;
}

/** `unchanged`: it served what was asked for already, and nothing was patched. */
const DEPLOY_RESULTS = ["ready", "unchanged", "failed", "skipped"] as const;
const RECHECK_RESULTS = ["ok", "partial", "unfinished", "error"] as const;
const CHANGES: NotificationKind[] = [
  "started",
  "wave started",
  "wave completed",
  "rewritten",
  "paused",
  "regressed",
  "unseen",
  "resumed",
  "retrying",
  "cancelled",
  "settled",
  "completed",
  "silent",
  "rollback started",
  "rollback completed",
  "frozen",
  "unfrozen",
  "freeze ended",
];
/** The default timeout of a Deploy is 600 s. */
const DEPLOY_BUCKETS = [0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1_800, 3_600];
/** What the watch missed is seen by a re-check every 30 s. */
const READY_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** One begins every 30 s. */
const RECHECK_BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 60];
const STATEMENT_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Deployments that converged and whose Deploy, which another replica may run, was not seen to settle. */
const MOST_CONVERGED = 10_000;
const STATEMENTS = ["select", "insert", "update", "delete"];

export function createWorkMetrics(registry: Registry): WorkMetrics {
  const registers = [registry];
  const deploys = new Histogram({
    name: "sentinel_rollout_deploy_duration_seconds",
    help: "Duration of Deploys, from their beginning to the outcome in the sentinel's row.",
    labelNames: ["result"],
    buckets: DEPLOY_BUCKETS,
    registers,
  });
  const readiness = new Histogram({
    name: "sentinel_rollout_converged_to_ready_seconds",
    help: "Time from when this process first saw a Deployment converged until its sentinel's row said ready.",
    buckets: READY_BUCKETS,
    registers,
  });
  const changes = new Counter({
    name: "sentinel_rollout_phase_changes_total",
    help: "Phase changes of rollouts, counted as they leave the queue of Slack messages.",
    labelNames: ["change"],
    registers,
  });
  const slack = new Counter({
    name: "sentinel_rollout_slack_deliveries_total",
    help: "Attempts to deliver a Slack message: failed ones are repeated, refused ones are not.",
    labelNames: ["result"],
    registers,
  });
  const acts = new Counter({
    name: "sentinel_rollout_verbs_total",
    help: "Calls of verbs that change something, by whether they were taken, counted as the history takes them.",
    labelNames: ["verb", "result"],
    registers,
  });
  const wakeUps = new Counter({
    name: "sentinel_rollout_notify_ready_requests_total",
    help: "NotifyReady calls of the watcher, by whether the Restate ingress took them.",
    labelNames: ["result"],
    registers,
  });
  const rechecks = new Histogram({
    name: "sentinel_rollout_recheck_duration_seconds",
    help: "Duration of the watcher's re-checks of the rows, every 30 s or so, by how they ended.",
    labelNames: ["result"],
    buckets: RECHECK_BUCKETS,
    registers,
  });
  const state = new Counter({
    name: "sentinel_rollout_state_bytes_total",
    help: "Bytes of the rollout's K/V state that were read from Restate and written to it.",
    labelNames: ["operation"],
    registers,
  });
  const statements = new Histogram({
    name: "sentinel_rollout_mysql_statement_duration_seconds",
    help: "Duration of MySQL statements, with the wait for a connection.",
    labelNames: ["statement", "result"],
    buckets: STATEMENT_BUCKETS,
    registers,
  });
  // A series that begins at 0 lets increase() see the first event too.
  for (const result of DEPLOY_RESULTS) deploys.zero({ result });
  for (const change of CHANGES) changes.inc({ change: labelOf(change) }, 0);
  for (const result of ["delivered", "failed", "refused", "disabled"]) slack.inc({ result }, 0);
  for (const result of RECHECK_RESULTS) rechecks.zero({ result });
  for (const result of ["ok", "error"]) wakeUps.inc({ result }, 0);
  for (const verb of ACTING_VERBS) for (const result of ["taken", "refused"]) acts.inc({ verb, result }, 0);
  for (const operation of ["read", "write"]) state.inc({ operation }, 0);

  const seen = new Map<string, { generation: number; atMs: number }>();

  return {
    converged(sentinelId, generation) {
      if (seen.get(sentinelId)?.generation === generation) return;
      seen.delete(sentinelId);
      seen.set(sentinelId, { generation, atMs: Date.now() });
      const [oldest] = seen.keys();
      if (seen.size > MOST_CONVERGED && oldest !== undefined) seen.delete(oldest);
    },
    deploySettled({ sentinelId, startedMs, status, seenMs }) {
      const result = status === "ready" && seenMs === undefined ? "unchanged" : status;
      deploys.observe({ result }, secondsSince(startedMs));
      const watchedMs = seen.get(sentinelId)?.atMs ?? 0;
      seen.delete(sentinelId);
      if (seenMs === undefined) return;
      // What the watch saw before this Deploy began was another rolling update.
      readiness.observe(secondsSince(watchedMs < startedMs ? seenMs : Math.min(watchedMs, seenMs)));
    },
    phaseChanged: (change) => changes.inc({ change: labelOf(change) }),
    acted: (verb, taken) => acts.inc({ verb, result: taken ? "taken" : "refused" }),
    slackDelivery: (result) => slack.inc({ result }),
    stateBytes: (operation, bytes) => state.inc({ operation }, bytes),
    recheck: (result, seconds) => rechecks.observe({ result }, seconds),
    notifyReady: (ok) => wakeUps.inc({ result: ok ? "ok" : "error" }),
    mysqlStatement(sql, seconds, ok) {
      const word = sql.trimStart().split(/\s/, 1)[0]?.toLowerCase() ?? "";
      const statement = STATEMENTS.includes(word) ? word : "other";
      statements.observe({ statement, result: ok ? "ok" : "error" }, seconds);
    },
  };
}

function labelOf(change: NotificationKind): string {
  return change.replaceAll(" ", "_");
}

/** The clock of another process may be ahead. */
function secondsSince(ms: number): number {
  return Math.max(Date.now() - ms, 0) / 1000;
}
