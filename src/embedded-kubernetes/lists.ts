import type { Entry } from "./entry.ts";
import type { KubeObject } from "./objects.ts";
import { apiVersion } from "./resources.ts";
import type { Selection } from "./selectors.ts";
import { ApiError, badRequest, expired } from "./status.ts";
import type { AnyCollection, Store } from "./store.ts";

interface ListResult {
  entries: Entry<KubeObject>[];
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
}

/**
 * One page of a list. All pages show the state at the time of the first, which is `asOf`.
 * @throws ApiError 400 for what cannot be read, 410 for a token from an expired version, 504 for a version of the future
 */
export function listPage(
  store: Store,
  collection: AnyCollection,
  selection: Selection,
  query: URLSearchParams,
  asOf = store.version,
): ListResult {
  const limit = wholeNumber(query.get("limit") ?? "0");
  const token = query.get("continue") ?? "";
  if (token === "") mustNotBeAhead(store, query.get("resourceVersion") ?? "");
  const { version, after } = token === "" ? { version: asOf } : readToken(token);
  if (version !== undefined && version < collection.log.floor) {
    const message =
      "The provided continue parameter is too old: list again, or go on inconsistently with this token.";
    throw expired(message, writeToken(undefined, after ?? ""));
  }
  const at = version ?? store.version;
  const page = collection.list(selection, at, {
    ...(after === undefined ? {} : { after }),
    ...(limit === 0 ? {} : { limit }),
  });
  return {
    entries: page.entries,
    metadata: {
      resourceVersion: String(at),
      ...(page.next === undefined ? {} : { continue: writeToken(at, page.next) }),
      ...(page.remaining === undefined ? {} : { remainingItemCount: page.remaining }),
    },
  };
}

export function listBody(collection: AnyCollection, { entries, metadata }: ListResult): Buffer {
  const { resource } = collection;
  const head = `{"kind":"${resource.kind}List","apiVersion":"${apiVersion(resource)}","metadata":${JSON.stringify(metadata)},"items":[`;
  const comma = Buffer.from(",");
  const items = entries.flatMap((entry, at) => (at === 0 ? [entry.json()] : [comma, entry.json()]));
  return Buffer.concat([Buffer.from(head), ...items, Buffer.from("]}")]);
}

/** @throws ApiError 400 */
function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw badRequest(`parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

function mustNotBeAhead(store: Store, resourceVersion: string): void {
  if (resourceVersion === "" || wholeNumber(resourceVersion) <= store.version) return;
  const message = `Timeout: Too large resource version: ${resourceVersion}, current: ${store.version}`;
  throw new ApiError(504, "Timeout", message, {
    details: {
      causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
      retryAfterSeconds: 1,
    },
  });
}

function writeToken(version: number | undefined, after: string): string {
  return Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv: version ?? -1, start: after })).toString(
    "base64url",
  );
}

function readToken(token: string): { version: number | undefined; after: string } {
  try {
    const { rv, start } = JSON.parse(Buffer.from(token, "base64url").toString()) as Record<string, unknown>;
    if (typeof rv === "number" && typeof start === "string") {
      return { version: rv < 0 ? undefined : rv, after: start };
    }
  } catch {
    // Said below, like every other token that is none.
  }
  throw badRequest("invalid continue token: continue key is not valid");
}
