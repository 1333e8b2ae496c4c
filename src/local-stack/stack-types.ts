import type { EmbeddedKubernetes, EmbeddedKubernetesOptions } from "../embedded-kubernetes/index.ts";
import type { Cluster } from "./cluster.ts";
import type { SentinelFault } from "./faults.ts";
import type { FleetSentinel } from "./fleet-plan.ts";
import type { Mysql } from "./mysql.ts";
import type { RestateOptions, RestateServer } from "./restate-server.ts";
import type { SlackSink } from "./slack-sink.ts";

/** The image of a rollout, unless told otherwise. */
export const NEW_IMAGE = "ghcr.io/unkeyed/sentinel:v1.2.3";

export interface StackOptions {
  /** Size of the fleet. Default: none. */
  sentinels?: number;
  faults?: readonly SentinelFault[];
  /** The image whose rollout the faults break. Default: `NEW_IMAGE`. */
  faultImage?: string;
  /** A real cluster instead of the embedded one: path of a kubeconfig. */
  kubeconfig?: string;
  embedded?: EmbeddedKubernetesOptions;
  restate?: RestateOptions;
  /** Variables of the service; they win over what the stack sets. Checked before anything is started. */
  env?: Record<string, string>;
  /** More of them, once the stack knows its own: a proxy before the ingress, say. */
  adjustEnv?(built: Record<string, string>, stack: StackParts): Promise<Record<string, string>>;
  /** Prefer the ports that everybody expects (8080, 9070, 9080, 9081), for people. */
  standardPorts?: boolean;
  /** Told what happens, one line each. */
  log?(line: string): void;
  /** Gives the start up; what was started is undone. */
  signal?: AbortSignal;
}

/** What runs before the service does. */
export interface StackParts {
  directory: string;
  databaseUrl: string;
  mysql: Mysql;
  restate: RestateServer;
  slack: SlackSink;
  /** Present unless the fleet is on a real cluster; the first one of several. */
  embedded?: EmbeddedKubernetes;
  /** One for each context that `KUBE_CONTEXTS` names. */
  embeddedByContext: ReadonlyMap<string, EmbeddedKubernetes>;
  kubeconfig: string;
  clusterOf(regionId: string): Cluster;
  namespace: string;
  fleet: readonly FleetSentinel[];
}
