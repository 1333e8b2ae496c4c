import { setTimeout as delay } from "node:timers/promises";
import type { FleetState } from "../../support/rollout-state.ts";
import type { Arena } from "./arena.ts";
import type { Fault, Heal } from "./fault.ts";
import type { Random } from "./random.ts";
import type { Summary } from "./soak.ts";

interface EpisodeOptions {
  faults: readonly Fault[];
  rareFaults: readonly Fault[];
  summary: Summary;
  image: string;
  log(line: string): void;
}

/** What takes long comes once in so many times. */
const RARITY = 25;
/** So often a rollout is asked for that is ended before its first step. */
const ASKS = 4;
const BREAKS = ["ImagePullBackOff", "CrashLoopBackOff"];

/**
 * One rollout from its beginning until nobody goes on with it, with faults on the way, and a check at its end.
 * @throws Violations
 */
export async function episode(arena: Arena, random: Random, options: EpisodeOptions): Promise<FleetState> {
  const { summary, log, image } = options;
  const ids = arena.world.stack.fleet.map(({ id }) => id);
  const [broken = "", slow = ""] = random.shuffled(ids);
  // Announced to the cluster only: what they carry is part of what the checker compares with.
  if (random.chance(0.5)) await arena.world.fault(broken, random.pick(BREAKS), image);
  if (slow !== "" && random.chance(0.5)) await arena.world.fault(slow, `slow:${random.between(1, 4)}`, image);
  await arena.checker.begin();

  const percentages = random.chance(0.5) ? [100] : [random.between(1, 30), random.between(31, 99), 100];
  const said: string[] = [];
  const act = async (verb: "Rollout" | "Resume" | "RollbackAll" | "Cancel", body = {}) => {
    summary.verbs[verb] = (summary.verbs[verb] ?? 0) + 1;
    const { id, answer } = await arena.start(verb, body);
    const trouble = disturb(arena, random, id, said, options);
    const { status, body: answered } = await answer;
    await trouble;
    said.push(`${verb} → ${status} ${answered.state ?? answered.message}`);
  };
  for (let asked = 0; asked < ASKS; asked++) {
    await act("Rollout", { image, wave_percentages: percentages });
    if (await began(arena, image)) break;
  }
  let state = await arena.rests();
  for (let turn = 0; state.state === "paused" && turn < 4; turn++) {
    await act(turn === 3 ? "Cancel" : random.pick(["Resume", "Resume", "Cancel", "RollbackAll"]));
    state = await arena.rests();
  }
  if (state.state === "cancelled" && random.chance(0.7)) await act("RollbackAll");
  // What was killed says so only once the watchdog has found out, and Slack hears of it last.
  await arena.rests();
  await arena.world.quiet();
  // A rollback that was cut short does not know of all that it reverted: the next one finds them.
  if (/rollback interrupted/.test(arena.world.slack().at(-1) ?? "")) {
    said.push(`again → ${(await arena.verb("RollbackAll")).status}`);
  }
  log(`rollout ${summary.rollouts}: ${said.join(", ")}`);
  const end = await arena.checker.check();
  summary.endings[end.state] = (summary.endings[end.state] ?? 0) + 1;
  return end;
}

/** It may have been ended before its first step: then nothing may have come of it. */
async function began(arena: Arena, image: string): Promise<boolean> {
  const state = await arena.world.state();
  if (state === undefined || state.image === image) return state !== undefined;
  await arena.checker.check();
  return (await arena.world.state())?.image === image;
}

/** Faults while a verb is at work, each healed before the next; now and then somebody cancels or kills. */
async function disturb(
  arena: Arena,
  random: Random,
  invocation: string,
  said: string[],
  options: EpisodeOptions,
): Promise<void> {
  const { summary } = options;
  const from = arena.proxy.patches.length;
  const count = random.between(0, 2);
  for (let n = 0; n < count; n++) {
    const fault = choose(arena, random, options);
    await arena.soonAfterPatches(random.between(0, arena.world.stack.fleet.length), from);
    summary.faults[fault.name] = (summary.faults[fault.name] ?? 0) + 1;
    said.push(fault.name);
    const heal: Heal = await arena.inject(fault, random.fork());
    await delay(random.between(...(fault.lastsMs ?? [0, 0])));
    await heal();
  }
  const how = random.fraction();
  if (how < 0.2) {
    await arena.soonAfterPatches(random.between(0, arena.world.stack.fleet.length), from);
    summary.verbs.Cancel = (summary.verbs.Cancel ?? 0) + 1;
    const { status } = await arena.verb("Cancel");
    said.push(`Cancel → ${status}`);
  } else if (how < 0.3) {
    await arena.soonAfterPatches(random.between(0, arena.world.stack.fleet.length), from);
    const name = how < 0.27 ? "cancelled" : "killed";
    arena.suffers({ name: `invocation ${name}`, losesAnswers: 1 });
    summary.faults[`invocation ${name}`] = (summary.faults[`invocation ${name}`] ?? 0) + 1;
    said.push(`invocation ${name}`);
    await arena.world.end(invocation, name === "cancelled" ? "cancel" : "kill").catch(() => undefined);
  }
}

function choose(arena: Arena, random: Random, { faults, rareFaults }: EpisodeOptions): Fault {
  const rarely = random.between(1, RARITY) === 1;
  const [usual, rare] = [faults, rareFaults].map((all) =>
    all.filter(({ possible }) => possible?.(arena) ?? true),
  ) as [Fault[], Fault[]];
  return random.pick(rarely && rare.length > 0 ? rare : usual);
}
