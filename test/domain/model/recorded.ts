import { TALLIES_KEY, waveOf } from "../../../src/domain/parts.ts";
import type { Entry, Part } from "../../../src/domain/state.ts";
import type { World } from "./world.ts";

type Entries = (Entry & { id: string; wave: number })[];

/** All sentinels of the present rollout, as they are recorded. */
export function entriesOf({ kv }: Pick<World, "kv">): Entries {
  return [...kv].flatMap(([key, value]) => {
    const [, place] = /^rolloutState\/(?:wave-|taken-over\/)(.*)$/.exec(key) ?? [];
    if (place === undefined) return [];
    const wave = key.includes("/wave-") ? waveOf(place) : -1;
    // What is copied for the next rollout counts for nothing before that has begun.
    if (
      wave < 0 &&
      (kv.get(TALLIES_KEY) as Record<string, unknown> | undefined)?.[`0/${place}`] === undefined
    )
      return [];
    return Object.entries(value as Part).map(([id, entry]) => ({ ...entry, id, wave }));
  });
}
