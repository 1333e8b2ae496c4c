import type { V1Deployment } from "@kubernetes/client-node";

export interface DeploymentChange {
  image: string;
  /** Limit; the request becomes half of it. Absent: resources stay as they are. */
  cpuMillicores?: number;
  /** Limit and request. Absent: resources stay as they are. */
  memoryMib?: number;
  replicas?: number;
  /** Text of the annotation kubernetes.io/change-cause, which `kubectl rollout history` shows. */
  changeCause: string;
}

export interface PatchOperation {
  op: "test" | "add" | "replace";
  path: string;
  value: unknown;
}

const CHANGE_CAUSE = "/metadata/annotations/kubernetes.io~1change-cause";

/**
 * The change as a JSON Patch that needs no reading first: it guesses the container's place and that all parents
 * exist. A wrong guess fails as a whole (422), for the name is tested. Strategic merge would add a container of an
 * unknown name, and server-side apply would create a missing Deployment.
 */
export function guessedPatch(change: DeploymentChange, container: string, index: number): PatchOperation[] {
  const at = `/spec/template/spec/containers/${index}`;
  return [
    { op: "test", path: `${at}/name`, value: container },
    { op: "replace", path: `${at}/image`, value: change.image },
    ...resources(change).map(
      ([list, resource, value]) =>
        ({ op: "add", path: `${at}/resources/${list}/${resource}`, value }) satisfies PatchOperation,
    ),
    ...(change.replicas === undefined
      ? []
      : [{ op: "add", path: "/spec/replicas", value: change.replicas } satisfies PatchOperation]),
    { op: "add", path: CHANGE_CAUSE, value: change.changeCause },
  ];
}

/** The same change made to fit a Deployment that was just read: missing parents are created first. */
export function fittedPatch(
  change: DeploymentChange,
  container: string,
  index: number,
  read: V1Deployment,
): PatchOperation[] {
  const parents = missingParents(change, index, read);
  const patch = guessedPatch(change, container, index);
  if (parents.length === 0) return patch;
  // Creating a parent would wipe out what somebody else put there meanwhile: only on exactly what was read.
  return [
    { op: "test", path: "/metadata/uid", value: read.metadata?.uid },
    { op: "test", path: "/metadata/resourceVersion", value: read.metadata?.resourceVersion },
    ...parents.map((path) => ({ op: "add", path, value: {} }) satisfies PatchOperation),
    ...patch,
  ];
}

function missingParents(change: DeploymentChange, index: number, read: V1Deployment): string[] {
  const present = read.spec?.template?.spec?.containers?.[index]?.resources;
  const at = `/spec/template/spec/containers/${index}/resources`;
  const changesResources = resources(change).length > 0;
  return [
    ...(read.metadata?.annotations === undefined ? ["/metadata/annotations"] : []),
    ...(changesResources && present === undefined ? [at] : []),
    ...(changesResources && present?.limits === undefined ? [`${at}/limits`] : []),
    ...(changesResources && present?.requests === undefined ? [`${at}/requests`] : []),
  ];
}

function resources(change: DeploymentChange): ["limits" | "requests", "cpu" | "memory", string][] {
  const { cpuMillicores: cpu, memoryMib: memory } = change;
  return [
    ...(cpu === undefined
      ? []
      : ([
          ["limits", "cpu", `${cpu}m`],
          ["requests", "cpu", `${Math.ceil(cpu / 2)}m`],
        ] as const)),
    ...(memory === undefined
      ? []
      : ([
          ["limits", "memory", `${memory}Mi`],
          ["requests", "memory", `${memory}Mi`],
        ] as const)),
  ].map(([list, resource, value]) => [list, resource, value]);
}
