import type { Clock } from "./clock.ts";
import type { Collection } from "./collection.ts";
import { deleteOrMark, terminate } from "./deletion.ts";
import { isObject, type Json } from "./json.ts";
import type { KubeObject } from "./objects.ts";
import {
  conflict,
  DEPLOYMENTS,
  EVENTS,
  kinded,
  notFound,
  PODS,
  REPLICA_SETS,
  type Resource,
} from "./resources.ts";
import { badRequest } from "./status.ts";
import type { Store } from "./store.ts";

/**
 * Deletes one object; what it owns follows in the background, or first if the propagation is Foreground. An object
 * that a finalizer holds is only marked. The result is the answer's body.
 * @throws ApiError 400 for another propagation, 404, 409 when the uid is not the expected one
 */
export function deleteObject(
  store: Store,
  clock: Clock,
  resource: Resource,
  key: string,
  name: string,
  options: { policy: string | null; body: string },
): object {
  const { policy, uid: expected } = readOptions(options);
  if (policy !== "Background" && policy !== "Foreground") {
    throw badRequest(`only Background and Foreground propagation are supported, not ${policy}`);
  }
  const object = store.collection(resource).entry(key)?.object;
  if (object === undefined) throw notFound(resource, name);
  const { uid } = object.metadata;
  if (expected !== undefined && expected !== uid) {
    throw conflict(
      resource,
      name,
      `the UID in the precondition (${expected}) does not match the UID in record`,
    );
  }
  const foreground = policy === "Foreground";
  if (resource === DEPLOYMENTS) mark(store.deployments, clock, key, foreground);
  else if (resource === REPLICA_SETS) mark(store.replicaSets, clock, key, foreground);
  else if (resource === PODS) {
    const pod = store.pods.get(key);
    if (pod !== undefined) terminate(store, clock, pod);
  } else {
    emptyNamespace(store, name);
    store.namespaces.delete(key);
  }
  const left = store.collection(resource).entry(key)?.object;
  if (left !== undefined) return kinded(resource, left);
  return success(resource, object);
}

function mark<T extends KubeObject>(
  collection: Collection<T>,
  clock: Clock,
  key: string,
  foreground: boolean,
): void {
  const object = collection.get(key);
  if (object !== undefined) deleteOrMark(collection, clock, object, foreground);
}

function emptyNamespace(store: Store, namespace: string): void {
  for (const resource of [DEPLOYMENTS, REPLICA_SETS, PODS, EVENTS]) {
    const collection = store.collection(resource);
    const inside = collection.list({ namespace, labels: [], fields: [] }, store.version);
    for (const { key } of inside.entries) collection.delete(key);
  }
}

function success(resource: Resource, { metadata: { name, uid } }: KubeObject): object {
  const { group, plural } = resource;
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { name, ...(group === "" ? {} : { group }), kind: plural, uid },
  };
}

function readOptions({ policy, body }: { policy: string | null; body: string }): {
  policy: string;
  uid?: string;
} {
  let options: Json = {};
  try {
    options = body === "" ? {} : (JSON.parse(body) as Json);
  } catch {
    throw badRequest("cannot decode the delete options");
  }
  const given = isObject(options) ? options : {};
  const wanted = policy ?? given.propagationPolicy;
  const uid = isObject(given.preconditions) ? given.preconditions.uid : undefined;
  return {
    policy: typeof wanted === "string" ? wanted : "Background",
    ...(typeof uid === "string" ? { uid } : {}),
  };
}
