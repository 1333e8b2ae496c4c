import type { Body } from "../support/kubernetes-api.ts";

/**
 * What changed in an object since it was last seen, by path and without what differs from run to run: times, uids,
 * versions, addresses, nodes, and the random parts of names. `hashes`: the `pod-template-hash`es in the order in which
 * they came up.
 */
export function normaliser(hashes: string[]): (object: Body) => Record<string, unknown> {
  const last = new Map<string, Map<string, unknown>>();
  return (object) => {
    const { uid } = object.metadata;
    const before = last.get(uid) ?? new Map<string, unknown>();
    const now = flat(general(object, hashes));
    last.set(uid, now);
    const gone = [...before.keys()].filter((path) => !now.has(path)).map((path) => [path, null]);
    const changed = [...now].filter(([path, value]) => before.get(path) !== value);
    return Object.fromEntries([...changed, ...gone].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)));
  };
}

function general(object: Body, hashes: string[]): unknown {
  const { namespace } = object.metadata as { namespace?: string };
  let text = JSON.stringify(object, (key, value: unknown) => {
    if (["managedFields", "resourceVersion", "apiVersion", "kind"].includes(key)) return undefined;
    if (key === "uid") return "<uid>";
    if (key === "nodeName") return "<node>";
    if (key === "podIP" || key === "ip") return "<ip>";
    return value;
  });
  for (const [at, hash] of hashes.entries())
    if (hash !== "") text = text.replaceAll(hash, `<hash ${at + 1}>`);
  return JSON.parse(
    text
      .replaceAll(/(<hash \d+>)-[a-z0-9]{5}\b/g, "$1-<random>")
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, "<time>")
      .replaceAll(namespace ?? "<namespace>", "<namespace>"),
  );
}

/** The leaves by their paths. Elements of a list are called by their `type` or `name` where they have one. */
function flat(value: unknown, path = "", into = new Map<string, unknown>()): Map<string, unknown> {
  const isEmpty = typeof value !== "object" || value === null || Object.keys(value).length === 0;
  if (isEmpty) {
    into.set(path, typeof value === "object" && value !== null ? JSON.stringify(value) : value);
    return into;
  }
  for (const [key, inner] of Object.entries(value)) {
    const called = Array.isArray(value) ? (inner as { type?: string; name?: string }) : undefined;
    const name = called?.type ?? called?.name ?? key;
    flat(inner, path === "" ? name : `${path} ${name}`, into);
  }
  return into;
}
