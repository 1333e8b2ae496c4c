import type { Fault } from "../harness/fault.ts";
import { NEIGHBOUR_FAULTS } from "./neighbours.ts";
import { PROCESS_FAULTS } from "./processes.ts";

/** Everything that the soak brings upon a rollout. */
export const FAULTS: Fault[] = [...PROCESS_FAULTS, ...NEIGHBOUR_FAULTS];
