import { setTimeout as delay } from "node:timers/promises";
import type { ObjectSharedContext, RestatePromise } from "@restatedev/restate-sdk";
import type { HealthSurvey, Regression } from "../domain/health.ts";
import { plural } from "../domain/progress.ts";
import { isUnderWay } from "../domain/soak.ts";
import type { RolloutState } from "../domain/state.ts";
import type { ClusterHealth } from "../kubernetes/health.ts";
import { RolloutObject } from "../restate/contract.ts";
import type { LastKnown } from "../restate/last-known.ts";
import { atMost } from "../util/at-most.ts";
import type { Health, HealthNews, Watched } from "../watcher/health.ts";
import { requestChange } from "./request-change.ts";
import { sendWatchdog } from "./sends.ts";
import { type CountBytes, readHead } from "./state.ts";

export interface HealthOptions {
  health: Health;
  clusters: { health(): ClusterHealth[] };
  lastKnown: Pick<LastKnown, "isOver">;
  countBytes: CountBytes;
}

/** One step waits at most this long (ms) for news. */
const WAIT_MS = 30_000;
/** While it waits, it checks every POLL_MS (ms) whether this process has heard that the rollout is over. */
const POLL_MS = 250;
/** After this many steps it ends, so that its journal does not grow; the watchdog of the drive sends another. */
const STEPS = 480;
/** It looks at the state whenever there is news, and after this many steps without any. */
const QUIET_STEPS = 4;
/** A first look can fall between the writes of the change that sent this one; then it looks once more (ms). */
const FIRST_LOOK_MS = 2_000;
/** A regression that was seen but not confirmed is looked at again after this time (ms). */
const DOUBT_MS = 5_000;

/**
 * Watches those that took the image, for as long as the rollout is under way or paused. The watcher's caches say where to look;
 * what counts is read again.
 */
export async function watchHealth(
  ctx: ObjectSharedContext,
  { rolloutId }: { rolloutId: string },
  options: HealthOptions,
): Promise<void> {
  const { health, countBytes } = options;
  const told = new Set<string>();
  let of: Watching = { rolloutId, startedAtMs: 0, image: "" };
  let quiet = QUIET_STEPS;
  for (let step = 0; step < STEPS; step++) {
    if (quiet >= QUIET_STEPS) {
      const { rollout, drive } = await readHead(ctx, countBytes);
      if (rollout?.rolloutId !== rolloutId || !isUnderWay(rollout)) {
        if (step > 0) return;
        await ctx.sleep(FIRST_LOOK_MS, "wait for the rollout to begin");
        continue;
      }
      // A soak of a day outlives the watchdog of its drive.
      if (drive?.forward !== undefined) sendWatchdog(ctx, drive.forward, rollout);
      of = { ...watchedOf(rollout), rolloutId, startedAtMs: rollout.startedAtMs };
      // Those that one before it has told may recover now.
      for (const { id, recovered } of rollout.regressions?.newest ?? []) if (!recovered) told.add(id);
      quiet = 0;
    }
    const news = await ctx.run("wait for news of health", () => waitForNews(options, of, told));
    if (typeof news === "string") {
      quiet = news === "over" ? QUIET_STEPS : quiet + 1;
      // What was told may have been killed on its way: after a while it is told again.
      if (news === "nothing" && quiet >= QUIET_STEPS) told.clear();
      continue;
    }
    quiet = QUIET_STEPS;
    const { regressed, recovered } = await confirmed(ctx, health, of, news.regressed);
    for (const { id } of regressed) told.add(id);
    for (const id of news.recovered) told.delete(id);
    const well = [...news.recovered, ...recovered];
    if (regressed.length === 0 && well.length === 0) {
      await ctx.sleep(DOUBT_MS, "look again later");
      continue;
    }
    // Sent, not called: if this invocation is killed, no answer is on its way to it.
    ctx
      .objectSendClient(RolloutObject, ctx.key)
      .Change({ type: "health", rolloutId, regressed, recovered: well, health: news.survey });
  }
}

type Watching = Watched & Pick<RolloutState, "rolloutId" | "startedAtMs">;

async function waitForNews(
  { health, lastKnown }: HealthOptions,
  of: Watching,
  told: ReadonlySet<string>,
): Promise<HealthNews | "nothing" | "over"> {
  const over = new AbortController();
  const poll = setInterval(() => {
    if (lastKnown.isOver(of)) over.abort();
  }, POLL_MS);
  try {
    const news = await health.news(of, told, WAIT_MS, over.signal);
    if (news.regressed.length + news.recovered.length > 0) return news;
    return over.signal.aborted ? "over" : "nothing";
  } finally {
    clearInterval(poll);
  }
}

function confirmed(ctx: ObjectSharedContext, health: Health, of: Watched, suspects: Regression[]) {
  if (suspects.length === 0) return { regressed: [], recovered: [] };
  const [first] = suspects;
  const whom = suspects.length === 1 ? first?.id : plural(suspects.length, "sentinel");
  return ctx.run(`look again at ${whom}`, () => health.confirm(of, suspects));
}

/** Waits at most SYNC_MS (ms) for the caches. In a new process, waits until the process is START_MS (ms) old. */
const SYNC_MS = 1_500;
const START_MS = 15_000;
const SYNC_POLL_MS = 100;
/** Reading the suspects again takes at most this long (ms). */
const CONFIRM_MS = 10_000;
/**
 * If a suspect could not be read, it is read again after AGAIN_MS (ms), at most LOOKS times in one invocation. A cluster
 * that is away has no suspects.
 */
const AGAIN_MS = 2_000;
const LOOKS = 100;

/** The time of a soak is up. Finds the sentinels that broke before the rollout goes on. */
export async function endSoak(
  ctx: ObjectSharedContext,
  { rolloutId, untilMs }: { rolloutId: string; untilMs: number },
  options: HealthOptions,
): Promise<void> {
  let seen: SeenAtAll | undefined;
  for (let n = 0; n < LOOKS && (seen === undefined || seen.unread > 0); n++) {
    // A suspect is not confirmed yet. The rollout does not continue before it is.
    if (n > 0) await ctx.sleep(AGAIN_MS, "look again");
    const { rollout } = await readHead(ctx, options.countBytes);
    if (rollout?.rolloutId !== rolloutId || rollout.soakUntilMs !== untilMs) return;
    seen = await lookAtAll(ctx, watchedOf(rollout), options);
  }
  // The watchdog of the drive sends another one.
  if (seen === undefined || seen.unread > 0) return;
  const { regressed, health } = seen;
  if (regressed.length > 0 || health.unseen.length > 0) {
    await requestChange(ctx, "health", { type: "health", rolloutId, regressed, recovered: [], health });
  }
  const unseen = health.unseen.length === 0 ? {} : { unseen: health.unseen };
  await requestChange(ctx, "the soak ends", { type: "soakEnds", rolloutId, untilMs, ...unseen });
}

interface SeenAtAll {
  regressed: Regression[];
  /** How many may have broken, and could not be read again. */
  unread: number;
  health: HealthSurvey;
}

/** Reads the suspects again. */
function lookAtAll(
  ctx: ObjectSharedContext,
  of: Watched,
  { health, clusters }: HealthOptions,
): RestatePromise<SeenAtAll> {
  return ctx.run("look at all that took the image", async () => {
    await inSync(health, clusters, of);
    const suspects = health.suspects(of);
    const unread = () => ({ regressed: [], unread: suspects.map(({ id }) => id) });
    const found = await atMost(CONFIRM_MS, health.confirm(of, suspects), unread);
    return { regressed: found.regressed, unread: found.unread.length, health: health.survey(of) };
  });
}

/** A process that has just begun knows little yet: it is waited for, but not a cluster that does not answer. */
async function inSync(health: Health, clusters: HealthOptions["clusters"], of: Watched): Promise<void> {
  const deadlineMs = performance.now() + Math.max(SYNC_MS, START_MS - performance.now());
  const isLate = () => {
    const away = new Set(clusters.health().flatMap(({ cluster, reachable }) => (reachable ? [] : [cluster])));
    const { updated, unseen } = health.survey(of);
    const late = unseen.some((cluster) => !away.has(cluster));
    return late || (unseen.length === 0 && updated.total === 0);
  };
  while (isLate() && performance.now() < deadlineMs) await delay(SYNC_POLL_MS);
}

function watchedOf({ image, rewrittenTo }: RolloutState): Watched {
  return { image, ...(rewrittenTo === undefined ? {} : { rewrittenTo }) };
}
