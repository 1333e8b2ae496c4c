import { type Answer, accepted, refused } from "./answer.ts";
import { compared } from "./comparison.ts";
import { sumOf } from "./counts.ts";
import { cutForHead, cutForRegressed, KEPT_FAILURES } from "./cut-text.ts";
import type { PartPlan } from "./drive-state.ts";
import type { Event } from "./event.ts";
import type { HealthSurvey, Regression } from "./health.ts";
import { budgetOf } from "./limits.ts";
import { placesOf, waveOf } from "./parts.ts";
import { progressOf } from "./progress.ts";
import { recordPending } from "./record.ts";
import { isWatched } from "./soak.ts";
import type { Entry, KnownRegression, Part, Place, Regressions, RolloutState } from "./state.ts";
import { PLAN_KEY, partKey, TALLIES_KEY } from "./state-keys.ts";
import { type Tallies, tallyOf } from "./tally.ts";
import type { Turn } from "./turn.ts";

const NONE: Regressions = { round: 1, newest: [] };

/** Notes in the parts which sentinels broke after they came up, and which recovered; said twice it counts once. */
export function healthSeen(turn: Turn, event: Event & { type: "health" }): Answer {
  const { rollout, drive } = turn;
  if (rollout?.rolloutId !== event.rolloutId || drive === undefined || !isWatched(rollout))
    return refused(turn);
  if (rollout.state !== "in_progress" && rollout.state !== "paused") return refused(turn);
  // A sentinel that has just come up may have broken already.
  recordPending(turn);
  const round = rollout.regressions?.round ?? NONE.round;
  const tallies = { ...turn.tallies() };
  const news: KnownRegression[] = [];
  const broken = new Map(event.regressed.map((each) => [each.id, each]));
  for (const [at, ids] of placed(turn, [...broken.keys(), ...event.recovered])) {
    const part = { ...turn.book.get<Part>(partKey(at)) };
    for (const id of ids) {
      const next = entryAfter(part[id], broken.get(id), round);
      if (next === undefined) continue;
      part[id] = next;
      news.push(told(id, next));
    }
    turn.book.set(partKey(at), part);
    tallies[at] = tallyOf(part);
  }
  turn.book.set(TALLIES_KEY, tallies);
  const regressions = counted(tallies, round, newest(rollout.regressions?.newest ?? [], news));
  const found = regressions.all === undefined ? {} : { regressions };
  turn.become({ ...found, health: keptHealth(event.health) });
  tellRegressed(
    turn,
    news.filter(({ recovered }) => !recovered),
  );
  return accepted(turn);
}

/** Where they pause nothing, nor are what it is paused for, Slack hears of them: a Resume acknowledges them. */
function tellRegressed(turn: Turn, news: KnownRegression[]): void {
  const { rollout } = turn.driving();
  const isPause = rollout.state === "paused" ? rollout.pauseKind === "regression" : tooManyRegressed(rollout);
  if (news.length === 0 || isPause) return;
  turn.notifications.push({
    kind: "regressed",
    progress: progressOf(rollout, turn.nowMs),
    regressions: news.slice(-REGRESSIONS_IN_A_MESSAGE),
    regressed: rollout.regressions?.all ?? 0,
  });
}

/** A message gives the reasons of at most this many. */
const REGRESSIONS_IN_A_MESSAGE = 5;

/** The head keeps at most KEPT_REGIONS regions and KEPT_UNSEEN names of clusters. */
const KEPT_REGIONS = 50;
const KEPT_UNSEEN = 40;

/** If there are more regions, keeps those in which most of what took the image suffers. */
function keptHealth({ regions, unseen, ...both }: HealthSurvey): HealthSurvey {
  const all = Object.entries(regions);
  const kept =
    all.length <= KEPT_REGIONS
      ? all
      : all.sort(([, a], [, b]) => b.updated.unhealthy - a.updated.unhealthy).slice(0, KEPT_REGIONS);
  return { ...both, regions: Object.fromEntries(kept), unseen: unseen.slice(0, KEPT_UNSEEN) };
}

/** Undefined: nothing new. */
function entryAfter(
  entry: Entry | undefined,
  broken: Regression | undefined,
  round: number,
): Entry | undefined {
  const { regressed } = entry ?? {};
  if (entry?.is !== "succeeded" || entry.stays !== undefined) return undefined;
  if (broken === undefined) {
    const isOver = regressed === undefined || regressed.recovered;
    return isOver ? undefined : { ...entry, regressed: { ...regressed, recovered: true } };
  }
  if (regressed !== undefined && !regressed.recovered) return undefined;
  return { ...entry, why: cutForRegressed(broken.why), regressed: { round, sinceMs: broken.sinceMs } };
}

function told(id: string, { why = "", regressed }: Entry): KnownRegression {
  const { sinceMs = 0, recovered } = regressed ?? {};
  return { id, sinceMs, why: cutForHead(why), ...(recovered ? { recovered } : {}) };
}

function newest(before: readonly KnownRegression[], news: readonly KnownRegression[]): KnownRegression[] {
  const ids = new Set(news.map(({ id }) => id));
  return [...before.filter(({ id }) => !ids.has(id)), ...news].slice(-KEPT_FAILURES);
}

/** Counted anew from the parts, so that a change that was cut short counts nothing twice. */
function counted(tallies: Tallies, round: number, shown: KnownRegression[]): Regressions {
  const own = Object.entries(tallies).flatMap(([at, tally]) => (waveOf(at) < 0 ? [] : [tally]));
  const sum = (of: typeof own, what: 15 | 16 | 17) =>
    of.reduce((total, tally) => total + (tally[what] ?? 0), 0);
  const [all, recovered] = [sum(own, 15), sum(own, 16)];
  const found = sum(
    own.filter((tally) => tally[18] === round),
    17,
  );
  return {
    round,
    ...(found === 0 ? {} : { found }),
    ...(all === 0 ? {} : { all }),
    ...(recovered === 0 ? {} : { recovered }),
    newest: shown,
  };
}

/** Finds the places of these ids. MySQL may order ids differently: an id that is not where it should be is sought everywhere. */
function placed(turn: Turn, ids: readonly string[]): Map<Place, string[]> {
  const found = new Map<Place, string[]>();
  const plan = turn.book.get<PartPlan[]>(PLAN_KEY) ?? [];
  const tallies = turn.tallies();
  const likely = ids.map((id) => plan.find(({ first, last }) => first <= id && id <= last)?.at);
  const parts = partsAt(turn, new Set(likely.filter((at) => at !== undefined && tallies[at] !== undefined)));
  const lost: string[] = [];
  for (const [i, id] of ids.entries()) {
    const at = likely[i];
    if (at !== undefined && parts.get(at)?.[id] !== undefined) found.set(at, [...(found.get(at) ?? []), id]);
    else lost.push(id);
  }
  if (lost.length === 0) return found;
  const all = partsAt(turn, new Set(placesOf(tallies).filter((at) => waveOf(at) >= 0)));
  for (const [at, part] of all) {
    const here = lost.filter((id) => part[id] !== undefined);
    if (here.length > 0) found.set(at, [...(found.get(at) ?? []), ...here]);
  }
  return found;
}

function partsAt(turn: Turn, places: ReadonlySet<Place | undefined>): Map<Place, Part> {
  const list = [...places].filter((at) => at !== undefined);
  const parts = turn.book.all<Part>(list.map(partKey));
  return new Map(list.map((at, i): [Place, Part] => [at, parts[i] ?? {}]));
}

/** More broke than may, in words; undefined: they are within their budget. */
export function tooManyRegressed(rollout: RolloutState): string | undefined {
  const { limits, regressions, health } = rollout;
  const found = regressions?.found ?? 0;
  if (!isWatched(rollout) || found === 0) return undefined;
  const took = sumOf(rollout, "succeeded");
  const budget = budgetOf(limits?.maxRegressions ?? 0, took) ?? 0;
  if (found <= budget) return undefined;
  const comparison = health === undefined ? "" : compared(health);
  return `${found} of ${took} that took the image regressed (budget ${budget})${comparison === "" ? "" : `; ${comparison}`}`;
}

/** An operator goes on: those that were found are acknowledged, and the next one counts anew. */
export function acknowledgedRegressions({ regressions }: RolloutState): Pick<RolloutState, "regressions"> {
  if (regressions?.found === undefined) return {};
  const { found: _, ...rest } = regressions;
  return { regressions: { ...rest, round: regressions.round + 1 } };
}

/** Nothing more is launched, from the change on that hears of it. */
export function stopOverRegressions({ rollout, drive }: Turn): void {
  const { forward } = drive ?? {};
  if (rollout?.state !== "in_progress" || forward === undefined || forward.stopping !== undefined) return;
  const stopping = tooManyRegressed(rollout);
  if (stopping !== undefined) Object.assign(forward, { stopping, stoppingKind: "regression" });
}
