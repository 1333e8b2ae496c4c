import type { Fence } from "./fence.ts";

export type DesiredState = "running" | "standby" | "archived";
export type Health = "unknown" | "paused" | "healthy" | "unhealthy";
export type DeployStatus = "idle" | "progressing" | "ready" | "failed";

export interface SentinelRow {
  id: string;
  k8sName: string;
  regionId: string;
  image: string;
  /** Empty where nothing has been observed yet. */
  runningImage: string;
  desiredState: DesiredState;
  health: Health;
  desiredReplicas: number;
  availableReplicas: number;
  cpuMillicores: number;
  memoryMib: number;
  deployStatus: DeployStatus;
  deployError: string | null;
  updatedAtMs: number | null;
}

/** A running sentinel, as a rollout looks at it. */
export type Candidate = Pick<
  SentinelRow,
  "id" | "image" | "runningImage" | "deployStatus" | "health" | "desiredReplicas"
> & {
  /** True: what runs is what admission has made of the image. */
  rewritten: boolean;
};

/** What the watcher compares with Kubernetes. */
export type ObservedRow = Pick<
  SentinelRow,
  | "id"
  | "k8sName"
  | "regionId"
  | "health"
  | "availableReplicas"
  | "image"
  | "runningImage"
  | "deployStatus"
  | "updatedAtMs"
  | "desiredState"
  | "desiredReplicas"
>;

export interface Observation {
  health: SentinelRow["health"];
  availableReplicas: number;
  /** Absent: left as it is in the row. */
  runningImage?: string;
}

export type DesiredValues = Pick<SentinelRow, "image" | "cpuMillicores" | "memoryMib" | "desiredReplicas">;

/** How a Deploy ended, as its row takes it. */
export type WrittenEnding =
  | { status: "ready"; observed: Observation }
  /** `image`: the desired one from now on; absent: it stays. */
  | { status: "failed"; reason: string; image?: string };

/** A compare-and-set of one row. */
export interface FencedWrite {
  fence: Fence;
  /** The row's updated_at from then on (unix ms): later than those of the fence, or its latest where the same is written again. */
  atMs: number;
}

export type Written =
  /** Also where the same was written before, and the answer was lost. */
  | { written: true }
  /** The row as it is; undefined: there is none. */
  | { written: false; row: SentinelRow | undefined };
