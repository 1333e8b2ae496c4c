import type { V1Deployment } from "@kubernetes/client-node";
import type { PastOutcome, PastRollout, RolloutState, Row, Verb } from "../checker/evidence.ts";
import type { Sight } from "../checker/sight.ts";
import type { SlackMessage } from "../checker/sources.ts";

export const OLD = "x/sentinel:v1";
export const NEW = "x/sentinel:v2";
export const ROLLOUT_ID = "rollout-1";
export const WAVES = [["sen_1"], ["sen_2", "sen_3"], ["sen_4"]];
export const SECRET = "s3cr3t-5f0a";

/** Everything that the checker goes by: what it is shown at once, and what it asks for. */
export interface Told {
  sight: Sight & { state: Required<RolloutState> };
  history: { row: PastRollout; outcomes: PastOutcome[] };
  /** Answers to queries of Restate, by the table that is asked. */
  tables: { sys_invocation: object[]; state: object[]; sys_journal: object[] };
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

export function patchOf(id: string, image = NEW, atMs = 0) {
  const operation = { op: "replace", path: "/spec/template/spec/containers/0/image", value: image };
  const url = `/apis/apps/v1/namespaces/n/deployments/k8s-${id}`;
  return { url, body: JSON.stringify([operation]), atMs, status: 200 };
}

export function verb(name: Verb["name"], askedMs: number): Verb {
  return { name, body: {}, askedMs, answeredMs: askedMs, status: 200, answer: {} };
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
  const counts = { total: 4, succeeded: 2, failed: 1 };
  const told: Told = {
    sight: {
      before: snapshot(),
      after: snapshot(),
      state: {
        ...{ rolloutId: ROLLOUT_ID, state: "paused", image: NEW, currentWave: 1, totalSentinels: 4 },
        previousImages: Object.fromEntries(ids.map((id) => [id, OLD])),
        waves: structuredClone(WAVES),
        ...{ succeededIds: ["sen_1", "sen_2"], failedIds: ["sen_3"], skippedIds: [], revertedIds: [] },
        ...{ failureReasons: { sen_3: "ImagePullBackOff" }, pauseReason: "1 failed" },
      },
      status: { ...counts, state: "paused" },
      patches: [patchOf("sen_1", NEW, 1), patchOf("sen_2", NEW, 2), patchOf("sen_3", NEW, 3)],
      verbs: [verb("Rollout", 0)],
      troubles: [],
      meddled: new Set(),
    },
    history: {
      row: { ...counts, image: NEW, state: "paused", wave: 2, skipped: 0, reverted: 0, ended_at: null },
      outcomes: [
        { sentinel_id: "sen_1", wave: 1, outcome: "succeeded", reason: null },
        { sentinel_id: "sen_2", wave: 2, outcome: "succeeded", reason: null },
        { sentinel_id: "sen_3", wave: 2, outcome: "failed", reason: "ImagePullBackOff" },
      ],
    },
    tables: { sys_invocation: [], state: [], sys_journal: [] },
    logs: ["a line"],
  };
  for (const id of ["sen_1", "sen_2", "sen_3"]) puts(told, id, NEW);
  Object.assign(told.sight.after.rows.get("sen_3") ?? {}, { deploy_status: "failed", running_image: OLD });
  const headers = ["started", ": wave 1/3 started", ": wave 1/3 completed", ": wave 2/3 started"];
  told.sight.after.slack.push(...headers.map((each) => message(`rollout ${each}`.replace(" :", ":"))));
  told.sight.after.slack.push(message("rollout paused in wave 2/3"));
  return told;
}

/** The same, rolled back afterwards. */
export function rolledBack(): Told {
  const told = paused();
  const { state, verbs, patches, after, status } = told.sight;
  Object.assign(state, { state: "cancelled", revertedIds: ["sen_1", "sen_2"] });
  status.state = "cancelled";
  verbs.push(verb("RollbackAll", 10));
  for (const id of state.revertedIds) {
    patches.push(patchOf(id, OLD, 11));
    puts(told, id, OLD);
    told.history.outcomes.push({
      sentinel_id: id,
      wave: id === "sen_1" ? 1 : 2,
      outcome: "reverted",
      reason: null,
    });
  }
  Object.assign(told.history.row, { state: "cancelled", reverted: 2, ended_at: 12 });
  after.slack.push(message("rollback started"), message("rollback completed"));
  return told;
}

/** Another one was asked for after that, and killed before its first step. */
export function neverBegun(): Told {
  const told = rolledBack();
  const { sight } = told;
  sight.before = structuredClone({ ...sight.after, rolloutId: ROLLOUT_ID });
  Object.assign(sight, { patches: [], verbs: [{ ...verb("Rollout", 20), status: 409 }] });
  return told;
}
