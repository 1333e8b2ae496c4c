import { applyPatch, type Operation, Pointer } from "rfc6902";
import { isObject, type Json, type JsonObject } from "./json.ts";
import { ApiError, badRequest, unprocessablePatch } from "./status.ts";
import { strategicMerge } from "./strategic-merge.ts";

/**
 * Applies a patch of the given content type to a copy of `target`.
 * @throws ApiError 400 for what cannot be read, 415 for another content type, 422 for a JSON Patch that cannot be applied
 */
export function patched(target: JsonObject, contentType: string, body: string): JsonObject {
  switch (contentType) {
    case "application/json-patch+json":
      return jsonPatched(target, body);
    case "application/merge-patch+json":
      return merge(target, objectFrom(body));
    case "application/strategic-merge-patch+json":
      return strategicMerge(target, objectFrom(body));
    default:
      throw new ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", { details: {} });
  }
}

/** JSON Patch, RFC 6902: all operations or none. */
function jsonPatched(target: JsonObject, body: string): JsonObject {
  const decoded: unknown = decode(body);
  if (!Array.isArray(decoded)) throw badRequest("error decoding patch: a JSON Patch is an array");
  const operations: unknown[] = decoded;
  if (!operations.every(isOperation)) throw unprocessablePatch();
  const copy = structuredClone(target);
  for (const operation of operations) {
    if (isAbsent(copy, operation)) continue;
    if (applyPatch(copy, [operation]).some((error) => error !== null)) throw unprocessablePatch();
  }
  return copy;
}

/** A test for null is passed by what is not there: so it is with the library that the API server uses. */
function isAbsent(target: JsonObject, operation: Operation): boolean {
  if (operation.op !== "test" || operation.value !== null) return false;
  const { parent, value } = Pointer.fromJSON(operation.path).evaluate(target);
  return isObject(parent) && value === undefined;
}

function isOperation(value: unknown): value is Operation {
  return typeof value === "object" && value !== null && "op" in value && "path" in value;
}

/** JSON Merge Patch, RFC 7386. */
function merge(target: JsonObject, patch: JsonObject): JsonObject {
  const result: JsonObject = { ...target };
  for (const [name, value] of Object.entries(patch)) {
    const present = result[name];
    if (value === null) delete result[name];
    else if (isObject(value)) result[name] = merge(isObject(present) ? present : {}, value);
    else result[name] = value;
  }
  return result;
}

function objectFrom(body: string): JsonObject {
  const value = decode(body);
  if (!isObject(value)) throw badRequest("error decoding patch: a merge patch is an object");
  return value;
}

function decode(body: string): Json {
  try {
    return JSON.parse(body) as Json;
  } catch (error) {
    throw badRequest(`error decoding patch: ${error instanceof Error ? error.message : String(error)}`);
  }
}
