import type { V1Deployment } from "@kubernetes/client-node";
import { COMPONENT_LABEL, ID_LABEL } from "../../src/local-stack/cluster.ts";
import type { FleetSentinel } from "../../src/local-stack/fleet-plan.ts";

/** The Deployment of a sentinel as it is before the first rollout. */
export function deploymentOf(sentinel: FleetSentinel, image: string): V1Deployment {
  const labels = {
    "app.kubernetes.io/name": sentinel.k8sName,
    [COMPONENT_LABEL]: "sentinel",
    [ID_LABEL]: sentinel.id,
  };
  const resources = { cpu: `${sentinel.cpuMillicores}m`, memory: `${sentinel.memoryMib}Mi` };
  return {
    metadata: { name: sentinel.k8sName, labels, annotations: { "kubernetes.io/change-cause": "seeded" } },
    spec: {
      replicas: sentinel.replicas,
      selector: { matchLabels: { [ID_LABEL]: sentinel.id } },
      template: {
        metadata: { labels },
        spec: {
          containers: [
            {
              name: "sentinel",
              image,
              ports: [{ name: "http", containerPort: 8040 }],
              readinessProbe: { httpGet: { path: "/_unkey/internal/health", port: 8040 } },
              resources: { requests: resources, limits: resources },
            },
          ],
        },
      },
    },
  };
}
