import { waveOf } from "../../../src/domain/parts.ts";
import type { Entry, Part } from "../../../src/domain/state.ts";
import { TALLIES_KEY } from "../../../src/domain/state-keys.ts";
import type { World } from "./world.ts";

type Entries = readonly (Entry & { id: string; wave: number })[];

/** A store is never changed in place: each is looked at once. */
const known = new WeakMap<World["kv"], Entries>();

/** All sentinels of the present rollout, as they are recorded. */
export function entriesOf({ kv }: Pick<World, "kv">): Entries {
  let entries = known.get(kv);
  if (entries === undefined) {
    entries = read(kv);
    known.set(kv, entries);
  }
  return entries;
}

function read(kv: World["kv"]): Entries {
  const entries: (Entry & { id: string; wave: number })[] = [];
  const tallies = kv.get(TALLIES_KEY) as Record<string, unknown> | undefined;
  for (const [key, value] of kv) {
    const [, place] = /^rolloutState\/(?:wave-|taken-over\/)(.*)$/.exec(key) ?? [];
    if (place === undefined) continue;
    const wave = key.includes("/wave-") ? waveOf(place) : -1;
    // What is copied for the next rollout counts for nothing before that has begun.
    if (wave < 0 && tallies?.[`0/${place}`] === undefined) continue;
    for (const [id, entry] of Object.entries(value as Part)) entries.push({ ...entry, id, wave });
  }
  return entries;
}
