import { GRANT_HEADER } from "./contract.ts";

/** A Deploy of a younger one (ms) does not ask whether it still holds, and costs nothing more. */
const YOUNG_MS = 2_000;

/** The grant by which a lane launched a Deploy. */
export interface LaunchGrant {
  lane: number;
  /** Counts the grants of the lane. */
  n: number;
  /** Unix ms. */
  atMs: number;
}

/** The value of the header. */
export function grantText({ lane, n, atMs }: LaunchGrant): string {
  return `${lane}/${n}/${atMs}`;
}

/** Undefined: there is none. Nonsense counts as none. */
export function grantOf(headers: ReadonlyMap<string, string>): LaunchGrant | undefined {
  const match = /^([1-9]\d{0,8})\/([1-9]\d{0,8})\/([1-9]\d{0,14})$/.exec(headers.get(GRANT_HEADER) ?? "");
  return match === null ? undefined : { lane: Number(match[1]), n: Number(match[2]), atMs: Number(match[3]) };
}

/** One of the future comes of clocks that disagree, and tells nothing of its age. */
export function isAged({ atMs }: LaunchGrant, nowMs: number): boolean {
  return Math.abs(nowMs - atMs) > YOUNG_MS;
}
