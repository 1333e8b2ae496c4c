import {
  type ObjectContext,
  type ObjectSharedContext,
  RestatePromise,
  type Serde,
} from "@restatedev/restate-sdk";
import type { Write } from "../domain/book.ts";
import { ALL_KEYS } from "../domain/book.ts";
import type { Drive } from "../domain/drive-state.ts";
import { LEGACY_KEYS, legacyRollout, migrated } from "../domain/legacy.ts";
import { packed, unpacked } from "../domain/packed.ts";
import { readable } from "../domain/readable.ts";
import type { RolloutState } from "../domain/state.ts";
import { DRIVE_KEY, HEAD_KEY } from "../domain/state-keys.ts";

/** Told how many bytes of the state were read or written. */
export type CountBytes = (what: "read" | "write", bytes: number) => void;

/**
 * An operator may write a value into the State tab that is not JSON. It is returned as text; the code that needs the value
 * refuses it.
 */
function anyJson(count: CountBytes): Serde<unknown> {
  return {
    contentType: "application/json",
    serialize: (value) => {
      const bytes = new TextEncoder().encode(JSON.stringify(value));
      count("write", bytes.length);
      return bytes;
    },
    deserialize: (bytes) => {
      count("read", bytes.length);
      const text = new TextDecoder().decode(bytes);
      try {
        return JSON.parse(text) as unknown;
      } catch {
        return text;
      }
    },
  };
}

/**
 * Beside a large rollout each separate read waits for its own turn, so related keys are read together.
 * @param beside a step that takes its turn with them; on its own the SDK would begin it only when it is awaited
 */
export async function load(
  ctx: ObjectSharedContext,
  loaded: Map<string, unknown>,
  keys: readonly string[],
  count: CountBytes,
  beside: readonly RestatePromise<unknown>[] = [],
): Promise<void> {
  const serde = anyJson(count);
  // They are of the SDK's own kind, which their declared type does not say.
  const asked = keys.map((key) => (key === ALL_KEYS ? ctx.stateKeys() : ctx.get(key, serde)));
  const values = await RestatePromise.all([...(asked as RestatePromise<unknown>[]), ...beside]);
  for (const [i, key] of keys.entries()) loaded.set(key, unpacked(key, values[i]));
}

export function carryOut(ctx: ObjectContext, writes: readonly Write[], count: CountBytes): void {
  const serde = anyJson(count);
  for (const write of writes) {
    if ("clear" in write) ctx.clear(write.key);
    else ctx.set(write.key, packed(write.key, write.value), serde);
  }
}

export interface Sight {
  rollout: RolloutState | undefined;
  /** Absent where there is none of this rollout. */
  drive: Drive | undefined;
}

/** What questions and refusals go by: the head and who drives, however large the fleet is. */
export const SIGHT_KEYS = [HEAD_KEY, DRIVE_KEY];

/** @throws UnreadableError */
export async function readHead(ctx: ObjectSharedContext, count: CountBytes): Promise<Sight> {
  const loaded = new Map<string, unknown>();
  await load(ctx, loaded, SIGHT_KEYS, count);
  return sightOf(ctx, loaded, count);
}

/**
 * @param loaded has SIGHT_KEYS; a state of version 0.1 needs more, which is read
 * @throws UnreadableError
 */
export async function sightOf(
  ctx: ObjectSharedContext,
  loaded: Map<string, unknown>,
  count: CountBytes,
): Promise<Sight> {
  const stored = loaded.get(HEAD_KEY);
  const legacy = legacyRollout(stored);
  if (legacy !== undefined) {
    await load(ctx, loaded, LEGACY_KEYS, count);
    return migrated(
      legacy,
      LEGACY_KEYS.map((key) => loaded.get(key) ?? undefined),
    );
  }
  const rollout = readable(stored);
  const drive = loaded.get(DRIVE_KEY) as Drive | undefined;
  return { rollout, drive: drive?.rolloutId === rollout?.rolloutId ? drive : undefined };
}
