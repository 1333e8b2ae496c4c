import type { ApiFaults } from "./api-faults.ts";
import { Clock } from "./clock.ts";
import { DeploymentController } from "./deployment-controller.ts";
import { EventRecorder } from "./events.ts";
import { GarbageCollector } from "./garbage-collector.ts";
import { Kubelet } from "./kubelet.ts";
import type { Policies } from "./policies.ts";
import { ReplicaSets } from "./replica-sets.ts";
import { ReplicaSetController } from "./replicaset-controller.ts";
import { ApiServer } from "./server.ts";
import { Store } from "./store.ts";

export type { ApiFault, ApiFaults, ApiRequest } from "./api-faults.ts";
export { FAULT_ANNOTATION, FAULT_IMAGE_ANNOTATION } from "./pod-faults.ts";
export type { Policies } from "./policies.ts";

/**
 * A Kubernetes API with Deployments, ReplicaSets and Pods in this process, for dry runs and tests on a machine without
 * a cluster. It serves plain HTTP to the Kubernetes client and to kubectl. Its pods are made up; the API and the
 * controllers behave like the real ones as far as a rollout goes, and refuse what they do not know.
 *
 * ```ts
 * const kubernetes = await startEmbeddedKubernetes({ clockRate: 60 });
 * writeFileSync(path, kubernetes.kubeconfig("sentinel"));
 * ```
 */
export interface EmbeddedKubernetes {
  /** `http://127.0.0.1:<port>` */
  url: string;
  /** The text of a kubeconfig whose current context is this API. */
  kubeconfig(namespace?: string): string;
  /** Trouble with the API. Trouble with pods is announced in annotations, see `pod-faults.ts`. */
  faults: ApiFaults;
  /** What is admitted, and as what. */
  policies: Policies;
  /** Requests so far by verb and resource: `patch deployments` → 42; those without its token: `unauthorized`. */
  requests: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

export interface EmbeddedKubernetesOptions {
  /** Default: a free one. */
  port?: number;
  /** How long a healthy pod takes to become ready, in real milliseconds (default 50; 0: at once). */
  podStartMs?: number;
  /** What the kubeconfig calls it, and its context. Default: `embedded`. */
  name?: string;
  /** Bearer token without which nothing is answered but 401. Default: everybody is welcome. */
  token?: string;
  /** Simulated seconds in a real one (default 1): shortens progress deadlines, minReadySeconds and slow pods. */
  clockRate?: number;
}

/** Starts the API on the loopback interface. `close` ends it and everything that it would still do. */
export async function startEmbeddedKubernetes({
  port = 0,
  podStartMs = 50,
  clockRate = 1,
  name,
  token,
}: EmbeddedKubernetesOptions = {}): Promise<EmbeddedKubernetes> {
  const clock = new Clock(clockRate);
  const store = new Store(clock);
  const events = new EventRecorder(store, clock);
  const replicaSets = new ReplicaSets(store, events);
  const controllers = [
    new DeploymentController(store, clock, replicaSets),
    new ReplicaSetController(store, clock, events),
    new Kubelet(store, clock, events, podStartMs, (pod) => replicaSets.faultOf(pod)),
    new GarbageCollector(store, clock),
  ];
  const server = new ApiServer(store, clock, token);
  const url = `http://127.0.0.1:${await server.listen(port)}`;
  return {
    url,
    kubeconfig: (namespace = "default") => kubeconfig(url, namespace, name, token),
    faults: server,
    policies: server.policies,
    requests: server.requests,
    async close() {
      clock.close();
      for (const controller of controllers) controller.close();
      await server.close();
    },
  };
}

/** The Kubernetes client takes plain HTTP only where TLS is explicitly not verified. */
export function kubeconfig(server: string, namespace: string, name = "embedded", token?: string): string {
  const [cluster, user, context] = [{ server, "insecure-skip-tls-verify": true }, { token }, { namespace }];
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster }],
    users: [{ name, user }],
    contexts: [{ name, context: { ...context, cluster: name, user: name } }],
    "current-context": name,
  });
}
