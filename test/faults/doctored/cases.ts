import { DEPLOYS } from "./deploys.ts";
import type { Cases } from "./doctor.ts";
import { KEPT } from "./kept.ts";
import { LIMITS } from "./limits.ts";
import { TOLD } from "./told.ts";

/** All of them, in the order of the invariants. */
export const DOCTORED: Cases = {
  ...DEPLOYS,
  ...TOLD,
  ...KEPT,
  ...LIMITS,
};
