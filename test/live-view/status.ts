import type { StatusResponse } from "../../src/restate/rollout-schemas.ts";

export const STARTED = "2026-01-31T02:00:00.000Z";

/** A rollout in the middle of its third wave, but for `change`. */
export function status(change: Partial<StatusResponse> = {}): StatusResponse {
  return {
    state: "in_progress",
    phase: "deploying",
    pause_kind: null,
    never_attempted: 0,
    rollout_id: "7781234a",
    image: "sentinel:v2",
    wave: 3,
    waves: 5,
    total: 100,
    succeeded: 14,
    failed: 1,
    failures: [{ sentinel_id: "sen_0017", reason: "ImagePullBackOff: manifest\nunknown" }],
    skipped: 0,
    skips: [],
    next: ["Cancel"],
    guard: { rollout_id: "7781234a", wave: 3 },
    message: "Wave 3 of 5 is rolling out.",
    started_at: STARTED,
    wave_started_at: STARTED,
    wave_sizes: [1, 4, 20, 25, 50],
    in_flight: 10,
    waiting: 75,
    taken_over: 0,
    failed_on_image: null,
    failed_serving: null,
    reverted: 0,
    soak_until: null,
    soak_seconds_left: null,
    rolls_back: false,
    regressed: 0,
    regressions: [],
    health: null,
    frozen: null,
    waiting_for: "10 sentinels of wave 3/5 to come up",
    waiting_since: STARTED,
    estimated_seconds_left: 240,
    ...change,
  };
}
