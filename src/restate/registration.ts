import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../log.ts";
import { reasonOf } from "../util/reason.ts";
import { type AdminAccess, askAdmin } from "./admin-api.ts";
import { RolloutObject } from "./contract.ts";

/** Longest wait (ms) for an answer of Restate, which asks this service for its handlers meanwhile. */
const TIMEOUT_MS = 5_000;
/** Between two attempts to register (ms). */
const RETRY_MS = 1_000;
/** A failed attempt is logged at the first, second, fourth, … time, and then at every multiple of this number. */
const TOLD_AT_LEAST_EVERY = 256;

export interface RegistrationOptions {
  admin: AdminAccess;
  /** Where Restate reaches this version. */
  serviceUrl: string;
  /** The handlers that are known at this URL are replaced by the present ones. */
  force: boolean;
}

/**
 * Registers this service with Restate, trying until it succeeds or the signal says stop. Each version has a URL of its own: what
 * is known at one is not replaced, unless that is asked for. A version that was registered after this one stays the one for new
 * calls: a process that is only kept for what began on it, and restarts, takes nothing over.
 * @param onProblem told why an attempt did not succeed
 */
export async function register(
  options: RegistrationOptions,
  logger: Logger,
  signal: AbortSignal,
  { retryMs = RETRY_MS, onProblem }: { retryMs?: number; onProblem?: (problem: string) => void } = {},
): Promise<boolean> {
  const { serviceUrl } = options;
  for (let attempt = 1; !signal.aborted; attempt++) {
    const { problem, newer } = await tryToRegister(options);
    if (newer !== undefined) {
      logger.warn(
        { serviceUrl, newer },
        "not registered: another version was registered since; to go back to this one register its URL by hand",
      );
      return true;
    }
    if (problem === undefined) {
      logger.info({ serviceUrl }, "registered with Restate");
      return true;
    }
    onProblem?.(problem);
    if (isTold(attempt)) {
      logger.warn({ reason: problem, attempt }, "could not register with Restate, will try again");
    }
    await sleep(retryMs, undefined, { signal }).catch(() => undefined);
  }
  return false;
}

function isTold(attempt: number): boolean {
  return attempt % TOLD_AT_LEAST_EVERY === 0 || Number.isInteger(Math.log2(attempt));
}

interface Registration {
  /** Why it did not succeed. */
  problem?: string;
  /** Where the version is that was registered since. */
  newer?: string;
}

async function tryToRegister(options: RegistrationOptions): Promise<Registration> {
  try {
    const newer = await newerThan(options);
    if (newer !== undefined) return { newer };
    return await registered(options);
  } catch (error) {
    return { problem: reasonOf(error, "no answer") };
  }
}

async function registered({ admin, serviceUrl, force }: RegistrationOptions): Promise<Registration> {
  const post = (how: object) => askAdmin(admin, "/deployments", TIMEOUT_MS, { uri: serviceUrl, ...how });
  const { status, text } = await post({ force });
  if (status !== 200 && status !== 201) {
    return { problem: `Restate answered ${status}: ${text.slice(0, 200)}` };
  }
  // Restate knew this URL, and has not asked for its handlers again.
  if (force || status === 201) return {};
  const present = await post({ force: true, dry_run: true });
  if (present.status !== 200 && present.status !== 201) {
    return { problem: `Restate answered ${present.status}: ${present.text.slice(0, 200)}` };
  }
  if (handlersIn(present.text) === handlersIn(text)) return {};
  return {
    problem: `${serviceUrl} is registered with other handlers, of another version: give this version a URL of its own, or set RESTATE_REGISTER_FORCE=true`,
  };
}

/** What a version is known by, in one order: settings that an operator may have changed since do not belong to it. */
function handlersIn(answer: string): string {
  const { services } = JSON.parse(answer) as { services: { name: string; handlers: Handler[] }[] };
  const all = services.map(({ name, handlers }) => ({ name, handlers: byName(handlers.map(known)) }));
  return JSON.stringify(byName(all));
}

interface Handler {
  name: string;
  ty?: string;
  documentation?: string;
  input_json_schema?: unknown;
  output_json_schema?: unknown;
}

function known({ name, ty, documentation, input_json_schema, output_json_schema }: Handler): Handler {
  return {
    name,
    ...(ty === undefined ? {} : { ty }),
    ...(documentation === undefined ? {} : { documentation }),
    input_json_schema: sorted(input_json_schema),
    output_json_schema: sorted(output_json_schema),
  };
}

function byName<T extends { name: string }>(all: T[]): T[] {
  return all.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The fields of an object are in no order. */
function sorted(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(sorted);
  if (typeof json !== "object" || json === null) return json;
  const fields = Object.entries(json).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return fields.map(([name, value]) => [name, sorted(value)]);
}

/** Where new calls go, if this URL is registered and they go elsewhere. */
async function newerThan({ admin, serviceUrl }: RegistrationOptions): Promise<string | undefined> {
  const service = await ask<{ deployment_id: string }>(admin, `/services/${RolloutObject.name}`);
  const listed = await ask<{ deployments: { id: string; uri?: string }[] }>(admin, "/deployments");
  const urlOf = (url: string) => url.replace(/\/+$/, "");
  const all = listed?.deployments ?? [];
  const own = all.find(({ uri }) => uri !== undefined && urlOf(uri) === urlOf(new URL(serviceUrl).href));
  if (service === undefined || own === undefined || service.deployment_id === own.id) return undefined;
  return all.find(({ id }) => id === service.deployment_id)?.uri;
}

/** Undefined: there is no such thing, or no answer that could be understood. */
async function ask<T>(admin: AdminAccess, path: string): Promise<T | undefined> {
  const { status, text } = await askAdmin(admin, path, TIMEOUT_MS);
  return status === 200 ? (JSON.parse(text) as T) : undefined;
}
