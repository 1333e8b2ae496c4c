import { setTimeout as delay } from "node:timers/promises";
import type { FleetState } from "../../support/rollout-state.ts";
import type { Verb } from "../checker/evidence.ts";
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
/** And so often somebody decides what becomes of a pause. */
const TURNS = 5;
const BREAKS = ["ImagePullBackOff", "CrashLoopBackOff"];
/** What an operator does with a rollout that is paused; mostly it goes on. */
const DECISIONS: Verb["name"][] = [
  ...(["Resume", "Resume", "Resume", "RetryFailed", "RetryFailed"] as const),
  ...(["Cancel", "RollbackAll", "Abort"] as const),
];
/** What one does in the middle of a rollout, by the odds. */
const INTERVENTIONS: [odds: number, verb: Verb["name"]][] = [
  [0.12, "Cancel"],
  [0.28, "Pause"],
  [0.36, "Abort"],
  [0.42, "Freeze"],
];
/** And what ends its invocation. */
const ENDINGS: [odds: number, how: "cancel" | "kill"][] = [
  [0.48, "cancel"],
  [0.51, "kill"],
];

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
  const soak = random.chance(0.4) ? soakOf(random) : {};
  const soaks = "soak_seconds" in soak;
  for (const id of soaks && random.chance(0.6) ? random.shuffled(ids).slice(0, random.between(1, 3)) : []) {
    if (id !== broken && id !== slow) await arena.breaksLater(id, random.between(1, 5), image);
  }
  await arena.checker.begin({ soaks });

  const percentages = random.chance(0.5) ? [100] : [random.between(1, 30), random.between(31, 99), 100];
  const said: string[] = [];
  const act = async (verb: Verb["name"], body = bodyOf(verb, random)) => {
    summary.verbs[verb] = (summary.verbs[verb] ?? 0) + 1;
    const { id, answer } = await arena.start(verb, body);
    const trouble = disturb(arena, random, id, said, options);
    const { status, body: answered } = await answer;
    await trouble;
    said.push(`${verb} → ${status} ${answered.state ?? answered.message}`);
    await thaw(arena, random, said);
  };
  const limits = { ...(random.chance(0.5) ? {} : limitsOf(random)), ...soak };
  if (Object.keys(limits).length > 0) said.push(JSON.stringify(limits));
  for (let asked = 0; asked < ASKS; asked++) {
    await act("Rollout", { image, wave_percentages: percentages, ...limits });
    if (await began(arena, image)) break;
  }
  let state = await arena.rests();
  for (let turn = 0; state.state === "paused" && turn < TURNS; turn++) {
    // Now and then it is left paused: what is so, is looked at, too.
    if (turn > 0 && random.chance(0.1)) break;
    await act(turn === TURNS - 1 ? "Cancel" : random.pick(DECISIONS));
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
  // The next one could not begin.
  if (end.state === "paused") {
    await arena.verb("Cancel");
    await arena.world.quiet();
  }
  return end;
}

/** It may have been ended before its first step: then nothing may have come of it. */
async function began(arena: Arena, image: string): Promise<boolean> {
  const state = await arena.world.state();
  if (state === undefined || state.image === image) return state !== undefined;
  await arena.checker.check();
  return (await arena.world.state())?.image === image;
}

/** What a rollout is asked to keep to: one or two of all that there is. */
function limitsOf(random: Random): object {
  const all = [
    { max_failures: random.pick([0, 1, "10%", "50%"]) },
    { max_total_failures: random.pick([0, 2, "20%"]) },
    { max_in_flight: random.between(1, 5) },
    { ramp: true },
  ];
  return Object.assign({}, ...random.shuffled(all).slice(0, random.between(1, 2)));
}

/** How long each wave soaks, and how many of those that took the image may break. */
function soakOf(random: Random): object {
  const most = random.chance(0.3) ? {} : { max_regressions: random.pick([0, 1, "20%"]) };
  const goesBack = random.chance(0.3) ? { on_failure: "rollback" } : {};
  return { soak_seconds: random.between(1, 3), ...most, ...goesBack };
}

const FROZEN = "Freeze → 200";

/** What is frozen, thaws; who would go on before that is refused. */
async function thaw(arena: Arena, random: Random, said: string[]): Promise<void> {
  if (said.filter((each) => each === FROZEN).length <= said.filter((each) => each === "Unfreeze").length)
    return;
  if (random.chance(0.5)) said.push(`Resume → ${(await arena.verb("Resume")).status}`);
  await arena.verb("Unfreeze");
  said.push("Unfreeze");
}

/** The way back takes the failed ones along now and then. */
function bodyOf(verb: Verb["name"], random: Random): object {
  if (verb === "Freeze") return { reason: "soak" };
  if (verb === "RetryFailed") return random.chance(0.5) ? { resume: true } : {};
  const goesBack = verb === "RollbackAll" || verb === "Abort";
  return goesBack && random.chance(0.4) ? { include_failed: true } : {};
}

/** Faults while a verb is at work, each healed before the next; now and then somebody stops it, or ends its invocation. */
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
  const verb = INTERVENTIONS.find(([odds]) => how < odds)?.[1];
  const ending = ENDINGS.find(([odds]) => how < odds)?.[1];
  if (verb === undefined && ending === undefined) return;
  await arena.soonAfterPatches(random.between(0, arena.world.stack.fleet.length), from);
  if (verb !== undefined) {
    await intervene(arena, random, verb, said, summary);
  } else if (ending !== undefined) {
    const name = `invocation ${ending === "cancel" ? "cancelled" : "killed"}`;
    arena.suffers({ name, losesAnswers: 1 });
    summary.faults[name] = (summary.faults[name] ?? 0) + 1;
    said.push(name);
    await arena.world.end(invocation, ending).catch(() => undefined);
  }
}

/** A pause that is under way may be asked for again, or be beaten by what ends the rollout. */
async function intervene(
  arena: Arena,
  random: Random,
  first: Verb["name"],
  said: string[],
  { verbs }: Summary,
): Promise<void> {
  const then: Verb["name"][] =
    first === "Pause" && random.chance(0.3) ? [random.pick(["Pause", "Cancel", "Abort"])] : [];
  for (const verb of [first, ...then]) {
    verbs[verb] = (verbs[verb] ?? 0) + 1;
    const { status } = await arena.verb(verb, bodyOf(verb, random));
    said.push(`${verb} → ${status}`);
  }
}

function choose(arena: Arena, random: Random, { faults, rareFaults }: EpisodeOptions): Fault {
  const rarely = random.between(1, RARITY) === 1;
  const [usual, rare] = [faults, rareFaults].map((all) =>
    all.filter(({ possible }) => possible?.(arena) ?? true),
  ) as [Fault[], Fault[]];
  return random.pick(rarely && rare.length > 0 ? rare : usual);
}
