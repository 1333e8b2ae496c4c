import { type Cases, outage, plan, row } from "./doctor.ts";
import * as told from "./told-rollout.ts";

const {
  pausedByOperator,
  retried,
  limited,
  overBudget,
  soaked,
  cancelled,
  rolledBack,
  message,
  verb,
  NEW,
  OLD,
} = told;

/** What a rollout keeps to on its way, and what it leaves when it is at rest. */
export const LIMITS: Cases = {
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
