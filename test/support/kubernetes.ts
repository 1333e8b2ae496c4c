import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PatchStrategy, setHeaderOptions, type V1Deployment } from "@kubernetes/client-node";
import { parse, stringify } from "yaml";
import { type EmbeddedKubernetes, startEmbeddedKubernetes } from "../../src/embedded-kubernetes/index.ts";
import { type ClusterConnection, connect } from "../../src/kubernetes/connection.ts";
import { type Admission, embeddedAdmission, realAdmission } from "./admission.ts";

export interface TestKubernetes {
  kubeconfigFile: string;
  namespace: string;
  /** A directory for more kubeconfigs. */
  directory: string;
  /** To do by hand what others do to a cluster. */
  admin: ClusterConnection;
  deploy(id: string, change?: (deployment: V1Deployment) => void): Promise<void>;
  /** Changes a sentinel's Deployment as somebody else might. */
  patch(id: string, operations: { op: string; path: string; value?: unknown }[]): Promise<void>;
  remove(id: string): Promise<void>;
  /** What is admitted into the namespace; no policies at first. */
  admission: Admission;
  /** Of a user without any role. */
  strangersKubeconfig(): Promise<string>;
  stop(): Promise<void>;
}

/** The embedded API, or the real one of TEST_KUBECONFIG: the tests say the same of both. Each gets its own namespace. */
export async function startKubernetes(): Promise<TestKubernetes> {
  const directory = await mkdtemp(join(tmpdir(), "kubernetes-test-"));
  const undo = [() => rm(directory, { recursive: true, force: true })];
  const stop = async () => {
    const failures: unknown[] = [];
    for (const step of undo.splice(0).reverse()) await step().catch((error) => failures.push(error));
    if (failures.length > 0) throw new AggregateError(failures, "the test cluster is not all cleaned up");
  };
  try {
    const namespace = `sentinel-${randomBytes(4).toString("hex")}`;
    const kubeconfigFile = process.env.TEST_KUBECONFIG ?? join(directory, "kubeconfig");
    let embedded: EmbeddedKubernetes | undefined;
    if (process.env.TEST_KUBECONFIG === undefined) {
      embedded = await startEmbeddedKubernetes();
      const { close } = embedded;
      undo.push(close);
      await writeFile(kubeconfigFile, embedded.kubeconfig(namespace));
    }
    const admin = connect(undefined, kubeconfigFile);
    undo.push(() => admin.close());
    await admin.core.createNamespace({ body: { metadata: { name: namespace } } });
    undo.push(async () => {
      await admin.core.deleteNamespace({ name: namespace });
    });
    const admission =
      embedded === undefined
        ? realAdmission(kubeconfigFile, admin, namespace)
        : embeddedAdmission(embedded.policies, namespace);
    undo.push(admission.lift);
    return {
      kubeconfigFile,
      namespace,
      directory,
      admin,
      admission,
      strangersKubeconfig: () => strangers(kubeconfigFile, directory),
      stop,
      ...gestures(admin, namespace),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Whoever may do everything may also act for somebody who may do nothing. */
async function strangers(kubeconfigFile: string, directory: string): Promise<string> {
  const config: Record<string, unknown> = parse(await readFile(kubeconfigFile, "utf8"));
  const users = config.users as { user: object }[];
  const file = join(directory, "stranger");
  const acting = users.map(({ user, ...rest }) => ({ ...rest, user: { ...user, as: "stranger" } }));
  await writeFile(file, stringify({ ...config, users: acting }));
  return file;
}

function gestures(
  { apps }: ClusterConnection,
  namespace: string,
): Pick<TestKubernetes, "deploy" | "patch" | "remove"> {
  return {
    deploy: async (id, change) => {
      const body = sentinelDeployment(id);
      change?.(body);
      await apps.createNamespacedDeployment({ namespace, body });
    },
    patch: async (id, body) => {
      await apps.patchNamespacedDeployment(
        { name: `k8s-${id}`, namespace, body },
        setHeaderOptions("Content-Type", PatchStrategy.JsonPatch),
      );
    },
    remove: async (id) => {
      await apps.deleteNamespacedDeployment({ name: `k8s-${id}`, namespace });
    },
  };
}

/** Its pods are broken for the image `x:bad`. */
export function sentinelDeployment(id: string): V1Deployment & { metadata: object; spec: object } {
  const labels = { app: id };
  return {
    metadata: {
      name: `k8s-${id}`,
      labels: { "app.kubernetes.io/component": "sentinel", "unkey.com/sentinel.id": id },
    },
    spec: {
      replicas: 1,
      progressDeadlineSeconds: 600,
      selector: { matchLabels: labels },
      template: {
        metadata: {
          labels,
          annotations: {
            "sentinel-rollout.dev/fault": "ImagePullBackOff",
            "sentinel-rollout.dev/fault-image": "x:bad",
          },
        },
        spec: { containers: [{ name: "sentinel", image: "x:v1" }] },
      },
    },
  };
}
