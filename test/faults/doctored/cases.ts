import type { Entry, WaveCounts } from "../../support/rollout-state.ts";
import * as told from "./told-rollout.ts";

const {
  aborted,
  abortedAltogether,
  pausedByOperator,
  retried,
  limited,
  overBudget,
  soaked,
  hotfixed,
  rolledBackTogether,
  revertedMessage,
  neverBegun,
  cancelled,
  settled,
  rolledBack,
  counted,
  patchOf,
  message,
  verb,
  SECRET,
  NEW,
  OLD,
} = told;
type Told = told.Told;

/** What is made of a story without any fault, so that the checker has to object. */
type Doctored = [what: string, doctor: (evidence: Told) => void, of?: () => Told];

/** By the invariant that each of them violates, and no other. */
export const DOCTORED: Record<string, Doctored[]> = {
  a: [
    [
      "a result twice",
      (evidence) => {
        plan(evidence, 2, "sen_1", { from: OLD, is: "succeeded" });
        const { outcomes } = evidence.history;
        outcomes.push({ sentinel_id: "sen_1", wave: 2, outcome: "succeeded", reason: null });
      },
    ],
    ["a sentinel in two waves", (evidence) => plan(evidence, 3, "sen_2", { from: OLD, is: "waiting" })],
    [
      "a sentinel that was due and not planned",
      ({ sight }) => {
        sight.before.rows.set("sen_5", told.rowOf("sen_5"));
      },
    ],
    [
      "a sentinel of a wave that is over without a result",
      (evidence) => {
        evidence.sight.before.rows.set("sen_5", told.rowOf("sen_5"));
        plan(evidence, 1, "sen_5", { from: OLD, is: "waiting" });
      },
    ],
    [
      "another previous image than it had",
      (evidence) => {
        told.entryOf(evidence, "sen_4").from = "x/sentinel:v0";
      },
    ],
    [
      "another count in Status",
      ({ sight }) => {
        Object.assign(sight.status, { succeeded: 3, waiting: 0 });
      },
    ],
    [
      "a failure without a reason",
      (evidence) => {
        told.entryOf(evidence, "sen_3").why = "";
        told.recount(evidence);
        for (const each of evidence.history.outcomes) if (each.outcome === "failed") each.reason = "";
      },
    ],
  ],
  b: [
    [
      "a success whose row says failed",
      (evidence) => row(evidence, "sen_2", { deploy_status: "failed", health: "unhealthy" }),
    ],
    ["a success whose row has the old image", (evidence) => row(evidence, "sen_2", { running_image: OLD })],
    [
      "a success whose Deployment has the old image",
      ({ sight }) => sight.after.deployments.set("k8s-sen_2", told.deploymentOf("sen_2")),
    ],
    ["a failure that is on the image, ready", (evidence) => told.puts(evidence, "sen_3", NEW)],
    [
      "a failure that is on the image, ready, when another one came up late",
      (evidence) => {
        told.puts(evidence, "sen_3", NEW);
        evidence.logs.push(told.cameUpLate("sen_2"));
      },
    ],
  ],
  c: [
    [
      "an invocation that runs",
      ({ tables }) => tables.underWay.push({ target: "Deploy", status: "running" }),
    ],
    ["a Deploy's state", ({ tables }) => tables.left.push({ service_key: "sen_1", key: "deadline" })],
    ["a lane", ({ stored }) => Object.assign(stored.others, { "lane/3": {} })],
    ["a drive", ({ stored }) => Object.assign(stored.others, { drive: { forward: {} } })],
    [
      "a row that is left failed, though its sentinel runs its image",
      (evidence) => row(evidence, "sen_3", { running_image: NEW }),
    ],
    ["a row in progress", (evidence) => row(evidence, "sen_4", { deploy_status: "progressing" })],
    [
      "a Deployment that has not converged",
      ({ sight }) => {
        Object.assign(sight.after.deployments.get("k8s-sen_4") ?? {}, { status: { replicas: 2 } });
      },
    ],
  ],
  d: [
    ["a patch ahead of its wave", ({ sight }) => sight.patches.push(patchOf("sen_4", NEW, 4))],
    [
      "a wave before the one before it",
      ({ sight }) => {
        for (const patch of sight.patches) patch.atMs = 10 - patch.atMs;
      },
    ],
    ["a patch to the old image", ({ sight }) => sight.patches.push(patchOf("sen_1", OLD, 4))],
    [
      "a rollback of one that had failed",
      ({ sight }) => sight.patches.push(patchOf("sen_3", OLD, 11)),
      rolledBack,
    ],
    [
      "a return of one that had failed, by an Abort that was not asked for those",
      ({ sight }) => sight.patches.push(patchOf("sen_3", OLD, 11)),
      aborted,
    ],
    ["a patch, though nothing began", ({ sight }) => sight.patches.push(patchOf("sen_4")), neverBegun],
    [
      "a patch of a rollout that was cancelled, and had settled",
      ({ sight }) => {
        Object.assign(sight.verbs[0] ?? {}, { answeredMs: 6, answer: { state: "cancelled" } });
        Object.assign(sight.patches[2] ?? {}, { atMs: 8 });
      },
      cancelled,
    ],
    [
      "a rollback before it was asked for",
      ({ sight }) => {
        for (const patch of sight.patches) patch.atMs = Math.min(patch.atMs, 9);
      },
      rolledBack,
    ],
  ],
  e: [
    ["a patch more than lost answers explain", ({ sight }) => sight.patches.push(patchOf("sen_2", NEW, 3))],
    [
      "another field of a Deployment",
      ({ sight }) => Object.assign(sight.after.deployments.get("k8s-sen_4")?.spec ?? {}, { replicas: 0 }),
    ],
    [
      "an annotation of the pod template but the retry's",
      ({ sight }) => {
        const spec = sight.after.deployments.get("k8s-sen_4")?.spec;
        Object.assign(spec ?? {}, {
          template: { ...spec?.template, metadata: { annotations: { by: "somebody" } } },
        });
      },
    ],
    [
      "a Deployment that is no more",
      ({ sight }) => {
        sight.after.deployments.delete("k8s-sen_4");
      },
    ],
  ],
  f: [
    ["a phase change that was not told", ({ sight }) => sight.after.slack.splice(1, 1)],
    ["one told twice", ({ sight }) => sight.after.slack.splice(1, 0, message("rollout: wave 1/3 started"))],
    ["one told in the wrong order", ({ sight }) => sight.after.slack.reverse()],
    ["the last of them missing", ({ sight }) => sight.after.slack.pop()],
    [
      "the word of another rollout",
      ({ sight }) => sight.after.slack.push(message("rollout started", "other")),
    ],
    [
      "a message, though nothing began",
      ({ sight }) => sight.after.slack.push(message("rollout started")),
      neverBegun,
    ],
    ["an aside before its start", ({ sight }) => sight.after.slack.unshift(message(ASIDE))],
    ["an aside after its end", ({ sight }) => sight.after.slack.push(message(ASIDE))],
    ["an aside in place of a phase", ({ sight }) => sight.after.slack.splice(2, 1, message(ASIDE))],
    ["a last count that is not true", ({ sight }) => sight.after.slack.pop(), settled],
    [
      "another count of what has settled",
      ({ sight }) => sight.after.slack.splice(-1, 1, counted(SETTLED, 1)),
      settled,
    ],
    ["a count that follows twice", ({ sight }) => sight.after.slack.push(counted(SETTLED, 2)), settled],
    [
      "a count that follows no Cancel",
      ({ sight }) => sight.after.slack.splice(-1, 0, counted(SETTLED, 2)),
      cancelled,
    ],
    ["a Resume that was taken and not told", ({ sight }) => sight.verbs.push(verb("Resume", 5))],
    ["a retry that was not told", ({ sight }) => sight.after.slack.splice(-3, 1), retried],
    ["a Freeze that was not told", ({ sight }) => sight.after.slack.splice(-2, 1), retried],
    [
      "a Freeze that was told twice",
      ({ sight }) => sight.after.slack.push(message("rollouts frozen by bob", "")),
      retried,
    ],
    ["an Abort that stopped nothing", ({ sight }) => sight.after.slack.splice(-3, 1), aborted],
    ["an Abort that returned nothing", ({ sight }) => sight.after.slack.splice(-2, 1), aborted],
    [
      "a pause by an operator that nobody asked for",
      ({ sight }) => sight.verbs.splice(-1, 1),
      pausedByOperator,
    ],
    [
      "a pause after a wave that is done, and nobody asked for it",
      ({ sight }) => sight.after.slack.splice(-1, 0, message("rollout: wave 2/3 completed")),
    ],
    [
      "a pause between two waves that is told of the one to come",
      ({ sight }) => {
        const last = sight.after.slack.splice(-1, 1);
        sight.after.slack.push(
          message("rollout: wave 2/3 completed"),
          message("rollout: wave 3/3 started"),
          ...last,
        );
      },
      pausedByOperator,
    ],
  ],
  g: [
    ["a reverted sentinel on the new image", (evidence) => told.puts(evidence, "sen_2", NEW), rolledBack],
    [
      "more that were reverted in the answer than are",
      ({ sight }) => {
        Object.assign(sight.verbs.at(-1)?.answer ?? {}, { reverted: 3, total: 3 });
        sight.after.slack.splice(-1, 1, revertedMessage(3, 3));
      },
      rolledBack,
    ],
    [
      "another count in Slack's end of it",
      ({ sight }) => sight.after.slack.splice(-1, 1, revertedMessage(1, 2)),
      rolledBack,
    ],
    [
      "one that had failed and was reverted, though nobody asked for those",
      ({ sight }) => {
        const asked = sight.verbs.at(-1);
        if (asked !== undefined) asked.body = {};
        sight.patches.pop();
      },
      abortedAltogether,
    ],
    [
      "one that failed, and is left on the image by a rollback of those, too",
      (evidence) => {
        const { sight, history } = evidence;
        Object.assign(told.entryOf(evidence, "sen_3"), { is: "failed" });
        told.puts(evidence, "sen_3", NEW);
        row(evidence, "sen_3", { deploy_status: "failed", running_image: OLD });
        history.outcomes.pop();
        told.recount(evidence);
        for (const each of [sight.status, history.row]) Object.assign(each, { succeeded: 3, failed: 0 });
        Object.assign(sight.verbs.at(-1)?.answer ?? {}, { reverted: 2, total: 2 });
        sight.after.slack.splice(-1, 1, revertedMessage(2, 2));
        sight.after.slack.splice(-3, 1, counted("rollout cancelled in wave 2/3", 1));
      },
      abortedAltogether,
    ],
    [
      "an Abort that counts another",
      ({ sight }) => Object.assign(sight.verbs.at(-1)?.answer ?? {}, { reverted: 1 }),
      aborted,
    ],
    ["a hotfix that was overwritten", (evidence) => told.puts(evidence, "sen_1", OLD), hotfixed],
    [
      "one that was taken over, is said to be reverted, and is not",
      (evidence) => told.puts(evidence, "sen_9", NEW),
      rolledBackTogether,
    ],
    [
      "one that was taken over, and left on the image by a complete rollback",
      ({ stored, history, sight: { status, verbs, after } }) => {
        stored.others["rolloutState/taken-over/1"] = { sen_9: { from: OLD, is: "succeeded" } };
        Object.assign(stored.head.takenOver ?? {}, { reverted: 0 });
        for (const each of [status, history.row]) each.reverted = 2;
        history.outcomes.pop();
        Object.assign(verbs.at(-1)?.answer ?? {}, { reverted: 2, total: 2 });
        after.slack.splice(-1, 1, revertedMessage(2, 2));
      },
      rolledBackTogether,
    ],
    [
      "one that was deployed again in vain, and left on the image by a complete rollback",
      (evidence) => {
        told.entryOf(evidence, "sen_3").earlier = true;
        Object.assign(evidence.stored.head, { countsTakenOver: true });
        for (const each of [evidence.sight.status, evidence.history.row])
          Object.assign(each, { succeeded: 3, failed: 0 });
        for (const each of evidence.sight.after.slack)
          each.text = each.text.replace("On the new image: 0", "On the new image: 1");
      },
      rolledBack,
    ],
    [
      "a reverted sentinel on an image of another",
      (evidence) => told.puts(evidence, "sen_2", "x/sentinel:v0"),
      rolledBack,
    ],
  ],
  h: [
    ["a secret in a log", ({ logs }) => logs.push(`connecting with ${SECRET}`)],
    ["a secret in a journal", ({ tables }) => tables.sys_journal.push({ entry: SECRET })],
    [
      "a secret in the bytes of a journal",
      ({ tables }) => tables.sys_journal.push({ raw: Buffer.from(SECRET).toString("hex") }),
    ],
    ["a secret in a row", (evidence) => row(evidence, "sen_4", { deploy_error: SECRET })],
    ["a secret in Slack", ({ sight }) => Object.assign(sight.after.slack[0] ?? {}, { text: SECRET })],
    ["a secret in an answer", ({ sight }) => Object.assign(sight.verbs[0] ?? {}, { answer: { m: SECRET } })],
  ],
  i: [
    [
      "another state in its row",
      ({ history }) => {
        history.row.state = "completed";
      },
    ],
    ["an outcome that is missing", ({ history }) => history.outcomes.pop()],
    [
      "a row that does not count one taken over, which was rolled back",
      ({ history: { row } }) =>
        Object.assign(row, {
          total: row.total - 1,
          succeeded: row.succeeded - 1,
          reverted: row.reverted - 1,
        }),
      rolledBackTogether,
    ],
    [
      "another reason",
      ({ history }) => {
        for (const each of history.outcomes) each.reason = "none";
      },
    ],
    [
      "an end that it has not come to",
      ({ history }) => {
        history.row.ended_at = 1;
      },
    ],
    [
      "what a reason was cut to, in full length",
      (evidence) => {
        told.entryOf(evidence, "sen_3").why = "x".repeat(200);
        told.recount(evidence);
        for (const each of evidence.history.outcomes)
          if (each.outcome === "failed") each.reason = "y".repeat(300);
      },
    ],
  ],
  j: [
    ["a success more in the head", ({ stored }) => count(stored, 1, { succeeded: 2 })],
    ["a failure less in the head", ({ stored }) => count(stored, 2, { failed: 0 })],
    ["one that was skipped in the head alone", ({ stored }) => count(stored, 3, { skipped: 1 })],
    [
      "one that was reverted in the parts alone",
      ({ stored }) => count(stored, 1, { reverted: 0 }),
      rolledBack,
    ],
    ["waves that are not of the fleet's size", ({ stored }) => count(stored, 3, { size: 2 })],
    [
      "a wave that the head does not know",
      ({ stored }) => Object.assign(stored.parts, { [told.keyOf(4)]: {} }),
    ],
    [
      "a part that is missing",
      ({ stored: { parts } }) => {
        const { [told.keyOf(3)]: part = {} } = parts;
        delete parts[told.keyOf(3)];
        parts[told.keyOf(3, 2)] = part;
      },
    ],
    [
      "one taken over that the head does not count",
      ({ stored }) =>
        Object.assign(stored.others, {
          "rolloutState/taken-over/1": { sen_9: { from: OLD, is: "succeeded" } },
        }),
    ],
    [
      "one taken over that stands in a wave, too",
      ({ stored }) => {
        stored.head.takenOver = { size: 1, reverted: 0 };
        Object.assign(stored.others, {
          "rolloutState/taken-over/1": { sen_1: { from: OLD, is: "succeeded" } },
        });
      },
    ],
    [
      "a value of more than 256 KiB",
      ({ stored }) => Object.assign(stored.others, { plan: "x".repeat(262_143) }),
    ],
    [
      "a head of more than 32 KiB",
      ({ stored }) => {
        stored.head.pauseReason = "x".repeat(32_768);
      },
    ],
    [
      "a part of more than 400 sentinels",
      (evidence) => {
        for (let n = 1_000; n < 1_400; n++) {
          evidence.sight.before.rows.set(`sen_${n}`, told.rowOf(`sen_${n}`));
          plan(evidence, 3, `sen_${n}`, { from: OLD, is: "waiting" });
        }
      },
    ],
    [
      "a reason of more than 200 characters",
      (evidence) => {
        told.entryOf(evidence, "sen_3").why = "x".repeat(201);
        told.recount(evidence);
        for (const each of evidence.history.outcomes)
          if (each.outcome === "failed") each.reason = "x".repeat(201);
      },
    ],
    [
      "a word that nobody knows",
      (evidence) => Object.assign(told.entryOf(evidence, "sen_4"), { is: "launched" }),
    ],
    [
      "more than 20 failures in the head",
      ({ stored: { head } }) => {
        head.failures = Array(21).fill(head.failures[0]);
      },
    ],
    [
      "a failure in the head of one that did not fail",
      ({ stored: { head } }) => {
        head.failures = [{ id: "sen_2", reason: "ImagePullBackOff" }];
      },
    ],
    ["a failure that the head leaves out", ({ stored: { head } }) => head.failures.pop()],
    [
      "another reason in the head",
      ({ stored: { head } }) => {
        head.failures = [{ id: "sen_3", reason: "CrashLoopBackOff" }];
      },
    ],
  ],
  k: [
    [
      "a Deploy too many after a Cancel",
      ({ tables }) => tables.deploys.push(...told.deploysAt(7, 1)),
      cancelled,
    ],
    [
      "a Deploy too many between a Cancel and a rollback",
      ({ tables }) => tables.deploys.push(...told.deploysAt(9, 1)),
      () => rolledBack(cancelled),
    ],
    [
      "Deploys after a Pause",
      ({ tables }) => tables.deploys.push(...told.deploysAt(5, 33)),
      pausedByOperator,
    ],
  ],
  l: [
    ["one that is neither waiting nor done", ({ sight }) => Object.assign(sight.status, { waiting: 0 })],
    ["one in flight at rest", ({ sight }) => Object.assign(sight.status, { waiting: 0, in_flight: 1 })],
    ["more reverted than succeeded", ({ sight }) => Object.assign(sight.status, { reverted: 3 }), rolledBack],
    ["no number at all", ({ sight }) => delete sight.status.waiting],
  ],
  m: [
    [
      "a journal of more than 5,000 entries",
      ({ tables }) => tables.journals.push({ id: "inv_2", target: "Lane", entries: 5_001 }),
    ],
  ],
  n: [
    ["a row that says again what it said before", ({ sight }) => sight.rowChanges.push(told.rowChange(5, 4))],
    ["a row that is written as if nobody had", ({ sight }) => sight.rowChanges.push(told.rowChange(5, 5))],
    ["a row that forgets when it was written", ({ sight }) => sight.rowChanges.push(told.rowChange(5, null))],
  ],
  o: [
    [
      "a Deploy that a Pause has lost",
      ({ tables }) => tables.deploys.push(told.deployOf("sen_3", 3, 4)),
      pausedByOperator,
    ],
    [
      "a Deploy that a budget has lost",
      ({ tables }) => tables.deploys.push(told.deployOf("sen_4", 4, 5)),
      overBudget,
    ],
    [
      "a row that was touched and has no result",
      (evidence) => row(evidence, "sen_4", { image: NEW }),
      pausedByOperator,
    ],
    ["a sentinel that nobody deployed, and succeeded", ({ tables }) => tables.deploys.splice(0, 1)],
    [
      "a sentinel that was deployed again, and once more",
      ({ tables }) => tables.deploys.push(told.deployOf("sen_3", 8, 9)),
      retried,
    ],
    [
      "a sentinel that was deployed twice",
      ({ tables }) => tables.deploys.push(told.deployOf("sen_2", 3, 4)),
      pausedByOperator,
    ],
  ],
  p: [
    [
      "one more in flight than may be",
      ({ tables: { deploys } }) => deploys.splice(0, 1, told.deployOf("sen_1", 1, 3)),
      limited,
    ],
    [
      "a wave that went on past its budget",
      ({ sight }) => {
        sight.after.slack.splice(-1, 0, {
          ...message("rollout: wave 2/3 completed"),
          text: "wave 2/3 completed · Failed in this wave: 2",
        });
      },
      limited,
    ],
    [
      "a wave that went on past a failure, without a budget",
      ({ sight }) => {
        sight.after.slack.splice(2, 1, {
          ...message("rollout: wave 1/3 completed"),
          text: "wave 1/3 completed · Failed in this wave: 1",
        });
      },
    ],
    [
      "a pause by a failure, in spite of a budget",
      ({ stored: { head } }) => {
        head.pauseKind = "failure";
      },
      overBudget,
    ],
    [
      "a pause by a budget that is not exceeded",
      ({ stored: { head } }) => {
        head.limits = { maxFailures: 1, maxInFlight: 1 };
      },
      overBudget,
    ],
    [
      "a pause by a budget whose failures are acknowledged",
      ({ stored: { head } }) => {
        head.acknowledged = { wave: 1, total: 1 };
      },
      overBudget,
    ],
    [
      "more failures than a budget, and what was in flight, allow",
      (evidence) => {
        const { sight, history, tables } = evidence;
        for (const id of ["sen_5", "sen_6"]) {
          sight.before.rows.set(id, told.rowOf(id));
          sight.before.deployments.set(`k8s-${id}`, told.deploymentOf(id));
          told.puts(evidence, id, NEW);
          row(evidence, id, { deploy_status: "failed", running_image: OLD });
          plan(evidence, 2, id, { from: OLD, is: "failed", why: "ImagePullBackOff" });
          history.outcomes.push({ sentinel_id: id, wave: 2, outcome: "failed", reason: "ImagePullBackOff" });
        }
        tables.deploys.push(told.deployOf("sen_5", 4, 5), told.deployOf("sen_6", 5, 6));
      },
      overBudget,
    ],
  ],
  q: [
    ["a wave that began while one of the wave before had regressed", (evidence) => outage(evidence), soaked],
    [
      "more regressions than may be",
      (evidence) => {
        evidence.stored.head.limits = { soakSeconds: [3, 3, 3], maxRegressions: "99%" };
        outage(evidence);
      },
      soaked,
    ],
    [
      "a Resume before it broke",
      (evidence) => {
        const { sight } = evidence;
        sight.verbs.push(verb("Resume", 2));
        sight.after.slack.splice(2, 0, message("rollout paused in wave 1/3"), message("rollout resumed"));
        outage(evidence);
      },
      soaked,
    ],
  ],
};

/** The sentinel of the first wave broke ten seconds before the second one began. */
function outage({ sight, stored }: Told): void {
  const { image } = stored.head;
  sight.broken = new Set(["sen_1"]);
  sight.outages = [{ name: "k8s-sen_1", image, fromMs: told.LAUNCHED_MS - 10_000 }];
}

const SETTLED = "rollout cancelled: all in flight have settled";
const ASIDE = "rollout: the drive does not answer";

/** One sentinel more in the first part of a wave. */
function plan(evidence: Told, wave: number, id: string, entry: Entry): void {
  Object.assign(evidence.stored.parts[told.keyOf(wave)] ?? {}, { [id]: entry });
  told.recount(evidence);
}

/** What the head alone says of a wave. */
function count({ head }: Told["stored"], wave: number, counts: Partial<WaveCounts>): void {
  Object.assign(head.waves[wave - 1] ?? {}, counts);
}

function row({ sight }: Told, id: string, change: Partial<ReturnType<typeof told.rowOf>>): void {
  Object.assign(sight.after.rows.get(id) ?? {}, change);
}
