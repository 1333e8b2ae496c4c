import type { Container, PodSpec, PodTemplate } from "./objects.ts";

interface Resources {
  limits?: Record<string, string>;
  requests?: Record<string, string>;
}

/** The spec of a pod of this template, with what admission adds to it. */
export function podSpec(template: PodTemplate): PodSpec {
  const evictAfter = (key: string) => ({
    effect: "NoExecute",
    key: `node.kubernetes.io/${key}`,
    operator: "Exists",
    tolerationSeconds: 300,
  });
  return {
    ...template.spec,
    containers: template.spec.containers.map(withRequests),
    enableServiceLinks: true,
    preemptionPolicy: "PreemptLowerPriority",
    priority: 0,
    tolerations: [
      ...(Array.isArray(template.spec.tolerations) ? template.spec.tolerations : []),
      evictAfter("not-ready"),
      evictAfter("unreachable"),
    ],
  };
}

export function qosClass(template: PodTemplate): string {
  const all = template.spec.containers.map(withRequests).map(resources);
  if (all.every(({ limits, requests }) => limits === undefined && requests === undefined))
    return "BestEffort";
  const guaranteed = all.every(({ limits, requests }) =>
    ["cpu", "memory"].every((name) => limits?.[name] !== undefined && limits[name] === requests?.[name]),
  );
  return guaranteed ? "Guaranteed" : "Burstable";
}

/** A limit without a request is also the request. */
function withRequests(container: Container): Container {
  const { limits, requests } = resources(container);
  if (limits === undefined) return container;
  return { ...container, resources: { limits, requests: { ...limits, ...requests } } };
}

function resources(container: Container): Resources {
  return (container.resources ?? {}) as Resources;
}
