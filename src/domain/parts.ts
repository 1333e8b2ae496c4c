import type { Entry, Part, Place, RolloutState, WaveCount } from "./state.ts";

/** The head: what operators see in the State tab, and all that most questions need. */
export const HEAD_KEY = "rolloutState";
export const DRIVE_KEY = "drive";
export const PLAN_KEY = "plan";
export const TALLIES_KEY = "tallies";
/** Where the parts of wave 0 are, and how far the copying is. */
export const TAKEN_OVER_KEY = "takenOver";
/** What the last rollback came to. */
export const ROLLBACK_KEY = "rollback";
/** What keeps rollouts from going on. It is of the service, and not of one rollout. */
export const FREEZE_KEY = "freeze";
/** Which of the failed an operator has named to be deployed again. */
export const RETRY_KEY = "retry";

/** So many sentinels lie in one value, so that none grows beyond 256 KiB. */
export const PART_SIZE = 400;
/** A reason is cut to so many characters in a part; the full one is in the row and in the history. */
export const WHY_LENGTH = 200;
/** And to so many bytes of JSON: 400 of them, with the longest ids and images, stay below 256 KiB. */
const WHY_BYTES = 270;
/** Less of them where it stands beside when it broke. */
const WHY_REGRESSED_BYTES = 190;
/** The head keeps so many failures, and so many skips. */
export const KEPT_FAILURES = 20;
/** A reason in the head takes at most so many bytes of JSON. */
const REASON_BYTES = 400;

export function partKey(at: Place): string {
  const [wave, part] = at.split("/");
  return wave === "0" ? `${TAKEN_OVER}${part}` : `${HEAD_KEY}/wave-${at}`;
}

const TAKEN_OVER = `${HEAD_KEY}/taken-over/`;

/** Is it the key of a part of wave 0? */
export function isPartTakenOver(key: string): boolean {
  return key.startsWith(TAKEN_OVER);
}

export function placeTakenOver(key: string): Place {
  return `0/${key.slice(TAKEN_OVER.length)}`;
}

export function laneKey(lane: number | string): string {
  return `lane/${lane}`;
}

export function launchingKey(at: Place): string {
  return `launching/${at}`;
}

/** What became of the sentinels of one part; what is last, and 0, is left out. */
export type Tally = [
  size: number,
  succeeded: number,
  failed: number,
  skipped: number,
  reverted: number,
  /** Succeeded, and not a rollback's to revert any more. */
  stay?: number,
  /** Waiting, and deployed by an earlier rollout of the image. */
  earlier?: number,
  /** Waiting, and failed in an earlier rollout of the image. */
  failedEarlier?: number,
  /** Failed or skipped, and deployed by an earlier rollout of the image; of them the skipped, and those that stay. */
  leftOver?: number,
  leftOverSkipped?: number,
  leftOverStays?: number,
  /** Reverted, after this one had deployed it again in vain. */
  leftOverReverted?: number,
  /** Failed, for their cluster did not answer. */
  away?: number,
  /** Failed, and a retry of it has no result. */
  retried?: number,
  /** Failed, and no rollback's to return any more. */
  stayFailed?: number,
  /** Broke after they came up; of them those that have recovered, and those found in the newest round; and which that is. */
  regressed?: number,
  recovered?: number,
  regressedLately?: number,
  round?: number,
];
export type Tallies = Record<Place, Tally>;

/** Counted anew from the part itself, so that a change that was cut short counts nothing twice. */
export function tallyOf(part: Part): Tally {
  const entries = Object.values(part);
  const how = (...words: Entry["is"][]) => entries.filter(({ is }) => words.includes(is));
  const [waiting, succeeded, reverted] = [how("waiting"), how("succeeded"), how("reverted")];
  const leftOver = entries.filter(isLeftOver);
  const all = [
    entries.length,
    succeeded.length + reverted.length,
    how("failed").length,
    how("skipped").length,
    reverted.length,
    succeeded.filter(stays).length,
    waiting.filter(({ earlier }) => earlier).length,
    waiting.filter(({ failedEarlier }) => failedEarlier).length,
    leftOver.length,
    leftOver.filter(({ is }) => is === "skipped").length,
    leftOver.filter(stays).length,
    reverted.filter(({ earlier }) => earlier).length,
    entries.filter(({ is, away }) => is === "failed" && away).length,
    entries.filter(isRetried).length,
    entries.filter((entry) => entry.is === "failed" && stays(entry) && !isLeftOver(entry)).length,
    ...regressedIn(entries),
  ];
  return all.slice(0, Math.max(ALWAYS, all.findLastIndex((n) => n > 0) + 1)) as Tally;
}

function regressedIn(entries: readonly Entry[]): [number, number, number, number] {
  const all = entries.flatMap(({ regressed }) => regressed ?? []);
  const round = Math.max(0, ...all.map((each) => each.round));
  const lately = all.filter((each) => each.round === round);
  return [all.length, all.filter(({ recovered }) => recovered).length, lately.length, round];
}

/** So many numbers of a tally are there also where they are 0. */
const ALWAYS = 5;

function stays({ stays: why }: Entry): boolean {
  return why !== undefined;
}

/**
 * An earlier rollout of the image deployed it, and it did not come up when this one deployed it again: it has taken the image, and
 * is still to be reverted.
 */
export function isLeftOver({ is, earlier }: Entry): boolean {
  return earlier === true && (is === "failed" || is === "skipped");
}

/** A retry of it was launched and has no result: its row tells whether it came up. */
export function isRetried({ is, retry }: Entry): boolean {
  return is === "failed" && retry !== undefined;
}

/** The numbers of each wave; one of which no part is there yet keeps the size that was planned. */
export function countedWaves(waves: readonly WaveCount[], tallies: Tallies): WaveCount[] {
  const sums = new Map<number, Tally>();
  for (const [at, tally] of Object.entries(tallies)) {
    const wave = waveOf(at);
    const sum = sums.get(wave);
    sums.set(wave, sum === undefined ? tally : added(sum, tally));
  }
  return waves.map((wave, i) => {
    const sum = sums.get(i);
    if (sum === undefined) return wave;
    const [, succeeded, failed, skipped, reverted] = sum;
    const away = sum[12] ?? 0;
    return { size: wave.size, succeeded, failed, skipped, reverted, ...(away === 0 ? {} : { away }) };
  });
}

function added(one: Tally, other: Tally): Tally {
  const longer = one.length > other.length ? one : other;
  return longer.map((_, i) => (one[i] ?? 0) + (other[i] ?? 0)) as Tally;
}

/** What the head says beside the waves. */
export function countedBeside(
  tallies: Tallies,
): Pick<RolloutState, "stay" | "stayFailed" | "takenOver" | "retried"> {
  const all = Object.entries(tallies);
  const own = all.flatMap(([at, tally]) => (waveOf(at) < 0 ? [] : [tally]));
  const earlier = all.flatMap(([at, tally]) => (waveOf(at) < 0 ? [tally] : []));
  const sum = (of: readonly Tally[], what: keyof Tally & number) =>
    of.reduce((total, tally) => total + (tally[what] ?? 0), 0);
  const [stay, stayEarlier] = [sum(own, 5), sum(earlier, 5) + sum(own, 10)];
  const [size, reverted, again] = [sum(earlier, 1), sum(earlier, 4), sum(own, 6)];
  const unknown = sum(earlier, 0) - size - sum(earlier, 2) - sum(earlier, 3);
  const failed = sum(earlier, 2) + sum([...own, ...earlier], 7);
  const [leftOver, leftOverSkipped, leftOverReverted] = [sum(own, 8), sum(own, 9), sum(own, 11)];
  const takenOver = {
    ...{ size, reverted },
    ...(stayEarlier === 0 ? {} : { stay: stayEarlier }),
    ...(unknown === 0 ? {} : { unknown }),
    ...(again === 0 ? {} : { again }),
    ...(failed === 0 ? {} : { failed }),
    ...(leftOver === 0 ? {} : { leftOver }),
    ...(leftOverSkipped === 0 ? {} : { leftOverSkipped }),
    ...(leftOverReverted === 0 ? {} : { leftOverReverted }),
  };
  const counted = size + unknown + again + failed + leftOver + leftOverReverted;
  const [retried, stayFailed] = [sum(own, 13), sum(own, 14)];
  return {
    ...(stay === 0 ? {} : { stay }),
    ...(counted === 0 ? {} : { takenOver }),
    ...(retried === 0 ? {} : { retried }),
    ...(stayFailed === 0 ? {} : { stayFailed }),
  };
}

/** The wave (0-based) of a place. */
export function waveOf(at: Place): number {
  return Number.parseInt(at, 10) - 1;
}

/** All places that are in the state, in the order of the waves. */
export function placesOf(tallies: Readonly<Record<Place, unknown>>): Place[] {
  return Object.keys(tallies).sort((a, b) => waveOf(a) - waveOf(b) || partOf(a) - partOf(b));
}

/** Those with sentinels that failed, also in an earlier rollout of the image. */
export function placesOfFailed(tallies: Tallies): Place[] {
  return placesOf(tallies).filter((at) => (tallies[at]?.[2] ?? 0) + (tallies[at]?.[7] ?? 0) > 0);
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

/** Cut by characters; an emoji that is cut in two must not make it an invalid text. */
export function cutText(text: string, length: number): string {
  return text.length <= length
    ? text
    : `${text
        .slice(0, length - 1)
        .toWellFormed()
        .replace(/\uFFFD$/, "")}…`;
}

/** Cut so that its JSON takes at most so many bytes, whatever characters it has. */
function cutBytes(text: string, length: number, bytes: number): string {
  let cut = cutText(text, length);
  const encoder = new TextEncoder();
  while (encoder.encode(JSON.stringify(cut)).length > bytes) cut = cutText(cut, Math.floor(cut.length * 0.9));
  return cut;
}

export function cutForHead(text: string): string {
  return cutBytes(text, REASON_BYTES, REASON_BYTES);
}

export function cutForPart(text: string): string {
  return cutBytes(text, WHY_LENGTH, WHY_BYTES);
}

export function cutForRegressed(text: string): string {
  return cutBytes(text, WHY_LENGTH, WHY_REGRESSED_BYTES);
}

export function totalOf(waves: readonly WaveCount[]): number {
  return waves.reduce((sum, { size }) => sum + size, 0);
}

export function sumOf(rollout: RolloutState, what: keyof WaveCount): number {
  return rollout.waves.reduce((sum, wave) => sum + (wave[what] ?? 0), 0);
}
