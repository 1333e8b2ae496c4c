import { ASIDE, type Cases, row, SETTLED } from "./doctor.ts";
import * as told from "./told-rollout.ts";

const {
  aborted,
  abortedAltogether,
  pausedByOperator,
  retried,
  hotfixed,
  rolledBackTogether,
  revertedMessage,
  neverBegun,
  cancelled,
  settled,
  rolledBack,
  counted,
  message,
  verb,
  SECRET,
  NEW,
  OLD,
} = told;

/** What Slack, an answer or a log says. */
export const TOLD: Cases = {
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
};
