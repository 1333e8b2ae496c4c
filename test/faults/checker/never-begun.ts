import type { Sight } from "./sight.ts";

/** Whoever asked for a rollout was refused, or it was ended before its first step: the state is of the one before. */
export function neverBegan({ before, state, verbs }: Sight): boolean {
  return before.rolloutId === state.rolloutId && verbs.every(({ status = 200 }) => status >= 400);
}

/** d, f: a rollout that never began changed nothing, and nobody was told of it. */
export function nothingCameOfIt({ before, after, patches }: Sight): string[] {
  const told = after.slack.slice(before.slack.length).map(({ header }) => header);
  return [
    ...patches.map(({ url }) => `d: ${url} was patched, and no rollout had begun`),
    ...told.map((header) => `f: ${header}, and no rollout had begun`),
  ];
}
