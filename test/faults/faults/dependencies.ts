import type { Fault } from "../harness/fault.ts";
import { kubernetesFaults } from "./kubernetes.ts";
import { mysqlFaults } from "./mysql.ts";
import { slackFaults } from "./slack.ts";

/** Trouble with what the service depends on; most of it needs an arena that was opened with surroundings. */
export const dependencyFaults: readonly Fault[] = [...mysqlFaults, ...kubernetesFaults, ...slackFaults];
