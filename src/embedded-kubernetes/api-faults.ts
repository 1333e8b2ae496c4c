import type { Verb } from "./resources.ts";

/** What a request asks for, to decide whether a fault is meant for it. */
export interface ApiRequest {
  verb: Verb;
  /** Plural: `deployments`. */
  resource: string;
  namespace?: string;
  name?: string;
}

export type ApiFault =
  /** Refused with this HTTP status, before anything is done. */
  | { kind: "status"; code: 401 | 403 | 429 | 500 | 502 | 503 | 504; retryAfterSeconds?: number }
  /** Accepted and never answered. */
  | { kind: "hang" }
  /** The connection breaks before anything is done. */
  | { kind: "reset" }
  /** Everything is done, then the connection breaks instead of an answer. */
  | { kind: "lostAnswer" }
  /** A list as it was at this version, as a lagging cache has it; other requests are answered as ever. */
  | { kind: "staleList"; resourceVersion: string };

/** Trouble with the API itself, for tests of what its clients make of it. */
export interface ApiFaults {
  /** The next `times` (default 1) requests that `only` accepts (default: all but discovery) meet with `fault`. */
  inject(fault: ApiFault, options?: { times?: number; only?: (request: ApiRequest) => boolean }): void;
  /** Takes back what was injected and has not happened yet; requests that hang are reset. */
  clear(): void;
  /** Ends every open watch, as a restarted load balancer does. */
  dropWatches(): void;
  /** Ends every open watch and makes all versions that clients remember too old: 410 when they come back. */
  expireWatches(): void;
}

interface Injected {
  fault: ApiFault;
  left: number;
  only: (request: ApiRequest) => boolean;
}

/** The faults that are still to happen, in the order in which they were injected. */
export class PendingFaults {
  #injected: Injected[] = [];

  add(fault: ApiFault, { times = 1, only = () => true }: Parameters<ApiFaults["inject"]>[1] = {}): void {
    this.#injected.push({ fault, left: times, only });
  }

  /** The fault that this request meets with, which is used up by that. */
  take(request: ApiRequest): ApiFault | undefined {
    const found = this.#injected.find(({ only }) => only(request));
    if (found === undefined) return undefined;
    found.left--;
    if (found.left <= 0) this.#injected = this.#injected.filter((injected) => injected !== found);
    return found.fault;
  }

  clear(): void {
    this.#injected = [];
  }
}
