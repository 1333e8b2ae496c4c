import { type FleetSentinel, OLD_IMAGE, planFleet } from "../src/local-stack/fleet-plan.ts";

/**
 * Ids and images as in a usual fleet, or as long as they can be: an id is also the value of the label by which the watch
 * knows its Deployment, and Kubernetes takes 63 characters there.
 */
export type Lengths = "usual" | "longest";

const ID_LENGTH = 63;
const NAME_LENGTH = 134;
const TAG_LENGTH = 120;

export function benchFleet(count: number, lengths: Lengths = "usual"): FleetSentinel[] {
  const fleet = planFleet(count);
  if (lengths === "usual") return fleet;
  return fleet.map((sentinel) => ({ ...sentinel, id: `${sentinel.id}-`.padEnd(ID_LENGTH, "x") }));
}

/** What the fleet runs before its first rollout. */
export function oldImage(lengths: Lengths): string {
  return lengths === "usual" ? OLD_IMAGE : longImage("v1.2.2");
}

let version = 0;

/** An image that the fleet does not run yet. */
export function newImage(lengths: Lengths = "usual"): string {
  const tag = `v2.0.${++version}`;
  return lengths === "usual" ? `ghcr.io/unkeyed/sentinel:${tag}` : longImage(tag);
}

/** 255 characters. */
function longImage(tag: string): string {
  return `${"ghcr.io/unkeyed/sentinel".padEnd(NAME_LENGTH, "l")}:${`${tag}-`.padEnd(TAG_LENGTH, "x")}`;
}
