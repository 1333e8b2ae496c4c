import type { KubeObject } from "./objects.ts";
import { ApiError, type Details } from "./status.ts";

/** One kind of object that the embedded API serves. */
export interface Resource {
  /** Empty for the core group. */
  group: "" | "apps";
  kind: string;
  plural: string;
  singular: string;
  shortNames: string[];
  namespaced: boolean;
  verbs: Verb[];
  /** Field selectors beyond `metadata.name` and `metadata.namespace`. */
  fields: string[];
  hasScale?: boolean;
  /** Part of `kubectl get all`. */
  inAll?: boolean;
}

export type Verb = "create" | "delete" | "get" | "list" | "patch" | "watch";

export const NAMESPACES: Resource = {
  group: "",
  kind: "Namespace",
  plural: "namespaces",
  singular: "namespace",
  shortNames: ["ns"],
  namespaced: false,
  verbs: ["create", "delete", "get", "list", "watch"],
  fields: ["status.phase"],
};

export const PODS: Resource = {
  group: "",
  kind: "Pod",
  plural: "pods",
  singular: "pod",
  shortNames: ["po"],
  namespaced: true,
  verbs: ["delete", "get", "list", "watch"],
  fields: ["spec.nodeName", "status.phase"],
  inAll: true,
};

export const EVENTS: Resource = {
  group: "",
  kind: "Event",
  plural: "events",
  singular: "event",
  shortNames: ["ev"],
  namespaced: true,
  verbs: ["get", "list", "watch"],
  fields: [
    "involvedObject.kind",
    "involvedObject.name",
    "involvedObject.namespace",
    "involvedObject.uid",
    "reason",
    "type",
  ],
};

export const DEPLOYMENTS: Resource = {
  group: "apps",
  kind: "Deployment",
  plural: "deployments",
  singular: "deployment",
  shortNames: ["deploy"],
  namespaced: true,
  verbs: ["create", "delete", "get", "list", "patch", "watch"],
  fields: [],
  hasScale: true,
  inAll: true,
};

export const REPLICA_SETS: Resource = {
  group: "apps",
  kind: "ReplicaSet",
  plural: "replicasets",
  singular: "replicaset",
  shortNames: ["rs"],
  namespaced: true,
  verbs: ["delete", "get", "list", "watch"],
  fields: [],
  inAll: true,
};

export const RESOURCES: Resource[] = [NAMESPACES, PODS, EVENTS, DEPLOYMENTS, REPLICA_SETS];

export function apiVersion(resource: Resource): string {
  return resource.group === "" ? "v1" : `${resource.group}/v1`;
}

/** The object as it is answered alone. */
export function kinded(resource: Resource, object: KubeObject): object {
  return { kind: resource.kind, apiVersion: apiVersion(resource), ...object };
}

/** `deployments.apps`, as in messages. */
function qualified(resource: Resource): string {
  return resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`;
}

function details(resource: Resource, name: string): Details {
  return {
    name,
    ...(resource.group === "" ? {} : { group: resource.group }),
    kind: resource.plural,
  };
}

export function notFound(resource: Resource, name: string): ApiError {
  return new ApiError(404, "NotFound", `${qualified(resource)} "${name}" not found`, {
    details: details(resource, name),
  });
}

export function alreadyExists(resource: Resource, name: string): ApiError {
  return new ApiError(409, "AlreadyExists", `${qualified(resource)} "${name}" already exists`, {
    details: details(resource, name),
  });
}

export function conflict(resource: Resource, name: string, why: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`;
  return new ApiError(409, "Conflict", message, { details: details(resource, name) });
}
