import { DEPLOYS } from "./deploys.ts";
import type { Cases } from "./doctor.ts";
import { KEPT } from "./kept.ts";
import { LIMITS } from "./limits.ts";
import { TOLD } from "./told.ts";

/** By the invariant that each of them violates, and no other. */
export const DOCTORED: Cases = {
  ...DEPLOYS,
  ...TOLD,
  ...KEPT,
  ...LIMITS,
};
