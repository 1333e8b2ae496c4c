import { interruptionsOf } from "./interruption-cases.ts";

interruptionsOf("RollbackAll");
