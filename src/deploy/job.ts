import type { ObjectContext, RestatePromise } from "@restatedev/restate-sdk";
import type { Clusters } from "../kubernetes/clusters.ts";
import type { SentinelRow } from "../mysql/row.ts";
import type { SentinelStore } from "../mysql/sentinels.ts";
import type { DeployRequest } from "../restate/deploy-schemas.ts";
import type { LastKnown } from "../restate/last-known.ts";
import type { Hints } from "./hints.ts";
import type { DeployPlan } from "./plan.ts";
import type { RowWrites, RowWritesOptions } from "./row.ts";

export interface DeployOptions extends RowWritesOptions {
  store: SentinelStore;
  clusters: Clusters;
  deployTimeoutMs: number;
  /** 0: a failure that could heal is never final before the timeout. */
  failFastMs: number;
  /** How long a pod may be unschedulable; 0: until the timeout. */
  unschedulableMs: number;
  lastKnown: LastKnown;
  hints: Hints;
}

/** Settings that one Deploy keeps to its end, even if another process with other settings continues it. */
export interface Settings {
  timeoutMs: number;
  failFastMs: number;
  unschedulableMs: number;
  /** Name of the cluster that serves the sentinel's region; absent: none does. */
  cluster?: string;
}

/** What a Deploy is asked for, and by whom: should it be killed, the next one settles what it left. */
export interface Unfinished {
  request: DeployRequest;
  /** Absent: it was no rollout's. */
  rollout?: { id: string; reverts: boolean };
}

/** One Deploy at work: what its steps share. */
export interface Job {
  ctx: ObjectContext;
  request: DeployRequest;
  options: DeployOptions;
  writes: RowWrites;
  /** Resolves with the next NotifyReady. */
  wakeUp: RestatePromise<"woken">;
  /** What a Deploy before was asked for that was killed; undefined: there is none. */
  before: Unfinished | undefined;
  /** The rollout that it is a Deploy of, also through one that was killed; undefined: an operator's own. */
  rollout: Unfinished["rollout"];
  /** What this one is asked for is kept, so that the next one can go on with it. */
  keeps: boolean;
}

/** What its first step found and decided. */
export interface Begun {
  row: SentinelRow;
  plan: DeployPlan;
  settings: Settings;
}
