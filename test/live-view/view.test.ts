import { describe, expect, it } from "vitest";
import { line, screen, wavesOf } from "../../src/live-view/view.ts";
import type { StatusResponse } from "../../src/restate/rollout-schemas.ts";
import { STARTED, status } from "./status.ts";

const NOW = Date.parse("2026-01-31T02:02:05.000Z");

const TALL = { columns: 200, rows: 50 };
const FAILURES = Array.from({ length: 20 }, (_, i) => ({ sentinel_id: `sen_${i}`, reason: "bad" }));

const SOAK: Partial<StatusResponse> = {
  ...{ phase: "soaking", soak_until: "2026-01-31T02:06:17.000Z", succeeded: 24, in_flight: 0 },
  waiting_for: "wave 3/5 to soak until 2026-01-31T02:06:17.000Z, 2 regressed",
  regressed: 2,
  regressions: [
    { sentinel_id: "sen_1", since: "2026-01-31T02:01:05.123Z", reason: "OOM\nKilled", recovered: true },
    { sentinel_id: "sen_2", since: "2026-01-31T02:01:35.123Z", reason: "exit code 1", recovered: false },
  ],
  health: {
    ...{ updated: { total: 25, unhealthy: 3 }, not_updated: { total: 75, unhealthy: 0 } },
    ...{ regions: [], unseen: [] },
  },
};

describe("the screen", () => {
  it("shows how it stands, a bar for each wave, what it waits for and the failing sentinels", () => {
    expect(screen(status(), NOW, TALL)).toEqual([
      "sentinel:v2 is in progress",
      "  14 of 100 took it, 1 failed · 2m05s elapsed · about 4m00s left",
      `  wave 1/5 ${"█".repeat(30)} 1/1`,
      `  wave 2/5 ${"█".repeat(30)} 4/4`,
      `▸ wave 3/5 ${"█".repeat(15)}${"░".repeat(15)} 10/20 · 10 in flight`,
      `  wave 4/5 ${"░".repeat(30)} 0/25`,
      `  wave 5/5 ${"░".repeat(30)} 0/50`,
      "  waiting for 10 sentinels of wave 3/5 to come up",
      '  guard: {"rollout_id":"7781234a","wave":3}',
      "  ✗ sen_0017  ImagePullBackOff: manifest unknown",
    ]);
  });

  it("says while something runs who froze it; once nothing runs, the message says it", () => {
    const frozen = { by: "alice", reason: "closing\nof books", since: STARTED, until: null };
    const next = ["Cancel", "Unfreeze"];
    const frozenRows = (change: object) =>
      screen(status({ frozen, next, ...change }), NOW, TALL).filter((row) => row.includes("alice"));
    expect(frozenRows({})).toEqual(["  ❄ frozen by alice: closing of books"]);
    expect(frozenRows({ frozen: { ...frozen, until: "later" } })).toEqual([
      "  ❄ frozen by alice until later: closing of books",
    ]);
    expect(frozenRows({ state: "paused", message: "Paused. Frozen by alice." })).toEqual([
      "  Paused. Frozen by alice.",
    ]);
    // Neither is about a rollout.
    const rows = screen(status({ state: "completed", next: ["Unfreeze"] }), NOW, TALL);
    expect(rows.some((row) => row.includes("guard:"))).toBe(false);
  });

  it.each(["in_progress", "paused", "rolling_back"] as const)(
    "while %s fits the terminal, whatever the waves and the reasons",
    (state) => {
      const reasons = ["🙈".repeat(300), "a ".repeat(300), "word ".repeat(60)];
      const failures = reasons.map((reason, i) => ({ sentinel_id: `sen_${i}`, reason }));
      const many = { waves: 100, wave: 40, wave_sizes: Array<number>(100).fill(1), succeeded: 39 };
      for (const change of [{}, many, { ...many, ...SOAK }]) {
        for (const rows of [1, 2, 5, 24]) {
          for (const columns of [1, 10, 40, 80]) {
            const size = { columns, rows };
            const picture = screen(status({ ...change, state, failures }), NOW, size, {
              trouble: "no answer",
              desk: ["? Cancel rollout 7781234a of sentinel:v2 in wave 3? y/n"],
            });
            expect(picture.length).toBeLessThanOrEqual(Math.max(1, rows - 1));
            for (const row of picture) {
              expect([...row].length).toBeLessThanOrEqual(columns);
              expect(row.isWellFormed()).toBe(true);
            }
          }
        }
      }
    },
  );

  it("shows the waves around the current one where there are too many", () => {
    const many = status({ waves: 100, wave: 40, wave_sizes: Array<number>(100).fill(1), succeeded: 38 });
    const rows = screen(many, NOW, { columns: 80, rows: 14 });
    expect(rows.map((row) => row.replace(/ [█░]+/, ""))).toEqual([
      "sentinel:v2 is in progress",
      "  38 of 100 took it, 1 failed · 2m05s elapsed · about 4m00s left",
      "  … 36 before",
      "  wave 37/100  1/1",
      "  wave 38/100  1/1",
      "  wave 39/100  1/1",
      "▸ wave 40/100  0/1 · 10 in flight",
      "  wave 41/100  0/1",
      "  wave 42/100  0/1",
      "  … 58 after",
      "  waiting for 10 sentinels of wave 3/5 to come up",
      '  guard: {"rollout_id":"7781234a","wave":3}',
      "  ✗ sen_0017  ImagePullBackOff: manifest unknown",
    ]);
  });

  it("names at most five failing sentinels and counts the others", () => {
    const rows = screen(status({ failures: FAILURES, failed: 500 }), NOW, TALL);
    expect(rows.filter((row) => row.includes("✗"))).toHaveLength(5);
    expect(rows).toContain("  (+495 more failed)");
  });

  it("does not hand on what a terminal would obey", () => {
    const failures = [{ sentinel_id: "sen_1", reason: "\u001b[2J\u0007gone\r\nand\u009b1A on" }];
    const rows = screen(status({ failures, image: "sentinel:\u001b]0;v2\u0007" }), NOW, TALL);
    expect(rows[0]).toMatch(/^sentinel:\]0;v2 is in progress/);
    expect(rows.at(-1)).toBe("  ✗ sen_1  [2Jgone and1A on");
  });

  it("once nothing runs stops the clock, marks no wave, and gives sentences in full", () => {
    const paused = status({
      state: "paused",
      in_flight: 0,
      waiting_since: "2026-01-31T02:01:00.000Z",
      estimated_seconds_left: null,
      message: "Paused in wave 3 of 5: the driving invocation was cancelled. Resume: go on with wave 4.",
      waiting_for: "an operator",
    });
    const rows = screen(paused, NOW, { columns: 60, rows: 50 });
    expect(rows.slice(0, 2)).toEqual([
      "sentinel:v2 is paused",
      "  14 of 100 took it, 1 failed · 1m00s elapsed",
    ]);
    expect(rows.some((row) => row.startsWith("▸"))).toBe(false);
    expect(rows.slice(7)).toEqual([
      "  Paused in wave 3 of 5: the driving invocation was",
      "    cancelled. Resume: go on with wave 4.",
      '  guard: {"rollout_id":"7781234a","wave":3}',
      "  ✗ sen_0017  ImagePullBackOff: manifest unknown",
    ]);
  });

  it("of a rollback has a bar of its own", () => {
    const rows = screen(status({ state: "rolling_back", in_flight: 0, reverted: 7 }), NOW, TALL);
    expect(rows.slice(0, 2)).toEqual([
      "sentinel:v2 is rolling back",
      expect.stringMatching(/^ {2}14 of 100 took it, 1 failed · 7 reverted · 2m05s elapsed/),
    ]);
    expect(rows.filter((row) => row.startsWith("▸"))).toEqual([
      `▸ rollback ${"█".repeat(15)}${"░".repeat(15)} 7/14`,
    ]);
  });

  it("in a soak counts down, and names who broke and who recovered, beside the health of both groups", () => {
    expect(screen(status(SOAK), NOW, TALL)).toEqual([
      "sentinel:v2 is soaking",
      "  24 of 100 took it, 1 failed, 2 regressed · 2m05s elapsed · about 4m00s left",
      `  wave 1/5 ${"█".repeat(30)} 1/1`,
      `  wave 2/5 ${"█".repeat(30)} 4/4`,
      `▸ wave 3/5 ${"█".repeat(30)} 20/20 · soaks 4m12s more`,
      `  wave 4/5 ${"░".repeat(30)} 0/25`,
      `  wave 5/5 ${"░".repeat(30)} 0/50`,
      "  waiting for wave 3/5 to soak until 2026-01-31T02:06:17.000Z, 2 regressed",
      "  updated 3/25 unhealthy · not updated 0/75",
      '  guard: {"rollout_id":"7781234a","wave":3}',
      "  ↑ sen_1  since 02:01:05: OOM Killed (recovered)",
      "  ↓ sen_2  since 02:01:35: exit code 1",
      "  ✗ sen_0017  ImagePullBackOff: manifest unknown",
    ]);
    const late = screen(status(SOAK), Date.parse("2026-01-31T02:06:18.000Z"), TALL);
    expect(late[4]).toMatch(/ 20\/20 · soaks 0s more$/);
  });

  it("after one still says what it found, however much that is, and which clusters are not seen", () => {
    const [each] = SOAK.regressions ?? [];
    const regressions = Array.from({ length: 20 }, () => each as NonNullable<typeof each>);
    const health = { ...(SOAK.health as NonNullable<typeof SOAK.health>), unseen: ["eu", "us"] };
    const change = { ...SOAK, state: "paused", phase: "paused", soak_until: null } as const;
    const rows = screen(status({ ...change, regressed: 50, regressions, health }), NOW, TALL);
    expect(rows[0]).toBe("sentinel:v2 is paused");
    expect(rows).toContain("  updated 3/25 unhealthy · not updated 0/75 · not seen: eu, us");
    expect(rows.filter((row) => row.startsWith("  ↑"))).toHaveLength(5);
    expect(rows).toContain("  (+45 more regressed)");
    expect(rows.join("\n")).not.toContain("soaks");
  });

  it("says why it may be old", () => {
    expect(screen(status(), NOW, TALL, { trouble: "the ingress does not answer" })).toContain(
      "  ! the ingress does not answer",
    );
  });

  it("has the detail in the room that is left, whom it waits for first", () => {
    const detailed = status({
      slowest: Array.from({ length: 20 }, (_, i) => ({
        sentinel_id: `sen_${i}`,
        region: "eu",
        since: "2026-01-31T02:01:05.000Z",
        deadline: "2026-01-31T02:11:05.000Z",
        lacks: "1 of 2 updated replicas to be available",
        pods: i === 0 ? "ImagePullBackOff: \u001b[2Jmanifest\nunknown" : "",
        news_age_seconds: i === 0 ? 12 : null,
      })),
      by_region: [
        { region: "us", waiting: 40, in_flight: 2, succeeded: 3, failed: 0 },
        { region: "eu", waiting: 35, in_flight: 8, succeeded: 11, failed: 1 },
      ],
      failures_by_reason: [{ reason: "ImagePullBackOff: …", count: 7, examples: ["sen_1", "sen_2"] }],
      detail_message: "The rows are as of 2026-01-31T02:02:00.000Z.",
    });
    const rows = screen(detailed, NOW, TALL);
    expect(rows.slice(rows.indexOf("  slowest of 10 in flight"))).toEqual([
      "  slowest of 10 in flight",
      "    sen_0 eu 1m00s: 1 of 2 updated replicas to be available · ImagePullBackOff: [2Jmanifest unknown (seen 12s ago)",
      ...[1, 2, 3, 4].map(
        (i) => `    sen_${i} eu 1m00s: 1 of 2 updated replicas to be available (never seen)`,
      ),
      "  by region",
      "    eu: 11 took it, 1 failed, 8 in flight, 35 waiting",
      "    us: 3 took it, 0 failed, 2 in flight, 40 waiting",
      "  why they failed",
      "    7 × ImagePullBackOff: … (sen_1, sen_2)",
    ]);
    const low = screen(detailed, NOW, { columns: 80, rows: 15 });
    expect(low).toHaveLength(14);
    expect(low.slice(-5, -3)).toEqual([
      "  ✗ sen_0017  ImagePullBackOff: manifest unknown",
      "  slowest of 10 in flight",
    ]);
    expect(low.join("\n")).not.toContain("by region");
    const unknown = screen(
      {
        ...detailed,
        slowest: null,
        by_region: null,
        failures_by_reason: [],
        detail_message: "MySQL is away.",
      },
      NOW,
      TALL,
    );
    expect(unknown.at(-1)).toBe("  MySQL is away.");
  });

  it("before the first rollout is its message", () => {
    const idle = status({
      state: "idle",
      next: ["Rollout"],
      guard: null,
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
    expect(screen(idle, NOW, TALL)).toEqual(["No rollout has run yet."]);
    expect(line(idle, NOW)).toBe("No rollout has run yet.");
  });
});

it("a bar is empty or full only when that is true", () => {
  const rows = (succeeded: number) =>
    screen(status({ wave_sizes: [1_000], waves: 1, wave: 1, succeeded, failed: 0 }), NOW, TALL);
  expect(rows(0)).toContain(`▸ wave 1/1 ${"░".repeat(30)} 0/1000 · 10 in flight`);
  expect(rows(1)).toContain(`▸ wave 1/1 █${"░".repeat(29)} 1/1000 · 10 in flight`);
  expect(rows(999)).toContain(`▸ wave 1/1 ${"█".repeat(29)}░ 999/1000 · 10 in flight`);
});

describe("a line", () => {
  it("tells where the wave stands", () => {
    expect(line(status(), NOW)).toBe(
      "sentinel:v2 is in progress · 14 of 100 took it, 1 failed · 2m05s elapsed · about 4m00s left · wave 3/5: 10 of 20 · 10 in flight",
    );
  });

  it("tells how long the wave soaks yet", () => {
    const soaking = { phase: "soaking", soak_until: "2026-01-31T02:12:05.000Z", in_flight: 0 };
    expect(line(status(soaking), NOW)).toMatch(/^sentinel:v2 is soaking · .* of 20 · soaks 10m00s more$/);
  });
});

describe("the waves", () => {
  it("are filled in order by the results there are", () => {
    const results = { succeeded: 28, failed: 1, skipped: 1 };
    expect(wavesOf(status(results)).map(({ done }) => done)).toEqual([1, 4, 20, 5, 0]);
    expect(line(status(results), Date.parse(STARTED))).toContain("28 of 100 took it, 1 failed, 1 skipped");
  });
});
