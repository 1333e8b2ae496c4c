import { type ObjectSharedContext, RestatePromise, rpc } from "@restatedev/restate-sdk";
import { plural } from "../domain/progress.ts";
import type { Wave } from "../domain/rollout.ts";
import type { Event, SentinelResult } from "../domain/state.ts";
import { type View, viewOfSuperseded } from "../domain/view.ts";
import { recordEvery } from "../domain/waves.ts";
import type { Logger } from "../log.ts";
import { deployOutcome } from "./deploy-outcome.ts";
import { cancellation, driveId, report } from "./driver.ts";
import { InFlight } from "./fan-out.ts";
import { ROLLOUT_ID_HEADER, SentinelObject, WAVE_HEADER } from "./names.ts";

export interface ForwardOptions {
  logger: Logger;
  /** Most Deploys in flight at a time. */
  maxInFlight: number;
}

/** Why a drive launches nothing more: an operator's Cancel, or the cancellation of its own invocation. */
type Stop = "cancelled" | "interrupted";

type Opening = Extract<Event, { type: "begin" | "resume" }>;

/**
 * Drives a rollout, wave after wave, until it is completed, paused or cancelled. Holds no lock: every change of the
 * state is a transition of its own.
 * @param opening makes the event that starts the drive, given the drive's identity
 * @param name of the opening step in the journal
 */
export async function driveForward(
  ctx: ObjectSharedContext,
  options: ForwardOptions,
  name: string,
  opening: (drive: Opening["drive"]) => Opening,
): Promise<View> {
  const signal = ctx.awakeable<void>();
  const stop = RestatePromise.race([
    signal.promise.map((): Stop => "cancelled"),
    cancellation(ctx).map((): Stop => "interrupted"),
  ]);
  const drive = driveId(ctx);
  let step = await report(ctx, name, opening({ invocationId: drive, signal: signal.id }));
  if (step.wave !== undefined) await announce(ctx, options.logger, name, step.view);
  const inFlight = new InFlight<SentinelResult, Stop>(ctx);
  while (step.wave !== undefined) {
    const { wave, view } = step;
    const title = `wave ${wave.number}/${wave.of}`;
    await ctx.run(`${title}: ${plural(wave.ids.length, "sentinel")}`, () => {
      const { rolloutId, image } = view;
      options.logger.info(
        { rolloutId, image, wave: wave.number, sentinels: wave.ids.length },
        "starting wave",
      );
    });
    const { results, stopped } = await deployWave(ctx, wave, view.rolloutId, stop, inFlight, options);
    step =
      stopped === "interrupted"
        ? await report(ctx, `${title}: interrupted`, {
            type: "interrupt",
            drive,
            results,
            reason: INTERRUPTED,
          })
        : await report(ctx, `${title}: finished`, { type: "finishWave", drive, results });
    if (!step.accepted) return viewOfSuperseded(view, "another rollout has started since");
  }
  if (step.view.state !== "rolling_back") return step.view;
  return viewOfSuperseded(step.view, "a rollback is running");
}

const INTERRUPTED = "the driving invocation was cancelled; the Deploys in flight were left to finish";

/**
 * Deploys the sentinels of a wave, at most `maxInFlight` at a time, and records results on the way. After a stop nothing
 * more is launched, and those in flight settle on their own. Returns what was not recorded yet.
 */
async function deployWave(
  ctx: ObjectSharedContext,
  wave: Wave,
  rolloutId: string,
  stop: RestatePromise<Stop>,
  inFlight: InFlight<SentinelResult, Stop>,
  { maxInFlight }: ForwardOptions,
): Promise<{ results: SentinelResult[]; stopped: Stop | undefined }> {
  const headers = { [ROLLOUT_ID_HEADER]: rolloutId, [WAVE_HEADER]: String(wave.number) };
  const waiting = wave.ids.values();
  let every = recordEvery(wave.ids.length);
  let stopped: Stop | undefined;
  let results: SentinelResult[] = [];
  const record = async () => {
    await report(ctx, `wave ${wave.number}/${wave.of}: record ${results.length}`, {
      type: "record",
      drive: driveId(ctx),
      results,
    });
    results = [];
  };
  for (;;) {
    while (stopped === undefined && inFlight.size < maxInFlight) {
      const { value: id, done } = waiting.next();
      if (done) break;
      const call = ctx
        .objectClient(SentinelObject, id)
        .Deploy({ image: wave.image }, rpc.opts({ name: `Deploy ${id}`, headers }));
      await inFlight.add(id, call, deployOutcome(id, call));
    }
    if (inFlight.size === 0) return { results, stopped };
    const arrival = await inFlight.next(stopped === undefined ? stop : undefined);
    if (arrival.kind === "stop") {
      stopped = arrival.why;
      every = recordEvery(inFlight.size);
    } else if (arrival.kind === "result") {
      inFlight.remove(arrival.value.id);
      results.push(arrival.value);
      // The last results of a wave travel with its end.
      if (results.length >= every && inFlight.size > 0) await record();
    } else if (results.length > 0) {
      await record();
    }
  }
}

async function announce(ctx: ObjectSharedContext, logger: Logger, name: string, view: View): Promise<void> {
  const { rolloutId, image, total, waves } = view;
  await ctx.run("announce", () =>
    logger.info({ rolloutId, image, sentinels: total, waves }, `starting sentinel ${name}`),
  );
}
