import { isObject, type Json, type JsonObject } from "./json.ts";
import { ApiError } from "./status.ts";

/** Lists whose items are merged by a key; every other list is replaced as a whole. */
const MERGE_KEYS: Record<string, string> = {
  conditions: "type",
  containers: "name",
  env: "name",
  ephemeralContainers: "name",
  hostAliases: "ip",
  imagePullSecrets: "name",
  initContainers: "name",
  ownerReferences: "uid",
  ports: "containerPort",
  topologySpreadConstraints: "topologyKey",
  volumeDevices: "devicePath",
  volumeMounts: "mountPath",
  volumes: "name",
};

const ORDER = "$setElementOrder/";
const REMOVE = "$deleteFromPrimitiveList/";

/**
 * A strategic merge patch for workloads. Null deletes a field; `$patch: delete | replace`, `$setElementOrder/…`,
 * `$deleteFromPrimitiveList/…` and `$retainKeys` are honoured.
 */
export function strategicMerge(target: JsonObject, patch: JsonObject): JsonObject {
  const { $patch: directive, $retainKeys: retained, ...fields } = patch;
  if (directive === "replace") return fields;
  if (directive === "delete") return {};
  const result: JsonObject = Array.isArray(retained)
    ? Object.fromEntries(Object.entries(target).filter(([name]) => retained.includes(name)))
    : { ...target };
  for (const [name, value] of Object.entries(fields)) {
    if (name.startsWith(REMOVE)) {
      const list = result[name.slice(REMOVE.length)];
      const gone = Array.isArray(value) ? value : [];
      if (Array.isArray(list))
        result[name.slice(REMOVE.length)] = list.filter((item) => !gone.includes(item));
    } else if (name.startsWith(ORDER)) {
      const listName = name.slice(ORDER.length);
      if (!(listName in fields)) result[listName] = mergeList(listName, result[listName], [], value);
    } else if (value === null) {
      delete result[name];
    } else if (isObject(value)) {
      const present = result[name];
      result[name] = strategicMerge(isObject(present) ? present : {}, value);
    } else if (Array.isArray(value)) {
      result[name] = mergeList(name, result[name], value, fields[ORDER + name]);
    } else {
      result[name] = value;
    }
  }
  return result;
}

function mergeList(name: string, present: Json | undefined, patch: Json[], order: Json | undefined): Json {
  const key = MERGE_KEYS[name];
  if (name === "finalizers" && Array.isArray(present)) return [...new Set([...present, ...patch])];
  if (key === undefined) return patch;
  const items = patch.map((item) => keyed(item, key));
  const changes = items.filter((item) => item.$patch === undefined);
  if (items.some((item) => item.$patch === "replace")) return changes;
  const removed = items.filter((item) => item.$patch === "delete").map((item) => item[key]);
  const old = (Array.isArray(present) ? present.filter(isObject) : []).filter(
    (item) => !removed.includes(item[key] ?? null),
  );
  const merged = new Map(old.map((item) => [item[key], item]));
  for (const change of changes) {
    merged.set(change[key], strategicMerge(merged.get(change[key]) ?? {}, change));
  }
  const wanted = Array.isArray(order)
    ? order.map((item) => keyed(item, key)[key])
    : changes.map((c) => c[key]);
  return inOrder(
    [...merged.keys()],
    wanted,
    old.map((item) => item[key]),
  ).flatMap((k) => merged.get(k) ?? []);
}

/** The patch's items in the patch's order; the others stay where they were relative to those they know. */
function inOrder<K>(keys: K[], wanted: K[], former: K[]): K[] {
  const listed = wanted.filter((key, at) => keys.includes(key) && wanted.indexOf(key) === at);
  const others = keys.filter((key) => !listed.includes(key));
  const result: K[] = [];
  for (const key of listed) {
    const at = former.indexOf(key);
    while (at >= 0 && others[0] !== undefined && former.indexOf(others[0]) < at) {
      result.push(...others.splice(0, 1));
    }
    result.push(key);
  }
  return [...result, ...others];
}

function keyed(item: Json, key: string): JsonObject {
  if (isObject(item) && (item[key] ?? undefined) !== undefined) return item;
  if (isObject(item) && item.$patch === "replace") return item;
  throw new ApiError(
    500,
    undefined,
    `map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`,
  );
}
