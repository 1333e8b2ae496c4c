import type { Drive, LaneBook } from "../../../src/domain/drive-state.ts";
import type { Report } from "../../../src/domain/event.ts";
import type { RolloutState } from "../../../src/domain/state.ts";
import { DRIVE_KEY, HEAD_KEY } from "../../../src/domain/state-keys.ts";
import { momentOf } from "./change.ts";
import { NO_SOAK, soakText } from "./soaking.ts";
import { bellOf, type Shell, type World } from "./world.ts";

const texts = new WeakMap<object, string>();

/**
 * One text for worlds that behave alike: times, numbers that only ever grow, and the order in which results came in make no
 * difference. Values are never changed in place, so each is looked at once.
 */
export function keyOf(world: World): string {
  const { kv, shells, deploys, rows, left, drives, overrode, soaking } = world;
  const values: string[] = [];
  for (const key of [...kv.keys()].sort()) {
    const value = kv.get(key);
    if (typeof value === "object" && value !== null)
      values.push(`${key}=${once(value, () => textOf(key, value))}`);
  }
  const drive = kv.get(DRIVE_KEY) as Drive | undefined;
  const books = shells.map((shell) =>
    relations(shell, drive, kv.get(`lane/${shell.lane}`) as LaneBook | undefined),
  );
  return [
    values.join(";"),
    shells.map((shell) => once(shell, () => shellText(shell))).join(";"),
    books.join(";"),
    deploys
      .map(
        (deploy) =>
          `${deploy.id}${deploy.reverts ? "<" : ">"}${deploy.standsDown}${deploy.image}${deploy.shell}`,
      )
      .sort((a, b) => (a[0] === b[0] ? 0 : a < b ? -1 : 1))
      .join(),
    once(rows, () =>
      Object.values(rows)
        .map(({ image, is, ran, at = "" }) => `${image}${is}${ran}${at}`)
        .join(),
    ),
    once(left, () => Object.values(left).join()),
    drives,
    once(overrode, () => JSON.stringify(overrode)),
    soaking === NO_SOAK ? "" : soakText(world, momentOf(world)),
  ].join("|");
}

function once(value: object, text: () => string): string {
  let known = texts.get(value);
  if (known === undefined) {
    known = text();
    texts.set(value, known);
  }
  return known;
}

function textOf(key: string, value: object): string {
  if (key === HEAD_KEY) return headText(value as RolloutState);
  if (key === DRIVE_KEY) return driveText(value as Drive);
  if (key.startsWith("lane/")) return bookText(value as LaneBook);
  if (key === "rollback") return (value as { invocationId: string }).invocationId;
  if (key === "plan") return "";
  return JSON.stringify(value, timeless);
}

function timeless(key: string, value: unknown): unknown {
  return key === "atMs" || key === "sinceMs" ? undefined : value;
}

function headText({ failures, skips, ...rest }: RolloutState): string {
  const { startedAtMs, waveStartedAtMs, sinceMs, soakUntilMs, ...head } = rest;
  return JSON.stringify([head, ids(failures), ids(skips)]);
}

function driveText(drive: Drive): string {
  const { revision, forward, rollback, lanes, pending, ...rest } = drive;
  const driver = [forward, rollback].map((each) => {
    if (each === undefined) return "";
    const { startedAtMs, firstWave, ...kept } = each;
    return kept;
  });
  const kept = Object.entries(lanes).map(([n, { seq, seenMs, silent, ...lane }]) => [
    n,
    lane,
    silent !== undefined,
  ]);
  return JSON.stringify([rest, driver, kept, pending?.lane]);
}

function bookText({ out, grant, done }: LaneBook): string {
  const results = done
    .map(({ id, is, at, unrecorded, earlier, retry }) => `${id}${is}${at}${unrecorded}${earlier}${retry}`)
    .sort();
  return JSON.stringify(
    [
      out.map(({ id, at, unrecorded, earlier, retry }) => `${id}${at}${unrecorded}${earlier}${retry}`).sort(),
      grant,
      results,
    ],
    timeless,
  );
}

function shellText(shell: Shell): string {
  const { seq, bell, unsent, call, image, ...kept } = shell;
  const said = unsent.map(({ id, is }) => `${id}${is}`).sort();
  if (call === undefined) return JSON.stringify([kept, said], timeless);
  const { event, then } = call;
  if (event.type !== "report") return JSON.stringify([kept, said, event, then], timeless);
  const results = event.results.map(({ id, is }) => `${id}${is}`).sort();
  return JSON.stringify([kept, said, event.got, event.due, event.opens, event.at, results, then], timeless);
}

/** How an invocation stands to what is stored of it. */
function relations(shell: Shell, drive: Drive | undefined, book: LaneBook | undefined): string {
  const report = shell.call?.event.type === "report" ? (shell.call.event as Report) : undefined;
  const bell = (id: string | undefined) => (id === undefined ? "-" : id === bellOf(shell) ? "b" : "o");
  const repeated = report !== undefined && drive?.lanes[shell.lane]?.seq === report.seq;
  const old = report !== undefined && report.bell !== bellOf(shell);
  return `${bell(book?.bell)}${bell(book?.rung)}${repeated ? "r" : ""}${old ? "o" : ""}`;
}

function ids(list: readonly { id: string }[]): string[] {
  return list.map(({ id }) => id).sort();
}
