import type { Serde } from "@restatedev/restate-sdk";
import { z } from "zod";

/** A caller's mistake; the message is one readable sentence. Becomes a 400. */
export class BadRequestError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "BadRequestError";
  }
}

/**
 * A body as it came in. It is judged in the handler, not in the serde: what a serde throws reaches the caller with a
 * technical prefix before it.
 */
export type Body<T> = { ok: true; value: T } | { ok: false; problem: string };

/** @throws BadRequestError */
export function accepted<T>(body: Body<T>): T {
  if (!body.ok) throw new BadRequestError(body.problem);
  return body.value;
}

/** A serde that checks strictly, says what is wrong in a sentence, and takes the protobuf-JSON spelling of fields. */
export function bodyOf<T>(schema: z.ZodType<T>): Serde<Body<T>> {
  return {
    contentType: "application/json",
    jsonSchema: jsonSchemaOf(schema),
    serialize: (body) => new TextEncoder().encode(JSON.stringify(body.ok ? body.value : {})),
    deserialize: (bytes) => parseBody(schema, new TextDecoder().decode(bytes)),
  };
}

/** A response: plain JSON with a schema for the playground. */
export function answerOf<T>(schema: z.ZodType<T>): Serde<T> {
  return {
    contentType: "application/json",
    jsonSchema: jsonSchemaOf(schema, "output"),
    serialize: (value) => new TextEncoder().encode(JSON.stringify(value)),
    deserialize: (bytes) => schema.parse(JSON.parse(new TextDecoder().decode(bytes))),
  };
}

export function jsonSchemaOf(schema: z.ZodType, io: "input" | "output" = "input"): object {
  return z.toJSONSchema(schema, { io, unrepresentable: "any", override: withoutSafeIntegerBounds });
}

/** What any integer has by itself is noise in the playground. */
function withoutSafeIntegerBounds({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
}

/** Parses a request body; an empty one counts as `{}`. */
export function parseBody<T>(schema: z.ZodType<T>, text: string): Body<T> {
  let json: unknown;
  try {
    json = text.trim() === "" ? {} : JSON.parse(text);
  } catch {
    return { ok: false, problem: `The body must be JSON, but it is malformed: ${shown(text)}.` };
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    return { ok: false, problem: `The body must be a JSON object such as {}, got ${shown(json)}.` };
  }
  const renamed = snakeCased(json, fieldsOf(schema));
  if (!renamed.ok) return renamed;
  const parsed = schema.safeParse(renamed.value, { reportInput: true });
  if (parsed.success) return { ok: true, value: parsed.data };
  // A misspelt field is a better hint than the required one that is missing for it.
  const { issues } = parsed.error;
  const issue = issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0];
  return {
    ok: false,
    problem: issue === undefined ? "The body is invalid." : sentence(issue, schema, renamed.value),
  };
}

/** `wavePercentages` → `wave_percentages`: callers generated from the protos use the former. */
function snakeCased(json: object, fields: string[]): Body<Record<string, unknown>> {
  const value: Record<string, unknown> = Object.create(null);
  for (const [key, field] of Object.entries(json)) {
    const name = fields.find((known) => camelCased(known) === key) ?? key;
    if (name in value) {
      return { ok: false, problem: `The field ${name} is given twice, also as ${camelCased(name)}.` };
    }
    value[name] = field;
  }
  return { ok: true, value };
}

function camelCased(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function fieldsOf(schema: z.ZodType): string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function sentence(issue: z.core.$ZodIssue, schema: z.ZodType, body: Record<string, unknown>): string {
  if (issue.code === "unrecognized_keys") {
    const known = fieldsOf(schema);
    const expected = known.length === 0 ? "no fields are expected" : `expected ${known.join(", ")}`;
    return `The field ${shown(issue.keys[0])} is unknown; ${expected}.`;
  }
  const field = issue.path.map((part) => (typeof part === "number" ? `[${part}]` : String(part))).join("");
  const [top] = issue.path;
  if (top !== undefined && !(String(top) in body))
    return `The field ${field} is required: it ${issue.message}.`;
  return `The field ${field} ${issue.message}, got ${shown(issue.input)}.`;
}

/** A caller's value on one line, short enough for a sentence; no character is cut in two. */
export function shown(value: unknown): string {
  const text = jsonOf(value);
  return text.length <= 80 ? text : `${text.slice(0, 79).replace(/[\ud800-\udbff]$/, "")}…`;
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // It was read, but writing it takes more of the stack than there is.
    return "a value that is nested too deep";
  }
}
