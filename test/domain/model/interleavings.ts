import { expect, it } from "vitest";
import { explore } from "./explore.ts";
import { guarantees } from "./guarantees.ts";
import type { System } from "./world.ts";

export type NamedSystem = System & { name: string };

const PHASES = ["cancelled", "completed", "idle", "in_progress", "paused", "rolling_back"];

/**
 * Every order in which operators, drives, lanes, Deploys, the watchdog and faults can take turns, for fleets so small that
 * there is an end to it, with the very core that ships. How often operators act and faults happen is bounded for that, too;
 * a Cancel is possible at every turn.
 */
export function everyInterleavingOf(systems: readonly NamedSystem[]): void {
  for (const system of systems) {
    it(system.name, { timeout: 300_000 }, () => {
      const { states, phases } = explore(system, guarantees);
      const { left, limits } = system;
      const back = (left.RollbackAll ?? 0) + (left.Abort ?? 0) > 0 || limits?.onFailure !== undefined;
      const possible = PHASES.filter((phase) => phase !== "rolling_back" || back);
      const pauses =
        left.Pause ||
        left.Freeze ||
        left.fail ||
        left.kill ||
        left.killLane ||
        left.torn ||
        left.interrupt ||
        left.regress;
      expect([...phases].sort()).toEqual(possible.filter((phase) => phase !== "paused" || pauses));
      expect(states).toBeGreaterThan(1_000);
    });
  }
}
