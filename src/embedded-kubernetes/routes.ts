import { apiVersion, RESOURCES, type Resource } from "./resources.ts";

/** What a path names: a collection, or an object in it, or the scale of that object. */
export interface Route {
  resource: Resource;
  /** Absent: all namespaces, or a resource without. */
  namespace?: string;
  name?: string;
  subresource?: "scale";
}

/** Undefined for a path that names nothing this API serves. */
export function parseRoute(path: string): Route | undefined {
  const match = /^\/(?:api|apis\/[^/]+)\/[^/]+/.exec(path);
  if (match === null) return undefined;
  const version = match[0].replace(/^\/apis?\//, "");
  let parts: string[];
  try {
    parts = path.slice(match[0].length).split("/").slice(1).map(decodeURIComponent);
  } catch {
    return undefined;
  }
  if (parts.includes("")) return undefined;
  const isNamespaced = parts[0] === "namespaces" && parts.length > 2;
  const [namespace, rest] = isNamespaced ? [parts[1], parts.slice(2)] : [undefined, parts];
  const [plural, name, subresource, ...more] = rest;
  const resource = RESOURCES.find((known) => known.plural === plural && apiVersion(known) === version);
  if (resource === undefined || more.length > 0) return undefined;
  if (resource.namespaced ? name !== undefined && namespace === undefined : namespace !== undefined) {
    return undefined;
  }
  if (subresource !== undefined && !(subresource === "scale" && resource.hasScale === true)) return undefined;
  return {
    resource,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource: "scale" }),
  };
}
