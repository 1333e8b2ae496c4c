import type { V1Deployment } from "@kubernetes/client-node";
import { assemble, type Entry, HEAD_KEY, type Head, type Part, partOf } from "../../support/rollout-state.ts";
import type { RowChange } from "../../support/row-history.ts";
import type { StoredDeploy } from "../checker/deploys.ts";
import type { PastAction, PastOutcome, PastRollout, Row, Verb } from "../checker/evidence.ts";
import type { Sight } from "../checker/sight.ts";
import type { SlackMessage } from "../checker/sources.ts";

export const OLD = "x/sentinel:v1";
export const NEW = "x/sentinel:v2";
export const HOTFIX = "x/sentinel:v2-hotfix";
export const ROLLOUT_ID = "rollout-1";
export const WAVES = [["sen_1"], ["sen_2", "sen_3"], ["sen_4"]];
export const SECRET = "s3cr3t-5f0a";

/** Everything that the checker goes by: what it is shown at once, and what it asks for. */
export interface Told {
  sight: Omit<Sight, "state" | "stored">;
  /** What the rollout's object stores: the parts by their keys, and what is nobody's business but its own. */
  stored: { head: Head; parts: Record<string, Part>; others: Record<string, unknown> };
  history: { row: PastRollout; outcomes: PastOutcome[] };
  actions: PastAction[];
  /** What Restate answers, by what is asked for. */
  tables: {
    underWay: object[];
    /** Of Deploys. */
    left: object[];
    deploys: StoredDeploy[];
    journals: { id: string; target: string; entries: number }[];
    sys_invocation: object[];
    state: object[];
    sys_journal: object[];
  };
  logs: string[];
}

export function rowOf(id: string, image = OLD): Row {
  return {
    id,
    k8s_name: `k8s-${id}`,
    ...{ image, running_image: image, desired_state: "running", desired_replicas: 1 },
    ...{ deploy_status: "ready", deploy_error: null, health: "healthy" },
  };
}

export function deploymentOf(id: string, image = OLD): V1Deployment {
  return {
    metadata: { name: `k8s-${id}`, uid: `uid-${id}`, generation: 1, annotations: {}, labels: {} },
    spec: {
      replicas: 1,
      selector: {},
      template: { spec: { containers: [{ name: "sentinel", image }] } },
    },
    status: { replicas: 1, updatedReplicas: 1, availableReplicas: 1, observedGeneration: 1 },
  };
}

export function message(header: string, rolloutId = ROLLOUT_ID): SlackMessage {
  return { header: `Sentinel ${header}`, rolloutId, text: header };
}

const COUNT = /On the new image: \d+ of \d+/;

/** One that says how many have the new image. */
export function counted(header: string, took: number): SlackMessage {
  return { ...message(header), text: `${header} · On the new image: ${took} of ${WAVES.flat().length}` };
}

export function patchOf(id: string, image = NEW, atMs = 0) {
  const operation = { op: "replace", path: "/spec/template/spec/containers/0/image", value: image };
  const url = `/apis/apps/v1/namespaces/n/deployments/k8s-${id}`;
  return { url, body: JSON.stringify([operation]), atMs, status: 200 };
}

/** Something is written into a row (unix ms). */
export function rowChange(before_ms: number | null, after_ms: number | null): RowChange {
  return { id: "sen_1", deploy_status: "progressing", image: NEW, before_ms, after_ms };
}

/** What the service logs of it. */
export function cameUpLate(sentinelId: string): string {
  return JSON.stringify({ level: 30, sentinelId, msg: "sentinel came up late" });
}

export function keyOf(wave: number, part = 1): string {
  return `${HEAD_KEY}/wave-${wave}/${part}`;
}

/** So many Deploys of others, launched at that moment. */
export function deploysAt(ms: number, count: number): StoredDeploy[] {
  return Array.from({ length: count }, (_, n) => deployOf(`other_${ms}_${n}`, ms, ms));
}

export function deployOf(sentinel: string, fromMs: number, toMs: number): StoredDeploy {
  const [created_at, completed_at] = [fromMs, toMs].map((ms) => new Date(ms).toISOString()) as [
    string,
    string,
  ];
  return { sentinel, created_at, completed_at };
}

export function verb(name: Verb["name"], askedMs: number): Verb {
  return { name, body: {}, askedMs, answeredMs: askedMs, status: 200, answer: {} };
}

/** What the checker is shown at once. */
export function sightOf({ sight, stored: { head, parts, others } }: Told): Sight {
  const values = { [HEAD_KEY]: head, ...parts, ...others };
  const stored = Object.entries(values).map(([key, value]) => ({ key, value: JSON.stringify(value) }));
  const state = assemble(stored);
  if (state === undefined) throw new Error("there is a head");
  return { ...sight, stored, state };
}

/** The entry of a sentinel. */
export function entryOf({ stored }: Told, id: string): Entry {
  const entry = Object.values(stored.parts).flatMap((part) => part[id] ?? [])[0];
  if (entry === undefined) throw new Error(`there is no ${id}`);
  return entry;
}

/** Whatever counts says what the parts do: the head, Status, the row of the history, and the last word of Slack. */
export function recount({ stored: { head, parts }, sight, history: { row } }: Told): void {
  const { status, after } = sight;
  const all = Object.entries(parts).flatMap(([key, part]) =>
    Object.entries(part).map(([id, { is, why = "" }]) => ({ id, is, reason: why, wave: partOf(key)?.wave })),
  );
  const countsOf = (those: typeof all) => {
    const count = (word: Entry["is"]) => those.filter(({ is }) => is === word).length;
    const reverted = count("reverted");
    return {
      ...{ succeeded: count("succeeded") + reverted, reverted },
      ...{ failed: count("failed"), skipped: count("skipped") },
    };
  };
  const waves = Math.max(...all.map(({ wave = 0 }) => wave));
  head.waves = Array.from({ length: waves }, (_, n) => {
    const own = all.filter(({ wave }) => wave === n + 1);
    return { size: own.length, ...countsOf(own) };
  });
  const reasons = (word: Entry["is"]) =>
    all.filter(({ is }) => is === word).map(({ id, reason }) => ({ id, reason }));
  head.totalSentinels = all.length;
  head.failures = reasons("failed").slice(-20);
  head.skips = reasons("skipped").slice(-20);
  const counts = { total: all.length, ...countsOf(all) };
  Object.assign(row, counts);
  const waiting = all.filter(({ is }) => is === "waiting").length;
  Object.assign(status, counts, { in_flight: 0, waiting });
  const last = after.slack.findLast(({ text }) => COUNT.test(text));
  const took = `${counts.succeeded - counts.reverted} of ${all.length}`;
  if (last !== undefined) last.text = last.text.replace(COUNT, `On the new image: ${took}`);
}

/** The sentinel is as it would be on this image. */
export function puts({ sight: { after } }: Told, id: string, image: string): void {
  after.rows.set(id, rowOf(id, image));
  after.deployments.set(`k8s-${id}`, deploymentOf(id, image));
}

/** As it is told of a rollout that paused in its second wave, because sen_3 failed. Nothing is wrong with it. */
export function paused(): Told {
  const ids = WAVES.flat();
  const snapshot = () => ({
    rolloutId: undefined as string | undefined,
    rows: new Map(ids.map((id) => [id, rowOf(id)])),
    deployments: new Map(ids.map((id) => [`k8s-${id}`, deploymentOf(id)])),
    slack: [] as SlackMessage[],
  });
  const told: Told = {
    sight: {
      before: snapshot(),
      after: snapshot(),
      status: { state: "paused" },
      patches: [patchOf("sen_1", NEW, 1), patchOf("sen_2", NEW, 2), patchOf("sen_3", NEW, 3)],
      verbs: [verb("Rollout", 0)],
      troubles: [],
      meddled: new Set(),
      hotfixes: new Map(),
      broken: new Set(),
      regressionMs: 1_000,
      outages: [],
      rowChanges: [rowChange(null, 1), rowChange(1, 2)],
    },
    stored: {
      head: {
        ...{ rolloutId: ROLLOUT_ID, state: "paused", image: NEW, wavePercentages: [25, 75, 100] },
        ...{ waves: [], currentWave: 1, totalSentinels: 0, failures: [], skips: [] },
        ...{ startedAtMs: 1, waveStartedAtMs: 2, sinceMs: 3, pauseReason: "1 failed" },
      },
      parts: {
        [keyOf(1)]: { sen_1: { from: OLD, is: "succeeded" } },
        [keyOf(2)]: {
          sen_2: { from: OLD, is: "succeeded" },
          sen_3: { from: OLD, is: "failed", why: "ImagePullBackOff" },
        },
        [keyOf(3)]: { sen_4: { from: OLD, is: "waiting" } },
      },
      others: { drive: {} },
    },
    history: {
      row: {
        ...{ image: NEW, state: "paused", wave: 2, ended_at: null },
        ...{ total: 0, succeeded: 0, failed: 0, skipped: 0, reverted: 0 },
      },
      outcomes: [
        { sentinel_id: "sen_1", wave: 1, outcome: "succeeded", reason: null },
        { sentinel_id: "sen_2", wave: 2, outcome: "succeeded", reason: null },
        { sentinel_id: "sen_3", wave: 2, outcome: "failed", reason: "ImagePullBackOff" },
      ],
    },
    actions: [],
    tables: {
      ...{ underWay: [], left: [] },
      deploys: [deployOf("sen_1", 1, 2), deployOf("sen_2", 2, 3), deployOf("sen_3", 3, 4)],
      journals: [{ id: "inv_1", target: "Rollout", entries: 5_000 }],
      ...{ sys_invocation: [], state: [], sys_journal: [] },
    },
    logs: ["a line"],
  };
  for (const id of ["sen_1", "sen_2", "sen_3"]) puts(told, id, NEW);
  Object.assign(told.sight.after.rows.get("sen_3") ?? {}, { deploy_status: "failed", running_image: OLD });
  const headers = ["started", ": wave 1/3 started", ": wave 1/3 completed", ": wave 2/3 started"];
  told.sight.after.slack.push(...headers.map((each) => message(`rollout ${each}`.replace(" :", ":"))));
  told.sight.after.slack.push(counted("rollout paused in wave 2/3", 2));
  recount(told);
  return told;
}

/** The same, cancelled: what may have been on its way by then was launched still. */
export function cancelled(): Told {
  const told = paused();
  comesTo(told, "cancelled");
  told.sight.verbs.push({ ...verb("Cancel", 4), answeredMs: 5 });
  told.tables.deploys.push(...deploysAt(5, 100), ...deploysAt(6, 32));
  told.sight.after.slack.push(counted("rollout cancelled in wave 2/3", 2));
  return told;
}

/** The same, with one in flight at the Cancel that took the image since. */
export function settled(): Told {
  const told = cancelled();
  const { slack } = told.sight.after;
  slack.splice(-1, 1, counted("rollout cancelled in wave 2/3", 1));
  slack.push(counted("rollout cancelled: all in flight have settled", 2));
  return told;
}

/** An operator has paused it when sen_1 and sen_2 were done: nobody has touched sen_3. */
export function pausedByOperator(): Told {
  const told = paused();
  const { sight, stored, history, tables } = told;
  Object.assign(stored.head, { pauseKind: "operator", pauseReason: "an operator paused it" });
  sight.verbs.push(verb("Pause", 4));
  sight.patches.pop();
  tables.deploys.pop();
  history.outcomes.pop();
  for (const which of [sight.before, sight.after]) {
    which.rows.set("sen_3", rowOf("sen_3"));
    which.deployments.set("k8s-sen_3", deploymentOf("sen_3"));
  }
  const entry = entryOf(told, "sen_3");
  entry.is = "waiting";
  delete entry.why;
  recount(told);
  const last = sight.after.slack.at(-1);
  if (last !== undefined) last.text += " · *Why:* an operator paused it: latency · *Next:*";
  return told;
}

/** What failed was deployed again, and came up; somebody has frozen it meanwhile. */
export function retried(): Told {
  const told = paused();
  const { sight, stored, history, tables } = told;
  Object.assign(stored.head, {
    pauseKind: "operator",
    pauseReason: "wave 2/3: none of it is failed any more",
  });
  sight.verbs.push(verb("RetryFailed", 5), verb("Freeze", 6));
  sight.patches.push(patchOf("sen_3", NEW, 6));
  tables.deploys.push(deployOf("sen_3", 6, 7));
  history.outcomes.push({ sentinel_id: "sen_3", wave: 2, outcome: "succeeded", reason: null });
  const entry = entryOf(told, "sen_3");
  entry.is = "succeeded";
  delete entry.why;
  puts(told, "sen_3", NEW);
  sight.after.slack.push(
    message("rollout: retrying in wave 2/3"),
    { ...message("rollouts frozen by alice", ""), text: "frozen" },
    counted("rollout paused in wave 2/3", 3),
  );
  recount(told);
  return told;
}

/** The same, in one that may have one Deploy in flight, and in which half of a wave may fail. */
export function limited(): Told {
  const told = pausedByOperator();
  told.stored.head.limits = { maxInFlight: 1, maxFailures: "50%" };
  return told;
}

/** The first wave soaked, and the second one began at the time of `LAUNCHED_MS`. */
export const LAUNCHED_MS = 60_000;
export function soaked(): Told {
  const told = paused();
  const { sight, stored, tables } = told;
  stored.head.limits = { soakSeconds: [3, 3, 3] };
  tables.deploys = [
    deployOf("sen_1", 1, 2),
    deployOf("sen_2", LAUNCHED_MS, LAUNCHED_MS + 1),
    deployOf("sen_3", LAUNCHED_MS + 1, LAUNCHED_MS + 2),
  ];
  const done = sight.after.slack.find(({ header }) => header.endsWith("wave 1/3 completed"));
  if (done !== undefined) done.header += ", soaking 3 s until 13:20:00 UTC";
  return told;
}

/** None may fail: the failure has stopped it, and would have done so if sen_4 were of its wave. */
export function overBudget(): Told {
  const told = paused();
  Object.assign(told.stored.head, { pauseKind: "budget", limits: { maxFailures: "49%", maxInFlight: 1 } });
  return told;
}

/** An Abort has stopped it, and returned those that took the image. */
export function aborted(): Told {
  const told = rolledBack();
  const [asked] = told.sight.verbs.splice(-1, 1);
  told.sight.verbs.push({ ...verb("Abort", 10), ...asked, name: "Abort" });
  told.sight.after.slack.splice(-2, 0, counted("rollout cancelled in wave 2/3", 2));
  return told;
}

/** The same, and the one that failed has returned, too. */
export function abortedAltogether(): Told {
  const told = aborted();
  const { sight, stored, history } = told;
  stored.head.revertsFailed = true;
  Object.assign(sight.verbs.at(-1) ?? {}, { body: { include_failed: true } });
  entryOf(told, "sen_3").is = "reverted";
  sight.patches.push(patchOf("sen_3", OLD, 11));
  puts(told, "sen_3", OLD);
  history.outcomes.push({ sentinel_id: "sen_3", wave: 2, outcome: "reverted", reason: null });
  Object.assign(sight.verbs.at(-1)?.answer ?? {}, { reverted: 3, total: 3 });
  recount(told);
  sight.after.slack.splice(-1, 1, revertedMessage(3, 3));
  return told;
}

/** The same, rolled back afterwards. */
export function rolledBack(of = paused): Told {
  const told = of();
  const { verbs, patches, after } = told.sight;
  comesTo(told, "cancelled");
  const answer = {
    rollout_id: ROLLOUT_ID,
    reverted: 2,
    total: 2,
    skipped: 0,
    moved: 0,
    message: "Rolled back",
  };
  verbs.push({ ...verb("RollbackAll", 10), answer });
  told.tables.deploys.push(...deploysAt(11, 100));
  for (const id of ["sen_1", "sen_2"]) {
    entryOf(told, id).is = "reverted";
    patches.push(patchOf(id, OLD, 11));
    puts(told, id, OLD);
    told.history.outcomes.push({
      sentinel_id: id,
      wave: id === "sen_1" ? 1 : 2,
      outcome: "reverted",
      reason: null,
    });
  }
  recount(told);
  after.slack.push(message("rollback started"), revertedMessage(2, 2));
  return told;
}

/** The end of a rollback. */
export function revertedMessage(reverted: number, total: number): SlackMessage {
  return { ...message("rollback completed"), text: `Reverted: ${reverted} of ${total} (100 %)` };
}

/** The same, of a rollout that took over sen_9 from an earlier one of the image, and that one is reverted, too. */
export function rolledBackTogether(): Told {
  const told = rolledBack();
  const { stored, history, sight } = told;
  Object.assign(stored.head, { takenOver: { size: 1, reverted: 1 }, countsTakenOver: true });
  stored.others["rolloutState/taken-over/1"] = { sen_9: { from: OLD, is: "reverted" } };
  for (const fields of [sight.status, history.row as unknown as Record<string, unknown>]) {
    for (const field of ["total", "succeeded", "reverted"]) fields[field] = Number(fields[field]) + 1;
  }
  for (const each of sight.after.slack) each.text = each.text.replace(/ of 4/, " of 5");
  history.outcomes.push({ sentinel_id: "sen_9", wave: 0, outcome: "reverted", reason: null });
  Object.assign(sight.verbs.at(-1)?.answer ?? {}, { reverted: 3, total: 3 });
  sight.after.slack.splice(-1, 1, revertedMessage(3, 3));
  sight.before.rows.set("sen_9", rowOf("sen_9", NEW));
  sight.before.deployments.set("k8s-sen_9", deploymentOf("sen_9", NEW));
  puts(told, "sen_9", OLD);
  return told;
}

/** Somebody has moved sen_1 to an image of their own before the rollback, which left it alone. */
export function hotfixed(): Told {
  const told = rolledBack();
  const { sight, history } = told;
  Object.assign(entryOf(told, "sen_1"), { is: "succeeded", stays: "moved", why: "moved" });
  history.outcomes = history.outcomes.filter(
    (each) => each.sentinel_id !== "sen_1" || each.outcome !== "reverted",
  );
  sight.patches = sight.patches.filter(({ url, atMs }) => !url.endsWith("k8s-sen_1") || atMs < 10);
  recount(told);
  sight.meddled = new Set(["sen_1"]);
  sight.hotfixes = new Map([["sen_1", HOTFIX]]);
  puts(told, "sen_1", HOTFIX);
  Object.assign(sight.verbs.at(-1)?.answer ?? {}, { reverted: 1, total: 2, moved: 1 });
  sight.after.slack.splice(-1, 1, revertedMessage(1, 2));
  return told;
}

/** The rollout has come to this end. */
function comesTo(
  { stored: { head }, sight: { status }, history: { row } }: Told,
  state: Head["state"],
): void {
  for (const each of [head, status, row]) each.state = state;
  row.ended_at = 12;
}

/** Another one was asked for after that, and killed before its first step. */
export function neverBegun(): Told {
  const told = rolledBack();
  const { sight } = told;
  sight.before = structuredClone({ ...sight.after, rolloutId: ROLLOUT_ID });
  Object.assign(sight, { patches: [], verbs: [{ ...verb("Rollout", 20), status: 409 }] });
  return told;
}
