import { setTimeout as delay } from "node:timers/promises";
import { Violations } from "../checker/checker.ts";
import type { Arena } from "./arena.ts";
import { episode } from "./episode.ts";
import type { Fault } from "./fault.ts";
import { Random } from "./random.ts";
import { openArena } from "./surroundings.ts";

export interface SoakOptions {
  /** It ends after so long, or after so many rollouts: a slow machine does as many, and takes longer. */
  length: { minutes: number } | { rollouts: number };
  seed: number;
  faults: readonly Fault[];
  /** Those that take long. Default: none. */
  rareFaults?: readonly Fault[];
  /** One line each. */
  log(line: string): void;
}

export interface Summary {
  seed: number;
  fleets: number;
  rollouts: number;
  /** By the state in which a rollout came to rest. */
  endings: Record<string, number>;
  verbs: Record<string, number>;
  /** Injected, by kind. */
  faults: Record<string, number>;
  /** Invariants looked at, over all rollouts. */
  checked: number;
  violations: string[];
}

/** A fleet of another size after so many rollouts. */
const ROLLOUTS_OF_A_FLEET = 8;

/** Random verbs and random faults on random fleets. What one did is drawn from the seed alone. */
export async function soak({ length, seed, faults, rareFaults = [], log }: SoakOptions): Promise<Summary> {
  const random = new Random(seed);
  const beganMs = Date.now();
  const endings = {};
  const summary: Summary = {
    ...{ seed, fleets: 0, rollouts: 0, checked: 0 },
    ...{ endings, verbs: {}, faults: {}, violations: [] },
  };
  const goesOn = () =>
    "rollouts" in length
      ? summary.rollouts < length.rollouts
      : Date.now() < beganMs + length.minutes * 60_000;
  while (goesOn()) {
    const sentinels = random.between(1, 30);
    summary.fleets++;
    log(`fleet ${summary.fleets}: ${sentinels} sentinels`);
    // Killed Deploys are settled after their deadline.
    const { arena, close } = await openArena({ sentinels, env: { DEPLOY_TIMEOUT_SECONDS: "15" } });
    try {
      for (let n = 1; n <= ROLLOUTS_OF_A_FLEET && goesOn(); n++) {
        summary.rollouts++;
        const image = `x/sentinel:v${n}`;
        await episode(arena, random.fork(), { faults, rareFaults, summary, log, image });
      }
    } catch (error) {
      const found = error instanceof Violations ? error.violations : [String(error)];
      summary.violations.push(...found.map((each) => `rollout ${summary.rollouts}: ${each}`));
      for (const each of found) log(`VIOLATION in rollout ${summary.rollouts}: ${each}`);
      await keepWhatIsThere(arena, log);
    } finally {
      summary.checked += arena.checker.checked;
      await close();
    }
    await delay(0);
  }
  return summary;
}

/** For whoever looks into it. */
async function keepWhatIsThere(arena: Arena, log: (line: string) => void): Promise<void> {
  const looks = [
    arena.world.state(),
    arena.world.rows(),
    arena.world.sql(
      "SELECT id, target, status, last_failure FROM sys_invocation WHERE status <> 'completed'",
    ),
  ];
  for (const look of looks) log(JSON.stringify(await look.catch(String)));
  log(JSON.stringify(arena.world.slack()));
}
