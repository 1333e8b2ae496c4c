import type { V1Deployment } from "@kubernetes/client-node";
import mysql, { type Pool, type RowDataPacket } from "mysql2/promise";
import { listSentinelDeployments } from "../../src/local-stack/cluster.ts";
import { type Answer, call, endInvocation, query, send } from "../../src/local-stack/restate-api.ts";
import type { Stack } from "../../src/local-stack/stack.ts";
import type { DeployResponse } from "../../src/restate/deploy-schemas.ts";
import type { RolloutResponse, StatusResponse } from "../../src/restate/rollout-schemas.ts";
import { type FleetState, readFleetState } from "./rollout-state.ts";
import { until } from "./until.ts";

export const OLD = "ghcr.io/unkeyed/sentinel:v1.2.2";
export const NEW = "ghcr.io/unkeyed/sentinel:v1.2.3";
export const ROLLOUT = "hydra.v1.SentinelRolloutService/singleton";

/** Restate's error body. */
export interface Refusal {
  code: number;
  message: string;
}

export interface Row {
  id: string;
  image: string;
  running_image: string;
  deploy_status: "idle" | "progressing" | "ready" | "failed";
  deploy_error: string | null;
  health: string;
  desired_replicas: number;
  available_replicas: number;
}

/** A stack with the eyes of an operator: the ingress, the State tab, the table, the cluster and Slack. */
export class World {
  readonly stack: Stack;
  readonly #pool: Pool;

  constructor(stack: Stack) {
    this.stack = stack;
    this.#pool = mysql.createPool(stack.databaseUrl);
  }

  /** Calls an operator's verb and waits for its answer. */
  verb<T = RolloutResponse & Refusal>(name: string, body: unknown = {}): Promise<Answer<T>> {
    return call<T>(this.stack.ingress, `${ROLLOUT}/${name}`, body);
  }

  /** Starts an operator's verb; resolves to the invocation's id. */
  start(name: string, body: unknown = {}): Promise<string> {
    return send(this.stack.ingress, `${ROLLOUT}/${name}`, body);
  }

  /** What an invocation that was started by `start` answered; waits for it. */
  async answer<T = RolloutResponse & Refusal>(
    invocationId: string,
    signal: AbortSignal | null = null,
  ): Promise<Answer<T>> {
    const url = `${this.stack.ingress}/restate/invocation/${invocationId}/attach`;
    const response = await fetch(url, { signal });
    return { status: response.status, body: (await response.json()) as T };
  }

  /** Deploys one sentinel. */
  deploy(id: string, body: unknown = {}): Promise<Answer<DeployResponse & Refusal>> {
    return call(this.stack.ingress, `hydra.v1.SentinelService/${id}/Deploy`, body);
  }

  async status(): Promise<StatusResponse> {
    return (await this.verb<StatusResponse>("Status")).body;
  }

  end(invocationId: string, how: "cancel" | "kill"): Promise<void> {
    return endInvocation(this.stack.admin, invocationId, how);
  }

  state(): Promise<FleetState | undefined> {
    return readFleetState((statement) => this.sql(statement));
  }

  sql<R>(statement: string): Promise<R[]> {
    return query<R>(this.stack.admin, statement);
  }

  /** The journal of an invocation: the names of its steps, and the targets of its calls. */
  async journal(invocationId: string): Promise<{ name: string; target: string | undefined }[]> {
    const entries = await this.sql<{ name: string; entry_lite_json: string }>(
      `SELECT name, entry_lite_json FROM sys_journal WHERE id = '${invocationId}' AND entry_type LIKE 'Command%' ORDER BY index`,
    );
    return entries.map(({ name, entry_lite_json }) => ({
      name,
      target: targetOf(JSON.parse(entry_lite_json)),
    }));
  }

  /** When invocations were created and completed (unix ms), as Restate recorded it. */
  async times(where: string): Promise<{ createdMs: number; completedMs: number }[]> {
    const rows = await this.sql<{ created_at: string; completed_at: string | null }>(
      `SELECT created_at, completed_at FROM sys_invocation WHERE ${where}`,
    );
    return rows.map(({ created_at, completed_at }) => ({
      createdMs: Date.parse(created_at),
      completedMs: completed_at === null ? Number.POSITIVE_INFINITY : Date.parse(completed_at),
    }));
  }

  async rows(): Promise<Row[]> {
    const [rows] = await this.#pool.query<(RowDataPacket & Row)[]>("SELECT * FROM sentinels ORDER BY id");
    return rows;
  }

  async row(id: string): Promise<Row> {
    const row = (await this.rows()).find((each) => each.id === id);
    if (row === undefined) throw new Error(`there is no row ${id}`);
    return row;
  }

  /** Rows of MySQL. */
  async select(statement: string): Promise<RowDataPacket[]> {
    return (await this.#pool.query<RowDataPacket[]>(statement))[0];
  }

  async change(statement: string): Promise<void> {
    await this.#pool.query(statement);
  }

  /** The Deployments by sentinel id. */
  async deployments(): Promise<Map<string, V1Deployment>> {
    const { fleet, clusterOf, namespace } = this.stack;
    const clusters = new Set(fleet.map((sentinel) => clusterOf(sentinel.regionId)));
    const lists = await Promise.all(
      [...clusters].map((cluster) => listSentinelDeployments(cluster, namespace)),
    );
    return new Map(lists.flat().map((d) => [d.metadata?.labels?.["unkey.com/sentinel.id"] ?? "", d]));
  }

  /** Image of each sentinel's Deployment. */
  async images(): Promise<Map<string, string>> {
    const images = [...(await this.deployments())].map(([id, d]) => [id, imageOf(d)] as const);
    return new Map(images);
  }

  /** The ids of the sentinels whose Deployment has an image. */
  async on(image: string): Promise<string[]> {
    return [...(await this.images())]
      .filter(([, each]) => each === image)
      .map(([id]) => id)
      .sort();
  }

  /** Annotates a sentinel's Deployment, as `kubectl annotate` would; takes effect with its next rolling update. */
  async annotate(id: string, annotations: Record<string, string>): Promise<void> {
    const { apps, k8sName, namespace } = this.#deploymentOf(id);
    const body = await apps.readNamespacedDeployment({ name: k8sName, namespace });
    const patch = [
      { op: "add", path: "/metadata/annotations", value: { ...body.metadata?.annotations, ...annotations } },
    ];
    await apps.patchNamespacedDeployment({ name: k8sName, namespace, body: patch });
  }

  /** The invocations of a handler that have not ended, oldest first. */
  async running(target: string): Promise<string[]> {
    const rows = await this.sql<{ id: string }>(
      `SELECT id FROM sys_invocation WHERE target = '${target}' AND status <> 'completed' ORDER BY created_at`,
    );
    return rows.map(({ id }) => id);
  }

  /** Lets a sentinel's Deployment start a rolling update of its own, as `kubectl rollout restart` does. */
  async patchTemplate(id: string): Promise<void> {
    const { apps, k8sName, namespace } = this.#deploymentOf(id);
    const stamp = { "kubectl.kubernetes.io/restartedAt": new Date().toISOString() };
    const patch = [{ op: "add", path: "/spec/template/metadata/annotations", value: stamp }];
    await apps.patchNamespacedDeployment({ name: k8sName, namespace, body: patch });
  }

  /** As `kubectl delete deployment` does. */
  async remove(id: string): Promise<void> {
    const { apps, k8sName, namespace } = this.#deploymentOf(id);
    await apps.deleteNamespacedDeployment({ name: k8sName, namespace });
  }

  /** As `kubectl set image` does. */
  async setImage(id: string, image: string): Promise<void> {
    const { apps, k8sName, namespace } = this.#deploymentOf(id);
    const patch = [{ op: "replace", path: "/spec/template/spec/containers/0/image", value: image }];
    await apps.patchNamespacedDeployment({ name: k8sName, namespace, body: patch });
  }

  /** Changes a sentinel's Deployment as somebody else might. */
  async patch(id: string, operations: { op: string; path: string; value?: unknown }[]): Promise<void> {
    const { apps, k8sName, namespace } = this.#deploymentOf(id);
    await apps.patchNamespacedDeployment({ name: k8sName, namespace, body: operations });
  }

  /** Deletes a sentinel's Deployment and creates it again as it was, with the given changes. */
  async recreate(id: string, change: (deployment: V1Deployment) => void): Promise<void> {
    const { apps, k8sName, namespace } = this.#deploymentOf(id);
    const { metadata, spec } = await apps.readNamespacedDeployment({ name: k8sName, namespace });
    const { name = "", labels = {} } = metadata ?? {};
    const body: V1Deployment = { metadata: { name, labels }, ...(spec === undefined ? {} : { spec }) };
    change(body);
    await apps.deleteNamespacedDeployment({ name: k8sName, namespace });
    await until("the Deployment to be gone", async () => !(await this.deployments()).has(id));
    await apps.createNamespacedDeployment({ namespace, body });
  }

  #deploymentOf(id: string) {
    const sentinel = this.stack.fleet.find((each) => each.id === id);
    if (sentinel === undefined) throw new Error(`there is no sentinel ${id}`);
    const { apps } = this.stack.clusterOf(sentinel.regionId);
    return { apps, k8sName: sentinel.k8sName, namespace: this.stack.namespace };
  }

  /** Breaks or slows a sentinel's next rolling update. */
  fault(id: string, fault: string, image?: string): Promise<void> {
    const only = image === undefined ? {} : { "sentinel-rollout.dev/fault-image": image };
    return this.annotate(id, { "sentinel-rollout.dev/fault": fault, ...only });
  }

  /** Headers of the Slack messages, in the order in which they arrived. */
  slack(): string[] {
    return this.stack.slack.messages.map((message) => {
      const [header] = message.blocks as { text: { text: string } }[];
      return header?.text.text ?? "";
    });
  }

  /** Waits until the rollout's state meets the condition. */
  untilState(what: string, condition: (state: FleetState) => boolean): Promise<FleetState> {
    return until(what, async () => {
      const state = await this.state();
      return state !== undefined && condition(state) && state;
    });
  }

  /** Waits until no invocation runs any more: whatever was in flight has settled. The end of a soak that is over may still come. */
  async quiet(): Promise<void> {
    await until("no invocation runs", async () => {
      const [row] = await this.sql<{ n: number }>(
        "SELECT count(*) AS n FROM sys_invocation WHERE status <> 'completed' AND NOT (status = 'scheduled' AND target_handler_name = 'EndSoak') AND target_handler_name <> 'WatchHealth'",
      );
      return row?.n === 0;
    });
  }

  async close(): Promise<void> {
    await this.#pool.end();
    await this.stack.stop();
  }
}

interface JournalCommand {
  Command: {
    Call?: { invocation_target: { VirtualObject?: { name: string; key: string; handler: string } } };
  };
}

function targetOf({ Command }: JournalCommand): string | undefined {
  const target = Command.Call?.invocation_target.VirtualObject;
  return target && `${target.name}/${target.key}/${target.handler}`;
}

export function imageOf(deployment: V1Deployment | undefined): string {
  return deployment?.spec?.template.spec?.containers.find(({ name }) => name === "sentinel")?.image ?? "";
}

export function ids(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `sen_${String(from + i).padStart(4, "0")}`);
}
