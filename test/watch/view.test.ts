import { describe, expect, it } from "vitest";
import type { StatusResponse } from "../../src/restate/schemas.ts";
import { line, screen, wavesOf } from "../../src/watch/view.ts";

const STARTED = "2026-01-31T02:00:00.000Z";
const NOW = Date.parse("2026-01-31T02:02:05.000Z");

function status(change: Partial<StatusResponse> = {}): StatusResponse {
  return {
    state: "in_progress",
    rollout_id: "7781234a",
    image: "sentinel:v2",
    wave: 3,
    waves: 5,
    total: 100,
    succeeded: 14,
    failed: 1,
    failures: [{ sentinel_id: "sen_0017", reason: "ImagePullBackOff: manifest\nunknown" }],
    next: ["Cancel"],
    message: "Wave 3 of 5 is rolling out.",
    started_at: STARTED,
    wave_started_at: STARTED,
    wave_sizes: [1, 4, 20, 25, 50],
    in_flight: 10,
    reverted: 0,
    waiting_for: "10 sentinels of wave 3/5 to come up",
    waiting_since: STARTED,
    estimated_seconds_left: 240,
    ...change,
  };
}

describe("the screen", () => {
  it("shows a headline, a bar for each wave, the failing sentinels and what it waits for", () => {
    expect(screen(status(), NOW, 200)).toEqual([
      "sentinel:v2 is in progress · 14 of 100 took it, 1 failed · 2m05s, about 4m00s left",
      `  wave 1/5 ${"█".repeat(30)} 1/1`,
      `  wave 2/5 ${"█".repeat(30)} 4/4`,
      `▸ wave 3/5 ${"█".repeat(15)}${"░".repeat(15)} 10/20 · 10 in flight`,
      `  wave 4/5 ${"░".repeat(30)} 0/25`,
      `  wave 5/5 ${"░".repeat(30)} 0/50`,
      "  ✗ sen_0017  ImagePullBackOff: manifest unknown",
      "  waiting for 10 sentinels of wave 3/5 to come up",
    ]);
  });

  it("has no line that is longer than the terminal is wide, whatever the reasons", () => {
    const failures = [{ sentinel_id: "sen_1", reason: "🙈".repeat(300) }];
    for (const columns of [1, 10, 40, 80]) {
      for (const row of screen(status({ failures }), NOW, columns)) {
        expect([...row].length).toBeLessThanOrEqual(columns);
        expect(row.isWellFormed()).toBe(true);
      }
    }
  });

  it("names at most five failing sentinels and counts the others", () => {
    const failures = Array.from({ length: 20 }, (_, i) => ({ sentinel_id: `sen_${i}`, reason: "bad" }));
    const rows = screen(status({ failures, failed: 500 }), NOW, 80);
    expect(rows.filter((row) => row.includes("✗"))).toHaveLength(5);
    expect(rows).toContain("  (+495 more failed)");
  });

  it("stops the clock when nothing runs, and marks no wave", () => {
    const paused = status({
      state: "paused",
      in_flight: 0,
      waiting_since: "2026-01-31T02:01:00.000Z",
      estimated_seconds_left: null,
    });
    const rows = screen(paused, NOW, 200);
    expect(rows[0]).toBe("sentinel:v2 is paused · 14 of 100 took it, 1 failed · 1m00s");
    expect(rows.some((row) => row.startsWith("▸"))).toBe(false);
  });

  it("before the first rollout is its message", () => {
    const idle = status({
      state: "idle",
      started_at: null,
      waves: 0,
      wave: 0,
      wave_sizes: [],
      succeeded: 0,
      failed: 0,
      failures: [],
      waiting_for: "",
      message: "No rollout has run yet.",
    });
    expect(screen(idle, NOW, 80)).toEqual(["No rollout has run yet."]);
    expect(line(idle, NOW)).toBe("No rollout has run yet.");
  });
});

describe("a line", () => {
  it("tells where the wave stands", () => {
    expect(line(status(), NOW)).toBe(
      "sentinel:v2 is in progress · 14 of 100 took it, 1 failed · 2m05s, about 4m00s left · wave 3/5: 10 of 20 · 10 in flight",
    );
  });
});

describe("the waves", () => {
  it("are filled in order by the results there are", () => {
    expect(wavesOf(status({ succeeded: 30, failed: 0 })).map(({ done }) => done)).toEqual([1, 4, 20, 5, 0]);
  });
});
