import {
  AdmissionregistrationV1Api,
  KubeConfig,
  type V1Deployment,
  type V1MatchResources,
} from "@kubernetes/client-node";
import type { Policies } from "../../src/embedded-kubernetes/index.ts";
import type { ClusterConnection } from "../../src/kubernetes/connection.ts";
import { until } from "./until.ts";

/** Admission policies for the Deployments of one namespace. */
export interface Admission {
  /** What an image begins with is replaced from now on. */
  rewrite(prefix: string, by: string): Promise<void>;
  /** No image with that ending is taken any more. */
  deny(ending: string, message: string): Promise<void>;
  /** What a denial by such a policy begins with. */
  readonly denial: string;
  lift(): Promise<void>;
}

export function embeddedAdmission(policies: Policies, namespace: string): Admission {
  return {
    rewrite: async (prefix, by) =>
      policies.rewriteImages(namespace, (image) =>
        image.startsWith(prefix) ? by + image.slice(prefix.length) : image,
      ),
    deny: async (ending, message) =>
      policies.denyImages(namespace, namespace, (image) => image.endsWith(ending), message),
    denial: denial(namespace),
    lift: async () => policies.lift(namespace),
  };
}

/** Of a real cluster: policies named after the namespace, each in force when it resolves. */
export function realAdmission(
  kubeconfigFile: string,
  { apps }: ClusterConnection,
  namespace: string,
): Admission {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfigFile);
  const api = config.makeApiClient(AdmissionregistrationV1Api);
  const name = namespace;
  const matchConstraints = {
    resourceRules: [
      {
        apiGroups: ["apps"],
        apiVersions: ["v1"],
        operations: ["CREATE", "UPDATE"],
        resources: ["deployments"],
      },
    ],
  };
  const matchResources: V1MatchResources = {
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
  };
  const image = "object.spec.template.spec.containers[0].image";
  const tried = (of: string) =>
    apps.createNamespacedDeployment({ namespace, body: probe(of), dryRun: "All" });
  const undo: (() => Promise<unknown>)[] = [];

  return {
    denial: denial(name),
    async rewrite(prefix, by) {
      const [from, to] = [JSON.stringify(prefix), JSON.stringify(by)];
      const value = `${image}.startsWith(${from}) ? ${to} + ${image}.substring(${prefix.length}) : ${image}`;
      const expression = `[JSONPatch{op: "replace", path: "/spec/template/spec/containers/0/image", value: ${value}}]`;
      await api.createMutatingAdmissionPolicy({
        body: {
          metadata: { name },
          spec: {
            failurePolicy: "Fail",
            reinvocationPolicy: "Never",
            matchConstraints,
            mutations: [{ patchType: "JSONPatch", jsonPatch: { expression } }],
          },
        },
      });
      undo.push(() => api.deleteMutatingAdmissionPolicy({ name }));
      await api.createMutatingAdmissionPolicyBinding({
        body: { metadata: { name }, spec: { policyName: name, matchResources } },
      });
      undo.push(() => api.deleteMutatingAdmissionPolicyBinding({ name }));
      await until("the images to be rewritten", async () => {
        const { spec } = await tried(`${prefix}probe:v1`);
        return spec?.template.spec?.containers[0]?.image === `${by}probe:v1`;
      });
    },
    async deny(ending, message) {
      const expression = `!${image}.endsWith(${JSON.stringify(ending)})`;
      await api.createValidatingAdmissionPolicy({
        body: {
          metadata: { name },
          spec: { failurePolicy: "Fail", matchConstraints, validations: [{ expression, message }] },
        },
      });
      undo.push(() => api.deleteValidatingAdmissionPolicy({ name }));
      await api.createValidatingAdmissionPolicyBinding({
        body: {
          metadata: { name },
          spec: { policyName: name, validationActions: ["Deny"], matchResources },
        },
      });
      undo.push(() => api.deleteValidatingAdmissionPolicyBinding({ name }));
      await until("the images to be denied", () =>
        tried(`probe${ending}`).then(
          () => false,
          () => true,
        ),
      );
    },
    async lift() {
      for (const step of undo.splice(0).reverse()) await step();
    },
  };
}

function denial(policy: string): string {
  return `ValidatingAdmissionPolicy '${policy}' with binding '${policy}' denied request: `;
}

function probe(image: string): V1Deployment {
  const labels = { app: "probe" };
  return {
    metadata: { name: "probe" },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "probe", image }] } },
    },
  };
}
