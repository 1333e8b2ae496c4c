import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../config.ts";
import type { Logger } from "../log.ts";
import { reasonOf } from "../util/reason.ts";
import {
  HEAL_HEADER,
  RolloutObject,
  SCRAPE_HEADER,
  SETTLE_HEADER,
  SentinelObject,
  SINGLETON,
} from "./contract.ts";
import { StatusResponse } from "./rollout-schemas.ts";

/** Longest wait (ms) for an answer of Restate. */
const TIMEOUT_MS = 5_000;
/** Between two attempts to register (ms). */
const REGISTRATION_RETRY_MS = 1_000;
/** An attempt that fails is told of at the first, second, fourth, … time, and then every so many. */
const TOLD_AT_LEAST_EVERY = 256;

/** A request to look at a row is repeated at most so often (ms). */
const HEAL_AGAIN_MS = 120_000;

/** What this service asks of Restate from outside its handlers. All of it throws where the ingress does not take it. */
export interface Ingress {
  /** Handed over, not waited for. */
  notifyReady(sentinelId: string, image: string): Promise<void>;
  /** Settles the row, unless something has been written into it since; asked for often, by several replicas, it runs once. */
  settleAbandoned(sentinelId: string, updatedAtMs: number): Promise<void>;
  /** Has the row looked at of a sentinel that failed and has come up since; likewise. */
  heal(sentinelId: string, updatedAtMs: number): Promise<void>;
  /** Where the rollout stands, for /metrics. */
  status(): Promise<StatusResponse>;
}

/**
 * @param onNotifyReady told whether the ingress took a call of NotifyReady
 * @throws Error that names the status, never the token
 */
export function createIngress(
  { restateUrl, restateToken }: Pick<Config, "restateUrl" | "restateToken">,
  onNotifyReady: (ok: boolean) => void = () => undefined,
): Ingress {
  async function post(path: string, body: object, headers: Record<string, string> = {}): Promise<string> {
    const response = await fetch(`${restateUrl}/${path}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(restateToken === undefined ? {} : { authorization: `Bearer ${restateToken}` }),
        ...headers,
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const answer = await response.text();
    if (!response.ok) throw new Error(`the Restate ingress answered ${response.status}`);
    return answer;
  }

  async function notify(id: string, body: object, headers: Record<string, string> = {}): Promise<void> {
    let ok = false;
    try {
      await post(`${SentinelObject.name}/${encodeURIComponent(id)}/NotifyReady/send`, body, headers);
      ok = true;
    } finally {
      onNotifyReady(ok);
    }
  }

  return {
    notifyReady: (id, image) => notify(id, { image }),
    settleAbandoned: (id, updatedAtMs) => notify(id, {}, { [SETTLE_HEADER]: String(updatedAtMs) }),
    heal: (id, updatedAtMs) => {
      const round = Math.floor(Date.now() / HEAL_AGAIN_MS);
      return notify(id, {}, { [HEAL_HEADER]: `heal-${id}-${updatedAtMs}-${round}` });
    },
    async status() {
      const path = `${RolloutObject.name}/${SINGLETON}/Status`;
      return StatusResponse.parse(JSON.parse(await post(path, {}, { [SCRAPE_HEADER]: "1" })));
    },
  };
}

/**
 * Registers this service with Restate, trying until it succeeds or the signal says stop. `force`: the handlers at this
 * URL may have changed since it was last registered. A version that was registered after this one stays the one for new
 * calls: a process that is only kept for what began on it, and restarts, takes nothing over.
 */
export async function register(
  { adminUrl, serviceUrl }: { adminUrl: string; serviceUrl: string },
  logger: Logger,
  signal: AbortSignal,
  retryMs = REGISTRATION_RETRY_MS,
): Promise<boolean> {
  for (let attempt = 1; !signal.aborted; attempt++) {
    const { problem, newer } = await tryToRegister(adminUrl, serviceUrl);
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

async function tryToRegister(adminUrl: string, serviceUrl: string): Promise<Registration> {
  try {
    const newer = await newerThan(adminUrl, serviceUrl);
    if (newer !== undefined) return { newer };
    const response = await fetch(`${adminUrl}/deployments`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ uri: serviceUrl, force: true }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const answer = await response.text();
    return response.ok ? {} : { problem: `Restate answered ${response.status}: ${answer.slice(0, 200)}` };
  } catch (error) {
    return { problem: reasonOf(error, "no answer") };
  }
}

/** Where new calls go, if this URL is registered and they go elsewhere. */
async function newerThan(adminUrl: string, serviceUrl: string): Promise<string | undefined> {
  const service = await ask<{ deployment_id: string }>(`${adminUrl}/services/${RolloutObject.name}`);
  const listed = await ask<{ deployments: { id: string; uri?: string }[] }>(`${adminUrl}/deployments`);
  const urlOf = (url: string) => url.replace(/\/+$/, "");
  const known = listed?.deployments ?? [];
  const own = known.find(({ uri }) => uri !== undefined && urlOf(uri) === urlOf(new URL(serviceUrl).href));
  if (service === undefined || own === undefined || service.deployment_id === own.id) return undefined;
  return known.find(({ id }) => id === service.deployment_id)?.uri;
}

/** Undefined: there is no such thing, or no answer that could be understood. */
async function ask<T>(url: string): Promise<T | undefined> {
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const text = await response.text();
  return response.ok ? (JSON.parse(text) as T) : undefined;
}
