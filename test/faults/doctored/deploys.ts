import { type Cases, plan, row } from "./doctor.ts";
import * as told from "./told-rollout.ts";

const { aborted, neverBegun, cancelled, rolledBack, patchOf, NEW, OLD } = told;

/** What became of the sentinels, and who touched them. */
export const DEPLOYS: Cases = {
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
};
