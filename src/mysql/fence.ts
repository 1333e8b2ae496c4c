/**
 * A row is written only if its `updated_at` (unix ms; null: none) is one of these values: what was read of it, or what the
 * same Deploy wrote. Each write gives the row a later value, so a statement that was meant for the row as it was before
 * writes nothing, however late the server runs it.
 */
export type Fence = readonly [number | null, ...(number | null)[]];

/** What a row says of its latest write once it is written within this fence: the clocks of two replicas may differ. */
export function laterThan(fence: readonly (number | null)[], nowMs: number): number {
  return fence.reduce<number>((latest, each) => Math.max(latest, (each ?? 0) + 1), nowMs);
}
