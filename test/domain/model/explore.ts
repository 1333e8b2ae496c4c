import { keyOf } from "./key.ts";
import { headOf, initialWorld, stepsOf } from "./steps.ts";
import type { Step, System, World } from "./world.ts";

export interface Exploration {
  states: number;
  /** Those that a rollout was in. */
  phases: Set<string>;
}

export interface Checks {
  /** @throws when a guarantee does not hold */
  state(world: World, next: readonly Step[], system: System): void;
  /** @throws when a guarantee does not hold */
  step(from: World, step: Step, system: System): void;
}

/** How each world was come to. */
type Origins = { from: number; name: string }[];

/**
 * Visits every world that can be reached, nearest first, and checks each of them and every step between them; and that from
 * each of them what goes on by itself comes to rest. What fails is thrown with the story that led there.
 */
export function explore(system: System, checks: Checks, most = 60_000): Exploration {
  const initial = initialWorld(system);
  const index = new Map<string, number>([[keyOf(initial), 0]]);
  const origins: Origins = [{ from: -1, name: "start" }];
  /** Backwards along what happens by itself. */
  const before: number[][] = [[]];
  const resting: number[] = [];
  const phases = new Set<string>();
  let frontier = [initial];
  let at = 0;
  while (frontier.length > 0) {
    const following: World[] = [];
    for (const world of frontier) {
      const steps = checked(
        () => {
          const next = stepsOf(world, system);
          checks.state(world, next, system);
          return next;
        },
        origins,
        at,
      );
      phases.add(headOf(world)?.state ?? "idle");
      if (!steps.some(({ by }) => by === "system")) resting.push(at);
      for (const step of steps) {
        checked(() => checks.step(world, step, system), origins, at, step.name);
        const key = keyOf(step.to);
        let to = index.get(key);
        if (to === undefined) {
          to = index.size;
          index.set(key, to);
          origins.push({ from: at, name: step.name });
          before.push([]);
          following.push(step.to);
        }
        if (step.by === "system") before[to]?.push(at);
      }
      at++;
    }
    if (index.size > most) throw new Error(`more than ${most} worlds`);
    frontier = following;
  }
  const restless = firstNotIn(reached(resting, before), at);
  if (restless !== undefined) throw new Error(`never comes to rest\n${storyOf(origins, restless)}`);
  return { states: at, phases };
}

function reached(from: number[], before: number[][]): Set<number> {
  const seen = new Set(from);
  const queue = [...from];
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    for (const earlier of before[at] ?? []) {
      if (seen.has(earlier)) continue;
      seen.add(earlier);
      queue.push(earlier);
    }
  }
  return seen;
}

function firstNotIn(seen: Set<number>, size: number): number | undefined {
  for (let at = 0; at < size; at++) if (!seen.has(at)) return at;
  return undefined;
}

function checked<T>(check: () => T, origins: Origins, at: number, step?: string): T {
  try {
    return check();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`${message}\n${storyOf(origins, at, step)}`, { cause: error });
  }
}

function storyOf(origins: Origins, at: number, last?: string): string {
  const story = last === undefined ? [] : [last];
  for (let i = at; i > 0; i = origins[i]?.from ?? 0) story.unshift(origins[i]?.name ?? "");
  return `after: ${story.join("\n     → ")}`;
}
