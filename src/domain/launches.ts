import type { Direction, Drive } from "./drive-state.ts";
import type { RolloutState } from "./state.ts";

/** Who asks: a Deploy that a lane of the rollout has launched. */
interface Launched {
  rolloutId: string;
  lane: number;
  direction: Direction;
}

/** Does a rollout launch anything in this direction? */
export function launchesIn(
  rollout: RolloutState | undefined,
  drive: Drive | undefined,
  { rolloutId, direction }: Pick<Launched, "rolloutId" | "direction">,
): boolean {
  if (rollout?.rolloutId !== rolloutId || drive?.rolloutId !== rolloutId) return false;
  const [driver, state] =
    direction === "forward"
      ? ([drive.forward, "in_progress"] as const)
      : ([drive.rollback, "rolling_back"] as const);
  return rollout.state === state && driver !== undefined && driver.stopping === undefined;
}

/** Is a Deploy of this rollout that was killed still wanted? Not once operators have cancelled it. */
export function isWanted(rollout: RolloutState | undefined, rolloutId: string): boolean {
  return (
    rollout?.rolloutId === rolloutId && rollout.state !== "cancelled" && rollout.state !== "rolling_back"
  );
}

/**
 * Does what a lane was granted a while ago still hold? Once it does not, it never will again: a lane outlives neither its
 * drive nor a pause. So a Deploy that stands down is one of a drive that launches nothing more, and not missed by any wave.
 */
export function stillLaunches(
  rollout: RolloutState | undefined,
  drive: Drive | undefined,
  launched: Launched,
): boolean {
  return launchesIn(rollout, drive, launched) && drive?.lanes[launched.lane]?.of === launched.direction;
}
