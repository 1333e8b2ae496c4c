import type { Entry, WaveCounts } from "../../support/rollout-state.ts";
import * as told from "./told-rollout.ts";

type Told = told.Told;

/** What is made of a story without any fault, so that the checker has to object. */
type Doctored = [what: string, doctor: (evidence: Told) => void, of?: () => Told];

/** By the invariant that each of them violates, and no other. */
export type Cases = Record<string, Doctored[]>;

/** The sentinel of the first wave broke ten seconds before the second one began. */
export function outage({ sight, stored }: Told): void {
  const { image } = stored.head;
  sight.broken = new Set(["sen_1"]);
  sight.outages = [{ name: "k8s-sen_1", image, fromMs: told.LAUNCHED_MS - 10_000 }];
}

export const SETTLED = "rollout cancelled: all in flight have settled";
export const ASIDE = "rollout: the drive does not answer";

/** One sentinel more in the first part of a wave. */
export function plan(evidence: Told, wave: number, id: string, entry: Entry): void {
  Object.assign(evidence.stored.parts[told.keyOf(wave)] ?? {}, { [id]: entry });
  told.recount(evidence);
}

/** What the head alone says of a wave. */
export function count({ head }: Told["stored"], wave: number, counts: Partial<WaveCounts>): void {
  Object.assign(head.waves[wave - 1] ?? {}, counts);
}

export function row({ sight }: Told, id: string, change: Partial<ReturnType<typeof told.rowOf>>): void {
  Object.assign(sight.after.rows.get(id) ?? {}, change);
}
