import { expect, it } from "vitest";
import { createFleetTally, type TalliedRow } from "../../src/domain/fleet-tally.ts";

const STARTED = 1_000;
const ROLLOUT = { image: "x:2", startedAtMs: STARTED, waiting: 1 };

function row(id: string, change: Partial<TalliedRow> = {}): TalliedRow {
  const images = { image: "x:1", runningImage: "x:1" };
  return {
    id,
    regionId: "eu",
    ...images,
    deployStatus: "ready",
    health: "healthy",
    updatedAtMs: 1,
    ...change,
  };
}

function tallyOf(...rows: TalliedRow[]) {
  const tally = createFleetTally();
  for (const each of rows) tally.add(each);
  return tally;
}

const since = { image: "x:2", runningImage: "x:2", updatedAtMs: STARTED };

it("counts by region what was deployed since the rollout began, and who waits for a turn", () => {
  const tally = tallyOf(
    row("a", since),
    row("b", { ...since, deployStatus: "failed" }),
    row("c", { ...since, deployStatus: "progressing" }),
    row("d"),
    row("e", { regionId: "us", updatedAtMs: null, deployStatus: "idle" }),
    // It failed before the rollout began: its turn has not come.
    row("f", { regionId: "us", image: "x:2", deployStatus: "failed" }),
  );
  expect(tally.regions(ROLLOUT)).toEqual([
    { region: "eu", waiting: 1, inFlight: 1, succeeded: 1, failed: 1 },
    { region: "us", waiting: 2, inFlight: 0, succeeded: 0, failed: 0 },
  ]);
});

it("counts a sentinel that was reverted among those that took the image", () => {
  const reverted = row("a", { updatedAtMs: STARTED + 5 });
  expect(tallyOf(reverted).regions(ROLLOUT)).toEqual([
    { region: "eu", waiting: 0, inFlight: 0, succeeded: 1, failed: 0 },
  ]);
});

it("leaves out who served the image before, also as admission has rewritten it", () => {
  const serves = { image: "x:2", runningImage: "x:2" };
  const tally = tallyOf(row("a", serves), row("b", { ...serves, runningImage: "mirror/x:2" }));
  expect(tally.regions(ROLLOUT)).toMatchObject([{ waiting: 1 }]);
  expect(tally.regions({ ...ROLLOUT, rewrittenTo: "mirror/x:2" })).toMatchObject([{ waiting: 0 }]);
  expect(tallyOf(row("a", { ...serves, health: "unhealthy" })).regions(ROLLOUT)).toMatchObject([
    { waiting: 1 },
  ]);
});

it("says that nobody waits where the rollout has none left: the others came later", () => {
  expect(tallyOf(row("new")).regions({ ...ROLLOUT, waiting: 0 })).toMatchObject([{ waiting: 0 }]);
});

it("remembers the oldest 200 of those that are progressing, however many there are", () => {
  const ids = Array.from({ length: 1_000 }, (_, i) => `s${String(i).padStart(4, "0")}`);
  const rows = ids.map((id, i) =>
    row(id, { deployStatus: "progressing", updatedAtMs: STARTED + ((i * 7919) % 1_000) }),
  );
  const kept = tallyOf(row("before", { deployStatus: "progressing" }), ...rows).progressing(STARTED);
  expect(kept).toEqual(
    rows
      .map(({ id, updatedAtMs }) => ({ id, sinceMs: updatedAtMs ?? 0 }))
      .sort((a, b) => a.sinceMs - b.sinceMs)
      .slice(0, kept.length),
  );
  expect(kept.length).toBeGreaterThanOrEqual(199);
  expect(kept.length).toBeLessThanOrEqual(200);
});
