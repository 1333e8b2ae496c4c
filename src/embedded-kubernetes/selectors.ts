import type { KubeObject, LabelSelector } from "./objects.ts";
import type { Resource } from "./resources.ts";
import { badRequest } from "./status.ts";

/** Which objects of a list or watch a client wants; an absent part wants all. */
export interface Selection {
  namespace?: string;
  labels: Requirement[];
  fields: { path: string; value: string; negated: boolean }[];
}

interface Requirement {
  key: string;
  operator: "in" | "notin" | "exists" | "absent";
  values: string[];
}

export function selects(selection: Selection, object: KubeObject): boolean {
  const { metadata } = object;
  if (selection.namespace !== undefined && metadata.namespace !== selection.namespace) return false;
  return (
    selection.labels.every((requirement) => holds(requirement, metadata.labels)) &&
    selection.fields.every(({ path, value, negated }) => (field(object, path) === value) !== negated)
  );
}

function holds({ key, operator, values }: Requirement, labels: Record<string, string> | undefined): boolean {
  const value = labels?.[key];
  switch (operator) {
    case "exists":
      return value !== undefined;
    case "absent":
      return value === undefined;
    case "in":
      return value !== undefined && values.includes(value);
    case "notin":
      return value === undefined || !values.includes(value);
  }
}

/**
 * Parses `a=b,c!=d,e in (f,g),h,!i`.
 * @throws ApiError 400
 */
export function parseLabelSelector(text: string): Requirement[] {
  return splitTopLevel(text).map((part) => {
    const set = /^([^\s!=(),]+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(part);
    if (set !== null) {
      const [, key = "", operator, values = ""] = set;
      return {
        key,
        operator: operator === "in" ? "in" : "notin",
        values: values.split(",").map((value) => value.trim()),
      };
    }
    const equality = /^([^\s!=(),]+)\s*(==|=|!=)\s*([^\s!=(),]*)$/.exec(part);
    if (equality !== null) {
      const [, key = "", operator, value = ""] = equality;
      return { key, operator: operator === "!=" ? "notin" : "in", values: [value] };
    }
    const presence = /^(!?)\s*([^\s!=(),]+)$/.exec(part);
    if (presence === null) throw badRequest(`unable to parse requirement: ${JSON.stringify(part)}`);
    return { key: presence[2] ?? "", operator: presence[1] === "!" ? "absent" : "exists", values: [] };
  });
}

/**
 * Parses `metadata.name=x,status.phase!=y`.
 * @throws ApiError 400
 */
export function parseFieldSelector(text: string, resource: Resource): Selection["fields"] {
  const known = ["metadata.name", ...(resource.namespaced ? ["metadata.namespace"] : []), ...resource.fields];
  return splitTopLevel(text).map((part) => {
    const match = /^([^=!]+?)(!=|==|=)(.*)$/.exec(part);
    if (match === null) {
      throw badRequest(`invalid selector: '${text}'; can't understand '${part}'`);
    }
    const [, path = "", operator, value = ""] = match;
    if (!known.includes(path)) {
      const only = known.map((name) => JSON.stringify(name)).join(", ");
      throw badRequest(`${JSON.stringify(path)} is not a known field selector: only ${only}`);
    }
    return { path, value, negated: operator === "!=" };
  });
}

/** A selector inside an object (`spec.selector`) as requirements. */
export function requirements(selector: LabelSelector): Requirement[] {
  const equal = Object.entries(selector.matchLabels ?? {}).map(
    ([key, value]): Requirement => ({ key, operator: "in", values: [value] }),
  );
  const operators = { In: "in", NotIn: "notin", Exists: "exists", DoesNotExist: "absent" } as const;
  const expressions = (selector.matchExpressions ?? []).flatMap(({ key, operator, values }): Requirement[] =>
    operator in operators
      ? [{ key, operator: operators[operator as keyof typeof operators], values: values ?? [] }]
      : [],
  );
  return [...equal, ...expressions];
}

export function matchesLabels(wanted: Requirement[], labels: Record<string, string> | undefined): boolean {
  return wanted.every((requirement) => holds(requirement, labels));
}

/** `a=b,c in (d)`, as tables and /scale show a selector. */
export function formatSelector(selector: LabelSelector): string {
  return requirements(selector)
    .map(({ key, operator, values }) => {
      if (operator === "exists") return key;
      if (operator === "absent") return `!${key}`;
      return values.length === 1 && operator === "in"
        ? `${key}=${values[0]}`
        : `${key} ${operator} (${values.join(",")})`;
    })
    .join(",");
}

function field(object: KubeObject, path: string): string {
  let at: unknown = object;
  for (const name of path.split(".")) {
    at = typeof at === "object" && at !== null ? (at as Record<string, unknown>)[name] : undefined;
  }
  return typeof at === "string" ? at : "";
}

/** Splits at commas that are not inside parentheses. */
function splitTopLevel(text: string): string[] {
  const parts = text.split(/,(?![^()]*\))/).map((part) => part.trim());
  return parts.filter((part) => part !== "");
}
