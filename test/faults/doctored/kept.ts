import type { PastAction, Verb } from "../checker/evidence.ts";
import { type Cases, count, plan } from "./doctor.ts";
import * as told from "./told-rollout.ts";

const { rolledBackTogether, rolledBack, OLD } = told;

/** What the history and the head keep. */
export const KEPT: Cases = {
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
  r: [
    ["a verb that was taken and is not kept", ({ sight }) => commented(sight.verbs, { status: 200 })],
    [
      "a verb that was refused and is not kept",
      ({ sight }) => commented(sight.verbs, { status: 409, answer: { message: "not legal" } }),
    ],
    [
      "a verb that is kept twice, and was killed",
      ({ sight, actions }) => {
        commented(sight.verbs, { status: 409, answer: { message: "killed" } });
        actions.push(KEPT_ACTION, KEPT_ACTION);
      },
    ],
    [
      "a verb that was taken and is kept as refused",
      ({ sight, actions }) => {
        commented(sight.verbs, { status: 200 });
        actions.push({ ...KEPT_ACTION, refused: "not legal" });
      },
    ],
    [
      "another verb",
      ({ sight, actions }) => {
        commented(sight.verbs, { status: 200 });
        actions.push({ ...KEPT_ACTION, verb: "Rollout" });
      },
    ],
  ],
};

const KEPT_ACTION: PastAction = { verb: "Unfreeze", comment: "call 7", refused: null };

/** An Unfreeze of which the rest of the story knows nothing. */
function commented(verbs: Verb[], answered: Partial<Verb>): void {
  verbs.push({ ...told.verb("Unfreeze", 0), body: { comment: KEPT_ACTION.comment }, ...answered });
}
