import type { BenchCase } from "../case.ts";
import { apiCost } from "./api-cost.ts";
import { cancel } from "./cancel.ts";
import { huge } from "./huge.ts";
import { latency } from "./latency.ts";
import { memory } from "./memory.ts";
import { overhead } from "./overhead.ts";
import { parked } from "./parked.ts";
import { peer } from "./peer.ts";
import { places } from "./places.ts";
import { plan } from "./plan.ts";
import { large, linear } from "./scale.ts";
import { state } from "./state.ts";

export const CASES: readonly BenchCase[] = [
  overhead,
  linear,
  large,
  huge,
  parked,
  latency,
  cancel,
  places,
  memory,
  apiCost,
  state,
  peer,
  plan,
];
