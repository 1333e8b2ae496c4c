import {
  HEAD_KEY,
  type Is,
  type Part,
  partOf,
  takenOverIn,
  type WaveCounts,
} from "../../support/rollout-state.ts";
import { isCutOf, WHY_LIMIT } from "./reasons.ts";
import type { Sight } from "./sight.ts";

const KIB = 1_024;
const VALUE_LIMIT = 256 * KIB;
const HEAD_LIMIT = 32 * KIB;
const PART_LIMIT = 400;
/** Reasons in the head. */
const NEWEST = 20;
const WORDS: Is[] = ["waiting", "succeeded", "failed", "skipped", "reverted"];

/** j: the head says of each wave what its parts do, and nothing that is stored grows with the fleet. */
export function headAndPartsAgree({ state: { head }, stored }: Pick<Sight, "state" | "stored">): string[] {
  const violations: string[] = [];
  const holds = (is: boolean, text: string) => is || violations.push(`j: ${text}`);
  for (const { key, value } of stored) {
    const size = Buffer.byteLength(value);
    const limit = key === HEAD_KEY ? HEAD_LIMIT : VALUE_LIMIT;
    holds(size <= limit, `${key} has ${size} bytes`);
  }
  const parts = stored.flatMap(({ key, value }) => {
    const place = partOf(key);
    return place === undefined ? [] : [{ key, ...place, entries: Object.entries(JSON.parse(value) as Part) }];
  });
  for (const { key, entries } of parts) {
    holds(entries.length <= PART_LIMIT, `${key} has ${entries.length} sentinels`);
    for (const [id, { is, why = "" }] of entries) {
      holds(WORDS.includes(is), `${id} is ${is}`);
      holds(why.length <= WHY_LIMIT, `the reason of ${id} has ${why.length} characters`);
    }
  }
  head.waves.forEach((said, n) => {
    const own = parts.filter(({ wave }) => wave === n + 1).sort((a, b) => a.part - b.part);
    const numbers = own.map(({ part }) => part);
    holds(String(numbers) === String(own.map((_, at) => at + 1)), `wave ${n + 1} has the parts ${numbers}`);
    const is = countsOf(own.flatMap(({ entries }) => entries.map(([, entry]) => entry.is)));
    holds(shown(said) === shown(is), `the head says of wave ${n + 1} ${shown(said)}, its parts ${shown(is)}`);
  });
  const taken = takenOverIn(stored);
  const moved = Object.values(taken).filter(({ is }) => is === "succeeded" || is === "reverted");
  const back = moved.filter(({ is }) => is === "reverted").length;
  const { size = 0, reverted = 0 } = head.takenOver ?? {};
  const shownTaken = `${moved.length} taken over, ${back} of them reverted`;
  holds(
    size === moved.length && reverted === back,
    `the head says ${size}, ${reverted}; its parts ${shownTaken}`,
  );
  for (const id of Object.keys(taken)) {
    const twice = parts.some(({ entries }) => entries.some(([each]) => each === id));
    holds(!twice, `${id} is taken over, and stands in a wave`);
  }
  for (const { key, wave } of parts) holds(wave <= head.waves.length, `${key} is of no wave`);
  const sizes = head.waves.reduce((sum, { size }) => sum + size, 0);
  holds(
    sizes === head.totalSentinels,
    `the waves have ${sizes} sentinels, the total is ${head.totalSentinels}`,
  );

  const fleet = new Map(parts.flatMap(({ entries }) => entries));
  for (const [list, word] of [
    [head.failures, "failed"],
    [head.skips, "skipped"],
  ] as const) {
    const all = [...fleet.values()].filter(({ is }) => is === word).length;
    const due = Math.min(all, NEWEST);
    holds(list.length === due, `the head has ${list.length} that ${word}, of ${all}`);
    holds(new Set(list.map(({ id }) => id)).size === list.length, `the head has one that ${word} twice`);
    for (const { id, reason } of list) {
      const entry = fleet.get(id);
      holds(entry?.is === word, `the head says that ${id} ${word}, its part that it is ${entry?.is}`);
      const same = isCutOf(entry?.why, reason);
      holds(same, `the head says that ${id} ${word}: ${reason}, its part: ${entry?.why}`);
    }
  }
  return violations;
}

function countsOf(all: readonly Is[]): WaveCounts {
  const count = (...words: Is[]) => all.filter((is) => words.includes(is)).length;
  return {
    size: all.length,
    succeeded: count("succeeded", "reverted"),
    failed: count("failed"),
    skipped: count("skipped"),
    reverted: count("reverted"),
  };
}

function shown({ size, succeeded, failed, skipped, reverted }: WaveCounts): string {
  return `${size} sentinels, ${succeeded} succeeded, ${failed} failed, ${skipped} skipped, ${reverted} reverted`;
}
