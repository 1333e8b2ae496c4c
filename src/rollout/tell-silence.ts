import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import type { Drive } from "../domain/drive-state.ts";
import type { Silence } from "../domain/event.ts";
import type { Quiet } from "../domain/overdue.ts";
import type { JournalRoom } from "./journal-room.ts";
import { requestChange } from "./request-change.ts";
import { type RowsOfLaneOptions, rowsOfLane } from "./rows-of-lane.ts";

/** A call, and its answer; and a step. */
const CALL_ENTRIES = 3;
const STEP_ENTRIES = 2;

/** Adds the reason where only the silence is known. */
export function inWords({ invocationId, sinceMs, why }: Quiet): Silence {
  const quiet = `it has not answered since ${new Date(sinceMs).toISOString()}`;
  return { invocationId, sinceMs, why: why ?? quiet };
}

/** Stores which lanes do not answer, and what the rows tell of the sentinels that these lanes hold. */
export async function tellSilence(
  ctx: ObjectSharedContext,
  drive: Drive,
  silent: Silence[] | undefined,
  options: RowsOfLaneOptions,
  room: JournalRoom,
): Promise<void> {
  if (silent === undefined) return;
  const { rolloutId } = drive;
  const lanes = Object.values(drive.lanes);
  const ids = new Set(silent.map(({ invocationId }) => invocationId));
  const concerns = lanes.some((lane) => lane.silent !== undefined || ids.has(lane.invocationId ?? ""));
  if (!concerns) return;
  const { held = [] } = await requestChange(ctx, "who does not answer", {
    type: "silent",
    rolloutId,
    silent,
  });
  room.add(CALL_ENTRIES, silent, held);
  for (const holding of held) {
    const results = await ctx.run(`read the rows of lane ${holding.lane}`, () =>
      rowsOfLane(holding, options),
    );
    room.add(STEP_ENTRIES, results);
    if (results.length > 0) {
      const { lane } = holding;
      await requestChange(ctx, `rows of lane ${lane}: ${results.length}`, {
        type: "found",
        rolloutId,
        lane,
        results,
      });
      room.add(CALL_ENTRIES, results);
    }
    // The lanes do not hold what was found any more: the next watchdog reads the rest.
    if (room.isFull) return;
  }
}
