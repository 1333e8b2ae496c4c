import { setTimeout as sleep } from "node:timers/promises";
import type { HealthSurvey, Regression } from "../domain/health.ts";
import type { WatchedDeployment } from "../kubernetes/deployment-watch.ts";
import type { SentinelStore } from "../mysql/sentinels.ts";
import { type Confirmed, confirmed } from "./confirm.ts";
import { createSight, type SightOptions } from "./sight.ts";
import { surveyed } from "./survey.ts";
import { createTrigger, type Trigger } from "./trigger.ts";

/** What is watched for a rollout. */
export interface Watched {
  image: string;
  /** What admission makes of it. */
  rewrittenTo?: string;
}

export interface HealthNews {
  /** Those of which the caller has not told yet. */
  regressed: Regression[];
  recovered: string[];
  survey: HealthSurvey;
}

/**
 * What this replica knows of the health of sentinels on an image. It costs something only while a caller waits for news. All
 * but `confirm` is a hint: it comes from the caches alone, which may be behind.
 */
export interface Health {
  survey(of: Watched): HealthSurvey;
  /** All that are regressed now. */
  suspects(of: Watched): Regression[];
  /**
   * Waits until a sentinel that is not in `told` regresses, or one in `told` recovers (it has been well for as long as a
   * regression takes). Changes within 1 s form one news. Ends after `timeoutMs` or when the signal aborts, and then returns
   * only the survey.
   */
  news(of: Watched, told: ReadonlySet<string>, timeoutMs: number, signal?: AbortSignal): Promise<HealthNews>;
  /**
   * Reads each again: all rows in one statement, and from its cluster the Deployment and its pods. Never rejects: what cannot be
   * read is `unread`. Who is neither is not judged any more, or has not been well for long enough.
   */
  confirm(of: Watched, regressions: readonly Regression[]): Promise<Confirmed>;
}

export interface HealthWatch extends Health {
  /** Undefined: it was not known, or is gone. */
  changed(before: WatchedDeployment | undefined, now: WatchedDeployment | undefined): void;
  /** A pod of this sentinel was restarted, or has entered or left CrashLoopBackOff. */
  crashed(id: string): void;
}

export interface HealthOptions extends SightOptions {
  store: Pick<SentinelStore, "observedRowsOf">;
}

/** Changes are collected for this long (ms). */
const COLLECT_MS = 1_000;
/** Looks are at least this far apart (ms). */
const APART_MS = 250;
/** Rows that were not known and clusters that were away are told by no event. */
const TICK_MS = 5_000;
/** What a fresh reading did not confirm is not suspected again for this long (ms), unless it changes. */
const QUIET_MS = 30_000;

export function createHealth(options: HealthOptions): HealthWatch {
  const { debounceMs } = options;
  const sight = createSight(options);
  const waiting = new Set<Trigger>();
  /** Until when (unix ms) there is no news of a sentinel. */
  const quiet = new Map<string, number>();

  /** `nextMs`: in how long there may be news though nothing changes. */
  function look(images: readonly string[], told: ReadonlySet<string>) {
    const nowMs = Date.now();
    const unseen = sight.unseen();
    const regressed: Regression[] = [];
    const recovered: string[] = [];
    let nextMs = TICK_MS;
    for (const at of sight.clusters) {
      if (unseen.has(at.cluster.name)) continue;
      const names = new Set([...at.deployments.unavailable(), ...at.pods.ailing()]);
      for (const sighted of sight.each(at, names)) {
        const { id } = sighted.row;
        const judgement = told.has(id) ? undefined : sight.judged(sighted, images, true);
        if (judgement?.kind !== "ailing") continue;
        const { sinceMs, why } = judgement;
        if (judgement.regressed) regressed.push({ id, sinceMs, why });
        else nextMs = Math.min(nextMs, sinceMs + debounceMs - nowMs);
      }
    }
    for (const id of told) {
      const sighted = sight.sighted(id);
      if (sighted === undefined || unseen.has(sighted.at.cluster.name)) continue;
      if (sight.judged(sighted, images, true).kind !== "healthy") continue;
      const leftMs = debounceMs - sight.unchangedMs(sighted.deployment);
      if (leftMs <= 0) recovered.push(id);
      else nextMs = Math.min(nextMs, leftMs);
    }
    return { regressed, recovered, nextMs };
  }

  function newsNow(images: readonly string[], told: ReadonlySet<string>) {
    const nowMs = Date.now();
    const isQuiet = (id: string) => (quiet.get(id) ?? 0) > nowMs;
    const { regressed, recovered, nextMs } = look(images, told);
    return {
      regressed: regressed.filter(({ id }) => !isQuiet(id)),
      recovered: recovered.filter((id) => !isQuiet(id)),
      nextMs,
    };
  }

  async function wait(
    images: readonly string[],
    told: ReadonlySet<string>,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Pick<HealthNews, "regressed" | "recovered">> {
    const overMs = performance.now() + timeoutMs;
    const leftMs = () => Math.max(overMs - performance.now(), 0);
    const trigger = createTrigger();
    waiting.add(trigger);
    try {
      for (;;) {
        const { regressed, recovered, nextMs } = newsNow(images, told);
        if (regressed.length > 0 || recovered.length > 0) {
          await pause(Math.min(COLLECT_MS, leftMs()), signal);
          const all = newsNow(images, told);
          // What was a flicker is no news.
          if (all.regressed.length > 0 || all.recovered.length > 0) return all;
        }
        if (leftMs() === 0 || signal.aborted) return { regressed: [], recovered: [] };
        await pause(Math.min(APART_MS, leftMs()), signal);
        await trigger.wait(Math.min(Math.max(nextMs - APART_MS, 0), leftMs()), signal);
      }
    } finally {
      waiting.delete(trigger);
    }
  }

  function wake(id: string): void {
    quiet.delete(id);
    for (const trigger of waiting) trigger.fire();
  }

  return {
    survey: (of) => surveyed(sight, imagesOf(of)),

    suspects: (of) => look(imagesOf(of), new Set()).regressed,

    async news(of, told, timeoutMs, signal = new AbortController().signal) {
      const images = imagesOf(of);
      const { regressed, recovered } = await wait(images, told, timeoutMs, signal);
      return { regressed, recovered, survey: surveyed(sight, images) };
    },

    async confirm(of, regressions) {
      const answer = await confirmed({ sight, store: options.store, debounceMs }, imagesOf(of), regressions);
      const nowMs = Date.now();
      for (const [id, untilMs] of quiet) if (untilMs <= nowMs) quiet.delete(id);
      const told = new Set([...answer.regressed.map(({ id }) => id), ...answer.recovered]);
      for (const { id } of regressions) if (!told.has(id)) quiet.set(id, nowMs + QUIET_MS);
      return answer;
    },

    changed(before, now) {
      const ails = before?.unavailableMs !== undefined || now?.unavailableMs !== undefined;
      if (ails && (waiting.size > 0 || quiet.size > 0)) wake((now ?? before)?.sentinelId ?? "");
    },

    crashed(id) {
      if (waiting.size > 0 || quiet.size > 0) wake(id);
    },
  };
}

function imagesOf({ image, rewrittenTo }: Watched): string[] {
  return rewrittenTo === undefined ? [image] : [image, rewrittenTo];
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
