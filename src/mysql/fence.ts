/**
 * The values of `updated_at` (unix ms; null: none) of which a row must have one to be written: what was read of it, or what
 * the same Deploy wrote. Whoever writes a row gives it a later one, so that whatever was meant for the row as it was before
 * finds nothing to write any more, however late the server gets to it.
 */
export type Fence = readonly [number | null, ...(number | null)[]];

/** What a row says of its latest write once it is written within this fence: the clocks of two replicas may differ. */
export function laterThan(fence: readonly (number | null)[], nowMs: number): number {
  return fence.reduce<number>((latest, each) => Math.max(latest, (each ?? 0) + 1), nowMs);
}
