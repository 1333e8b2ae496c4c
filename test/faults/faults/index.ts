import type { Fault } from "../harness/fault.ts";
import { dependencyFaults } from "./dependencies.ts";
import { mysqlFrozenFor30s } from "./mysql.ts";
import { processFaults } from "./processes.ts";

/** Everything that the soak brings upon a rollout. */
export const FAULTS: readonly Fault[] = [...processFaults, ...dependencyFaults];

/** What takes so long that the soak brings it only now and then. */
export const RARE_FAULTS: readonly Fault[] = [mysqlFrozenFor30s];
