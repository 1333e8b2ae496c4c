import type { Direction, Drive } from "../domain/drive-state.ts";
import { launchesIn } from "../domain/launches.ts";
import type { RolloutState } from "../domain/state.ts";

/**
 * The rollout as the last change in this process left it. A hint: another replica may have changed it since. It decides
 * nothing, but whether a Deploy asks.
 */
export interface LastKnown {
  tell(rollout: RolloutState | undefined, drive: Drive | undefined): void;
  /** True: as far as this process knows, that rollout launches nothing more. */
  doubts(rolloutId: string, direction: Direction): boolean;
  /** True: as far as this process knows, that rollout is neither under way nor paused any more. */
  isOver(rollout: Pick<RolloutState, "rolloutId" | "startedAtMs">): boolean;
}

export function createLastKnown(): LastKnown {
  let last: { rollout: RolloutState | undefined; drive: Drive | undefined } | undefined;
  return {
    tell(rollout, drive) {
      last = { rollout, drive };
    },
    isOver: ({ rolloutId, startedAtMs }) => {
      const { rollout } = last ?? {};
      if (rollout === undefined) return false;
      if (rollout.rolloutId !== rolloutId) return rollout.startedAtMs > startedAtMs;
      return rollout.state !== "in_progress" && rollout.state !== "paused";
    },
    doubts: (rolloutId, direction) =>
      last !== undefined && !launchesIn(last.rollout, last.drive, { rolloutId, direction }),
  };
}
