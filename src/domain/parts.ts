import type { Entry, Part, Place } from "./state.ts";

/** One part has at most this many sentinels, so that no value grows beyond 256 KiB. */
export const PART_SIZE = 400;

/** The wave (0-based) of a place. */
export function waveOf(at: Place): number {
  return Number.parseInt(at, 10) - 1;
}

/** All places that are in the state, in the order of the waves. */
export function placesOf(tallies: Readonly<Record<Place, unknown>>): Place[] {
  return Object.keys(tallies).sort((a, b) => waveOf(a) - waveOf(b) || partOf(a) - partOf(b));
}

function partOf(at: Place): number {
  return Number(at.slice(at.indexOf("/") + 1));
}

/** Cuts a list of ids into parts. */
export function partsOf<T>(items: readonly T[], size = PART_SIZE): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
}

export function waitingPart(sentinels: readonly { id: string; from: string }[]): Part {
  return Object.fromEntries(sentinels.map(({ id, from }): [string, Entry] => [id, { from, is: "waiting" }]));
}
