import { readdirSync, readFileSync } from "node:fs";
import { LEGACY_KEYS } from "../../src/domain/legacy.ts";
import type { LegacyEvent } from "../../src/domain/legacy-report.ts";

/** What version 0.1 stored and said, as record.ts recorded it. */

/** What it stored under `rolloutState`, as far as the tests go by it. */
export interface OldRollout {
  state: "in_progress" | "paused" | "cancelled" | "completed" | "rolling_back";
  image: string;
  waves: string[][];
  /** 0-based. */
  currentWave: number;
  previousImages: Record<string, string>;
  succeededIds: string[];
  failedIds: string[];
  failureReasons: Record<string, string>;
  skippedIds: string[];
  revertedIds: string[];
}

export interface LegacyReply {
  accepted: boolean;
  view: Record<string, unknown> & { state: string };
  wave?: { number: number; of: number; image: string; ids: string[] };
  scope?: {
    image: string;
    recorded: { id: string; image: string }[];
    unrecorded: { id: string; image: string }[];
    settled: boolean;
  };
}

/** One transition of version 0.1: what it was asked for, what it answered, and the values that it stored (null: cleared). */
export interface Transition {
  event: LegacyEvent;
  /** Absent: it was refused. */
  reply?: LegacyReply;
  state: Record<string, unknown>;
}

export interface Story {
  transitions: Transition[];
}

const RECORDED = new URL("recorded/", import.meta.url);

export const STORIES: ReadonlyMap<string, Story> = new Map(
  readdirSync(RECORDED).map((file): [string, Story] => [
    file.replace(".json", ""),
    JSON.parse(readFileSync(new URL(file, RECORDED), "utf8")) as Story,
  ]),
);

/** The values by key after so many of a story's transitions. */
export function storedAfter({ transitions }: Story, count: number): Map<string, unknown> {
  const stored = new Map<string, unknown>();
  for (const { state } of transitions.slice(0, count)) {
    for (const [key, value] of Object.entries(state)) {
      if (value === null) stored.delete(key);
      else stored.set(key, value);
    }
  }
  return stored;
}

export const OLD_KEYS: readonly string[] = ["rolloutState", ...LEGACY_KEYS];
