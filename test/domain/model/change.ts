import type { Decision } from "../../../src/domain/answer.ts";
import type { Write } from "../../../src/domain/book.ts";
import type { Drive } from "../../../src/domain/drive-state.ts";
import type { Event } from "../../../src/domain/event.ts";
import { DRIVE_KEY } from "../../../src/domain/state-keys.ts";
import type { Ring } from "../../../src/domain/turn.ts";
import { carriedOut, decide } from "../harness.ts";
import { type Draft, draftOf, own } from "./shell.ts";
import { followed, goneOn, NO_SOAK, notes, sends } from "./soaking.ts";
import { bellOf, type System, type World } from "./world.ts";

/** Time stands still, but for what waits long enough. */
export const NOW = 1_000_000;
export const LATE = NOW + 60_000;

/** How many Deploys src/domain/lane-life.ts has a lane launch in its life, and the driver's own. */
const LIFE = { lane: 640, driver: 256 };

type Moment = Pick<World, "drives" | "soaking">;

/** What is now: each drive takes its time, and so does a soak. */
export function momentOf({ drives, soaking }: Moment): number {
  return soaking === NO_SOAK ? NOW : NOW + drives + soaking.passedMs;
}

/** One decision, as the exclusive handler makes it: nothing comes between. */
export function change(draft: Draft, event: Event, nowMs = NOW): Decision {
  const before = { kv: draft.kv };
  const outcome = decide(draft.kv, event, draft.soaking === NO_SOAK ? nowMs : momentOf(draft));
  draft.kv = carriedOut(draft.kv, aged(outcome.writes, draft, draft.system));
  for (const ring of outcome.rings) deliver(draft, ring);
  sends(draft, outcome);
  if (draft.soaking === NO_SOAK) return outcome;
  notes(before, draft, event, outcome);
  draft.soaking = followed(before, draft);
  return outcome;
}

function deliver(draft: Draft, { bell, grant }: Ring): void {
  const rung = draft.shells.find((shell) => bellOf(shell) === bell && shell.heard === undefined);
  if (rung !== undefined) own(draft, rung.id).heard = grant === undefined ? {} : { grant };
}

export type Cut = Pick<World, "kv" | "shells" | "soaking">;

/**
 * Each place at which a change can be killed: what it had written stays, and who was to hear of a grant does not; the other
 * bells come before everything else.
 */
export function cutShort(world: World, system: System, event: Event): Cut[] {
  const { kv } = world;
  const outcome = decide(kv, event, momentOf(world));
  const writes = aged(outcome.writes, world, system);
  const draft = draftOf(world, system);
  for (const ring of outcome.rings) if (ring.grant === undefined) deliver(draft, ring);
  // The end of a soak is sent before anything is stored, and a rollback after all of it.
  const { soaks } = outcome;
  if (soaks !== undefined) sends(draft, { soaks });
  return writes.map((_, i): Cut => {
    const cut = { kv: carriedOut(kv, writes, i + 1), shells: draft.shells };
    if (draft.soaking === NO_SOAK) return { ...cut, soaking: NO_SOAK };
    return { ...cut, soaking: followed(world, { ...cut, soaking: goneOn(world, draft.soaking, event) }) };
  });
}

/** What is written, with time at a standstill, and lanes near the end of their lives: a tiny fleet needs many, too. */
function aged(writes: readonly Write[], world: Moment & Pick<World, "kv">, { life }: System): Write[] {
  // Where time passes, who has waited at all has waited long enough.
  const sinceMs = world.soaking === NO_SOAK ? NOW : momentOf(world) - LATE + NOW;
  return writes.map((write) => {
    if ("clear" in write || write.key !== DRIVE_KEY) return write;
    const drive = write.value as Drive;
    const known = (world.kv.get(DRIVE_KEY) as Drive | undefined)?.lanes ?? {};
    const lanes = Object.entries(drive.lanes).map(([n, lane]) => {
      const drives = Number(n) === drive.forward?.lane || Number(n) === drive.rollback?.lane;
      if (life === undefined || n in known || lane.launched > 0) return [n, lane] as const;
      const left = drives ? life.driver : life.lane;
      return [n, { ...lane, launched: Math.max(0, (drives ? LIFE.driver : LIFE.lane) - left) }] as const;
    });
    const { pending } = drive;
    const waits = pending === undefined ? {} : { pending: { ...pending, sinceMs } };
    return { key: write.key, value: { ...drive, lanes: Object.fromEntries(lanes), ...waits } };
  });
}
