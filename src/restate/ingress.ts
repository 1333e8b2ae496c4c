import type { Config } from "../config.ts";
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
/** A request to look at a row is repeated at the earliest after this time (ms). */
const HEAL_AGAIN_MS = 120_000;

/** What this service asks of Restate from outside its handlers. All of it throws where the ingress does not take it. */
export interface Ingress {
  /** Handed over, not waited for. */
  notifyReady(sentinelId: string, image: string): Promise<void>;
  /** Settles the row, unless something has been written into it since; asked for often, by several replicas, it runs once. */
  settleAbandoned(sentinelId: string, updatedAtMs: number): Promise<void>;
  /** Has the row of a sentinel looked at that failed and has come up since; asked for often, it runs once in HEAL_AGAIN_MS. */
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
