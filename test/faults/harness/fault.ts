import type { Arena } from "./arena.ts";
import type { Random } from "./random.ts";

/** One kind of trouble that a scenario, or the soak, brings upon a running rollout. */
export interface Fault {
  /** Names it in the summary: `MySQL frozen`. */
  name: string;
  /**
   * How many answers of the Kubernetes API or results of steps one injection can lose: so many patches of one sentinel
   * more may be seen.
   */
  losesAnswers: number;
  /** The service's process dies with it: a Slack message under way may be sent once more. */
  crashes?: boolean;
  /** False: not possible in this arena (no embedded API, no MySQL process of its own). */
  possible?(arena: Arena): boolean;
  /** Begins it. Resolves, once it is there, to how it ends: by then everything works as before. */
  inject(arena: Arena, random: Random): Promise<Heal>;
  /** How long (ms) a soak leaves it be, at least and at most. Default: healed at once. */
  lastsMs?: readonly [least: number, most: number];
}

/** For trouble that passes before a Deploy gives up. */
export const A_MOMENT_MS = [300, 3_000] as const;

export type Heal = () => Promise<void>;
