import type { Fault } from "../fault.ts";
import { kubernetesFaults } from "./kubernetes.ts";
import { mysqlFaults } from "./mysql.ts";
import { slackFaults } from "./slack.ts";

/** Trouble with what the service depends on. */
export const dependencyFaults: readonly Fault[] = [...mysqlFaults, ...kubernetesFaults, ...slackFaults];
