import { stepsOf } from "./steps.ts";
import { keyOf, type Step, type World } from "./world.ts";

export interface Exploration {
  states: number;
  /** Those that the machine was in. */
  phases: Set<string>;
  /** Worlds from which nothing that goes on by itself, with Cancel alone, leads to a phase in which a rollout can begin. */
  stranded: number;
}

export interface Checks {
  /** @throws when a guarantee does not hold */
  state(world: World, next: readonly Step[]): void;
  /** @throws when a guarantee does not hold */
  step(from: World, step: Step): void;
}

/**
 * Visits every world that can be reached, nearest first, and checks each of them and every step between them. What
 * fails is thrown with the story that led there.
 */
export function explore(initial: World, waves: string[][], checks: Checks): Exploration {
  const index = new Map<string, number>([[keyOf(initial), 0]]);
  const origins: { from: number; name: string }[] = [{ from: -1, name: "start" }];
  /** Backwards along what happens without a fault or a decision other than Cancel. */
  const before: number[][] = [[]];
  const ended: number[] = [];
  const phases = new Set<string>();
  let frontier = [initial];
  let at = 0;
  while (frontier.length > 0) {
    const following: World[] = [];
    for (const world of frontier) {
      const steps = checked(() => visit(world, waves, checks), origins, at, "");
      const phase = world.machine.rollout?.state ?? "idle";
      phases.add(phase);
      if (["idle", "completed", "cancelled"].includes(phase)) ended.push(at);
      for (const step of steps) {
        checked(() => checks.step(world, step), origins, at, step.name);
        const key = keyOf(step.to);
        let to = index.get(key);
        if (to === undefined) {
          to = index.size;
          index.set(key, to);
          origins.push({ from: at, name: step.name });
          before.push([]);
          following.push(step.to);
        }
        if (step.by === "system" || step.name === "Cancel") before[to]?.push(at);
      }
      at++;
    }
    frontier = following;
  }
  return { states: at, phases, stranded: at - reached(ended, before) };
}

function visit(world: World, waves: string[][], checks: Checks): Step[] {
  const steps = stepsOf(world, waves);
  checks.state(world, steps);
  return steps;
}

function reached(from: number[], before: number[][]): number {
  const seen = new Set(from);
  const queue = [...from];
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    for (const earlier of before[at] ?? []) {
      if (seen.has(earlier)) continue;
      seen.add(earlier);
      queue.push(earlier);
    }
  }
  return seen.size;
}

function checked<T>(check: () => T, origins: { from: number; name: string }[], at: number, step: string): T {
  try {
    return check();
  } catch (error) {
    const story = step === "" ? [] : [step];
    for (let i = at; i > 0; i = origins[i]?.from ?? 0) story.unshift(origins[i]?.name ?? "");
    throw new Error(`${error instanceof Error ? error.message : error}\nafter: ${story.join(" → ")}`, {
      cause: error,
    });
  }
}
