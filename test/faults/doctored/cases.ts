import * as told from "./told-rollout.ts";

const { neverBegun, rolledBack, patchOf, message, verb, SECRET, NEW, OLD } = told;
type Told = told.Told;

/** What is made of a story without any fault, so that the checker has to object. */
type Doctored = [what: string, doctor: (evidence: Told) => void, of?: () => Told];

/** By the invariant that each of them violates, and no other. */
export const DOCTORED: Record<string, Doctored[]> = {
  a: [
    [
      "a result twice",
      ({ sight, history }) => {
        sight.state.succeededIds.push("sen_1");
        history.outcomes.push({ sentinel_id: "sen_1", wave: 1, outcome: "succeeded", reason: null });
        for (const counts of [sight.status, history.row]) counts.succeeded = 3;
      },
    ],
    [
      "a sentinel that was due and not planned",
      ({ sight }) => {
        sight.before.rows.set("sen_5", told.rowOf("sen_5"));
      },
    ],
    [
      "a sentinel of a wave that is over without a result",
      ({ sight, history }) => {
        sight.state.waves[0]?.push("sen_5");
        sight.before.rows.set("sen_5", told.rowOf("sen_5"));
        Object.assign(sight.state.previousImages, { sen_5: OLD });
        for (const total of [sight.status, history.row]) total.total = 5;
        sight.state.totalSentinels = 5;
      },
    ],
    [
      "another previous image than it had",
      ({ sight }) => {
        sight.state.previousImages.sen_4 = "x/sentinel:v0";
      },
    ],
    [
      "another count in Status",
      ({ sight }) => {
        sight.status.succeeded = 3;
      },
    ],
    [
      "a failure without a reason",
      ({ sight, history }) => {
        sight.state.failureReasons.sen_3 = "";
        for (const each of history.outcomes) if (each.outcome === "failed") each.reason = "";
      },
    ],
  ],
  b: [
    ["a success whose row says failed", (evidence) => row(evidence, "sen_2", { deploy_status: "failed" })],
    ["a success whose row has the old image", (evidence) => row(evidence, "sen_2", { running_image: OLD })],
    [
      "a success whose Deployment has the old image",
      ({ sight }) => sight.after.deployments.set("k8s-sen_2", told.deploymentOf("sen_2")),
    ],
    ["a failure that is on the image, ready", (evidence) => told.puts(evidence, "sen_3", NEW)],
  ],
  c: [
    [
      "an invocation that runs",
      ({ tables }) => tables.sys_invocation.push({ target: "Deploy", status: "running" }),
    ],
    ["a Deploy's state", ({ tables }) => tables.state.push({ service_key: "sen_1", key: "deadline" })],
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
    ["a patch, though nothing began", ({ sight }) => sight.patches.push(patchOf("sen_4")), neverBegun],
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
    ["a Resume that was taken and not told", ({ sight }) => sight.verbs.push(verb("Resume", 5))],
  ],
  g: [
    ["a reverted sentinel on the new image", (evidence) => told.puts(evidence, "sen_2", NEW), rolledBack],
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
  ],
};

function row({ sight }: Told, id: string, change: Partial<ReturnType<typeof told.rowOf>>): void {
  Object.assign(sight.after.rows.get(id) ?? {}, change);
}
