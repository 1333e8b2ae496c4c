import type { Outcome } from "../../../src/domain/answer.ts";
import type { Write } from "../../../src/domain/book.ts";
import type { Drive } from "../../../src/domain/drive-state.ts";
import type { Event } from "../../../src/domain/event.ts";
import { DRIVE_KEY } from "../../../src/domain/parts.ts";
import type { Ring } from "../../../src/domain/turn.ts";
import { carriedOut, decide, type Store } from "../harness.ts";
import { type Draft, draftOf, own } from "./shell.ts";
import { bellOf, type System, type World } from "./world.ts";

/** Time stands still, but for what waits long enough. */
export const NOW = 1_000_000;
export const LATE = NOW + 60_000;

/** How many Deploys src/domain/lanes.ts has a lane launch in its life, and the driver's own. */
const LIFE = { lane: 640, driver: 128 };

/** One decision, as the exclusive handler makes it: nothing comes between. */
export function change(draft: Draft, event: Event, nowMs = NOW): Outcome {
  const outcome = decide(draft.kv, event, nowMs);
  draft.kv = carriedOut(draft.kv, aged(outcome.writes, draft.kv, draft.system));
  for (const ring of outcome.rings) deliver(draft, ring);
  return outcome;
}

function deliver(draft: Draft, { bell, grant }: Ring): void {
  const rung = draft.shells.find((shell) => bellOf(shell) === bell && shell.heard === undefined);
  if (rung !== undefined) own(draft, rung.id).heard = grant === undefined ? {} : { grant };
}

/**
 * Each place at which a change can be killed: what it had written stays, and who was to hear of a grant does not; the other
 * bells come before everything else.
 */
export function cutShort(
  world: World,
  system: System,
  event: Event,
  nowMs = NOW,
): Pick<World, "kv" | "shells">[] {
  const { kv } = world;
  const outcome = decide(kv, event, nowMs);
  const writes = aged(outcome.writes, kv, system);
  const draft = draftOf(world, system);
  for (const ring of outcome.rings) if (ring.grant === undefined) deliver(draft, ring);
  return writes.map((_, i) => ({ kv: carriedOut(kv, writes, i + 1), shells: draft.shells }));
}

/** What is written, with time at a standstill, and lanes near the end of their lives: a tiny fleet needs many, too. */
function aged(writes: readonly Write[], before: Store, { life }: System): Write[] {
  return writes.map((write) => {
    if ("clear" in write || write.key !== DRIVE_KEY) return write;
    const drive = write.value as Drive;
    const known = (before.get(DRIVE_KEY) as Drive | undefined)?.lanes ?? {};
    const lanes = Object.entries(drive.lanes).map(([n, lane]) => {
      const drives = Number(n) === drive.forward?.lane || Number(n) === drive.rollback?.lane;
      if (life === undefined || n in known || lane.launched > 0) return [n, lane] as const;
      const left = drives ? life.driver : life.lane;
      return [n, { ...lane, launched: Math.max(0, (drives ? LIFE.driver : LIFE.lane) - left) }] as const;
    });
    const { pending } = drive;
    const waits = pending === undefined ? {} : { pending: { ...pending, sinceMs: NOW } };
    return { key: write.key, value: { ...drive, lanes: Object.fromEntries(lanes), ...waits } };
  });
}
