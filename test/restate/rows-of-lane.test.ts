import { describe, expect, it } from "vitest";
import type { SentinelRow } from "../../src/mysql/row.ts";
import { rowsOfLane } from "../../src/rollout/rows-of-lane.ts";

const IMAGE = "x/sentinel:v2";
const HELD = { lane: 2, image: IMAGE, sinceMs: 1_000 };

const row = (id: string, change: Partial<SentinelRow>): SentinelRow => ({
  ...{
    id,
    k8sName: `k8s-${id}`,
    regionId: "north",
    image: IMAGE,
    runningImage: IMAGE,
    desiredState: "running",
  },
  ...{ health: "healthy", desiredReplicas: 1, availableReplicas: 1, cpuMillicores: 100, memoryMib: 100 },
  ...{ deployStatus: "ready", deployError: null, updatedAtMs: 2_000, ...change },
});

const clusters = {
  forRegion: (region: string) => (region === "nowhere" ? undefined : ({ name: `the ${region}` } as never)),
  health: () => [
    { cluster: "the north", reachable: true },
    { cluster: "the south", reachable: false, reason: "away", sinceMs: 0 },
  ],
};

async function told(...rows: SentinelRow[]) {
  const store = { read: async (id: string) => rows.find((each) => each.id === id) };
  const items = rows.map(({ id }) => ({ id, at: "1/1" }));
  return rowsOfLane({ ...HELD, items }, { store, clusters: clusters as never });
}

describe("what the rows tell of a lane that does not answer", () => {
  it("is what a Deploy of this drive has written there, and nothing of those that are under way", async () => {
    expect(
      await told(
        row("up", {}),
        row("down", { deployStatus: "failed", deployError: "OOMKilled" }),
        row("gone", { desiredState: "archived" }),
        row("under way", { deployStatus: "progressing" }),
        row("of another", { image: "x/sentinel:v1" }),
        row("of before", { updatedAtMs: 999 }),
      ),
    ).toEqual([
      { id: "up", at: "1/1", is: "succeeded" },
      { id: "down", at: "1/1", is: "failed", why: "OOMKilled" },
      { id: "gone", at: "1/1", is: "skipped" },
    ]);
  });

  it("blames the cluster for a failure there while it does not answer, and for nothing else", async () => {
    const failed = { deployStatus: "failed", deployError: "connection refused" } as const;
    expect(
      await told(
        row("a", { ...failed, regionId: "south" }),
        row("b", { ...failed, regionId: "north" }),
        row("c", { ...failed, regionId: "nowhere" }),
        row("d", { regionId: "south" }),
      ),
    ).toEqual([
      { id: "a", at: "1/1", is: "failed", why: "connection refused", away: true },
      { id: "b", at: "1/1", is: "failed", why: "connection refused" },
      { id: "c", at: "1/1", is: "failed", why: "connection refused" },
      { id: "d", at: "1/1", is: "succeeded" },
    ]);
  });
});
