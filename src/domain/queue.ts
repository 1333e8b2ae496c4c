import type { Drive, Item } from "./drive-state.ts";
import { partsOf, placesOf, waveOf } from "./parts.ts";
import { lanesOf } from "./progress.ts";
import { placeToRetry, toRetry, unmark } from "./retries.ts";
import type { Entry, Part, Place } from "./state.ts";
import { launchingKey, partKey } from "./state-keys.ts";
import { isLeftOver, isRetried, type Tally } from "./tally.ts";
import type { Turn } from "./turn.ts";

/** What comes late is added, never written anew: it may be all that was in flight. */
function lateKey(chunk: number): string {
  return launchingKey(`late-${chunk}`);
}

/** The sentinels of one place that are being launched: read with every grant, so no more than is needed. */
interface Launching {
  ids: string[];
  /** In a rollback: the images to return to, and which of them is each sentinel's. */
  images?: string[];
  from?: number[];
  /** Positions of the sentinels of which it is unknown whether they took the image. */
  unrecorded?: number[];
  /** Positions of those that an earlier rollout of the image may have deployed, and of those that failed. */
  earlier?: number[];
  retry?: number[];
}

function listOf(items: readonly Item[]): Launching {
  const marked = (mark: "earlier" | "retry") => {
    const positions = items.flatMap((item, i) => (item[mark] ? [i] : []));
    return positions.length === 0 ? {} : { [mark]: positions };
  };
  const list = { ids: items.map(({ id }) => id), ...marked("earlier"), ...marked("retry") };
  if (items.every(({ from }) => from === undefined)) return list;
  const images = [...new Set(items.map(({ from = "" }) => from))];
  const at = new Map(images.map((image, i) => [image, i]));
  const unrecorded = items.flatMap((item, i) => (item.unrecorded ? [i] : []));
  return { ...list, images, from: items.map(({ from = "" }) => at.get(from) ?? 0), unrecorded };
}

function itemsOf(
  place: Place,
  { ids, images, from, unrecorded, earlier, retry }: Launching,
  start: number,
  end: number,
): Item[] {
  return ids.slice(start, end).map((id, i): Item => {
    const image = images?.[from?.[start + i] ?? -1];
    return {
      id,
      at: place,
      ...(image === undefined ? {} : { from: image }),
      ...(unrecorded?.includes(start + i) ? { unrecorded: true } : {}),
      ...(earlier?.includes(start + i) ? { earlier: true } : {}),
      ...(retry?.includes(start + i) ? { retry: true } : {}),
    };
  });
}

/** Begins to launch: forward the current wave, in order, or the failed sentinels; back all waves, the newest first. */
export function openQueue(turn: Turn): void {
  const { rollout, drive } = turn.driving();
  const { lane, retries } = (rollout.state === "in_progress" ? drive.forward : undefined) ?? {};
  const retry = retries === undefined || lane === undefined ? {} : { retry: lane };
  drive.queue = { at: "", next: 0, length: 0, ...retry };
  moveOn(turn);
}

/** Is there anything left to launch? */
export function hasMore({ drive }: Turn): boolean {
  return drive?.queue !== undefined || drive?.late !== undefined;
}

/** The next sentinels to launch, at most `most`: they are handed out, and will not come again. */
export function take(turn: Turn, most: number): Item[] {
  const { drive } = turn.driving();
  const { late, queue } = drive;
  if (late !== undefined) return takeLate(turn, late, most);
  if (queue === undefined) return [];
  const list = turn.book.get<Launching>(launchingKey(queue.at));
  const items = list === undefined ? [] : itemsOf(queue.at, list, queue.next, queue.next + most);
  queue.next += Math.max(items.length, 1);
  moveOn(turn);
  return items;
}

function takeLate({ book, drive }: Turn, late: NonNullable<Drive["late"]>, most: number): Item[] {
  const chunk = book.get<Item[]>(lateKey(late.chunk)) ?? [];
  const items = chunk.slice(late.next, late.next + most);
  late.next += items.length;
  if (late.next >= chunk.length) {
    book.clear(lateKey(late.chunk));
    Object.assign(late, { chunk: late.chunk + 1, next: 0 });
  }
  if (late.chunk >= late.chunks) delete drive?.late;
  return items;
}

/** A rollback takes up what settled after its place had been looked at; of the others it finds out when it comes there. */
export function addLate(turn: Turn, settled: readonly Item[]): void {
  const { drive } = turn.driving();
  // It has not begun to look at any place yet.
  if (drive.rollback?.openedWave === undefined) return;
  const order = placesOf(turn.tallies()).reverse();
  const reached = drive.queue === undefined ? order.length : order.indexOf(drive.queue.at);
  const items = settled.filter(({ at }) => order.indexOf(at) <= reached);
  for (const chunk of partsOf(items)) {
    drive.late ??= { chunk: 0, next: 0, chunks: 0 };
    turn.book.set(lateKey(drive.late.chunks++), chunk);
  }
}

export function closeQueue(turn: Turn): void {
  const { drive } = turn.driving();
  const { queue } = drive;
  if (queue !== undefined && queue.at !== "") {
    const { at, next, retry } = queue;
    const list = retry === undefined ? undefined : turn.book.get<Launching>(launchingKey(at));
    if (retry !== undefined) unmark(turn, at, list?.ids.slice(next) ?? [], retry);
    turn.book.clear(launchingKey(at));
  }
  delete drive.queue;
  const { chunk = 0, chunks = 0 } = drive.late ?? {};
  for (let n = chunk; n < chunks; n++) turn.book.clear(lateKey(n));
  delete drive.late;
}

/** To the next place that has something to launch, once all of the present one is handed out. */
function moveOn(turn: Turn): void {
  const { rollout, drive } = turn.driving();
  while (drive.queue !== undefined && drive.queue.next >= drive.queue.length) {
    const { at, retry } = drive.queue;
    const following = retry === undefined ? placeAfter(turn, at) : placeToRetry(turn, at);
    if (at !== "") turn.book.clear(launchingKey(at));
    if (following === undefined) {
      delete drive.queue;
      return;
    }
    const part = turn.book.get<Part>(partKey(following)) ?? {};
    const back = rollout.state === "rolling_back";
    const deploy = retry === undefined ? toDeploy : toRetry;
    const items = back ? toRevert(turn, following, part) : deploy(turn, following, part);
    if (items.length > 0) turn.book.set(launchingKey(following), listOf(items));
    drive.queue = { at: following, next: 0, length: items.length, ...(retry === undefined ? {} : { retry }) };
  }
}

function placeAfter(turn: Turn, at: Place): Place | undefined {
  const { rollout } = turn.driving();
  const tallies = turn.tallies();
  const back = rollout.state === "rolling_back";
  const mayBeOnImage = (place: Place) =>
    waveOf(place) <= rollout.currentWave || (tallies[place]?.[6] ?? 0) > 0;
  const places = placesOf(tallies).filter((place) =>
    back ? mayBeOnImage(place) : waveOf(place) === rollout.currentWave,
  );
  if (back) places.reverse();
  const worth = (place: Place) => {
    const tally = tallies[place] as Tally;
    const [size, succeeded, failed, skipped, reverted, , , , leftOver = 0] = tally;
    const open = size > succeeded + failed + skipped;
    const unrecorded = open && (back || waveOf(place) === rollout.currentWave);
    const retried = (tally[13] ?? 0) > 0;
    const failedToo = rollout.revertsFailed === true && failed > 0 && waveOf(place) >= 0;
    return unrecorded || (back && (succeeded > reverted || leftOver > 0 || failedToo || retried));
  };
  return places.slice(at === "" ? 0 : places.indexOf(at) + 1).find(worth);
}

function toDeploy(_: Turn, at: Place, part: Part): Item[] {
  return Object.entries(part)
    .filter(([, { is }]) => is === "waiting")
    .map(([id, { earlier }]) => ({ id, at, ...(earlier ? { earlier } : {}) }));
}

/** Lists those that took the image, and those of an interrupted wave that may have. What is in flight follows later. */
function toRevert(turn: Turn, at: Place, part: Part): Item[] {
  const { rollout } = turn.driving();
  const flying = settlingIds(turn);
  return Object.entries(part)
    .flatMap(([id, entry]) => {
      const known = waveOf(at) !== rollout.currentWave && waveOf(at) >= 0 && entry.earlier !== true;
      return flying.has(id) || (entry.is === "waiting" && known) ? [] : revertOf(turn, { id, at }, entry);
    })
    .reverse();
}

/** What a rollback launches to one sentinel: nothing where it is not its to revert. */
export function revertOf(
  { rollout }: Pick<Turn, "rollout">,
  { id, at }: Pick<Item, "id" | "at">,
  entry: Entry,
): Item[] {
  const { from, is } = entry;
  const failed = is === "failed" && !isLeftOver(entry) && waveOf(at) >= 0;
  if (is === "succeeded" || (failed && rollout?.revertsFailed)) return [{ id, at, from }];
  if (is === "waiting") return [{ id, at, from, unrecorded: true }];
  if (isLeftOver(entry)) return [{ id, at, from, earlier: true }];
  return isRetried(entry) ? [{ id, at, from, unrecorded: true, retry: true }] : [];
}

/** What a cancelled drive has still in flight. */
function settlingIds(turn: Turn): Set<string> {
  const { drive } = turn.driving();
  if (lanesOf(drive, "forward").length === 0) return new Set();
  const lanes = Object.entries(drive.lanes).filter(([, { of }]) => of === "forward");
  return new Set(
    lanes.flatMap(([lane]) => {
      const { out, grant, done } = turn.laneBook(lane);
      return [...out, ...(grant?.items ?? []), ...done].map(({ id }) => id);
    }),
  );
}
