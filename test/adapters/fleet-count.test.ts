import { expect, it } from "vitest";
import { countFleet } from "../../src/mysql/fleet-count.ts";
import type { ObservedRow } from "../../src/mysql/row.ts";

function row(row: Partial<ObservedRow>): ObservedRow {
  const images = { image: "x:1", runningImage: "x:1" };
  const rest = {
    health: "healthy",
    availableReplicas: 1,
    desiredReplicas: 1,
    ...images,
    updatedAtMs: null,
  } as const;
  return {
    ...rest,
    id: "a",
    k8sName: "a",
    regionId: "eu",
    deployStatus: "ready",
    desiredState: "running",
    ...row,
  };
}

/** A fleet of two pages; the second may fail. */
function fleet() {
  const store = {
    fails: false,
    async *observedRows(after = "") {
      if (after === "") yield [row({}), row({ regionId: "us" })];
      if (store.fails) throw new Error("MySQL is away");
      yield [row({}), row({ deployStatus: "failed" })];
    },
  };
  return store;
}

async function read(pages: AsyncIterable<ObservedRow[]>): Promise<number> {
  let rows = 0;
  for await (const page of pages) rows += page.length;
  return rows;
}

it("counts the running sentinels of all pages, once all are read", async () => {
  const { observedRows, counts } = countFleet(fleet());
  for await (const page of observedRows()) {
    expect(page.length).toBeGreaterThan(0);
    expect(counts()).toBeUndefined();
  }
  expect(counts()).toEqual([
    { regionId: "eu", deployStatus: "ready", count: 2 },
    { regionId: "us", deployStatus: "ready", count: 1 },
    { regionId: "eu", deployStatus: "failed", count: 1 },
  ]);
});

it("counts on where a reading went on that was left in the middle", async () => {
  const { observedRows, counts } = countFleet(fleet());
  for await (const _ of observedRows()) break;
  expect(counts()).toBeUndefined();
  await read(observedRows("a"));
  expect(counts()?.map(({ count }) => count)).toEqual([2, 1, 1]);
});

it("knows nothing once the rows cannot be read, until they are read again", async () => {
  const store = fleet();
  const { observedRows, counts } = countFleet(store);
  expect(await read(observedRows())).toBe(4);
  store.fails = true;
  await expect(read(observedRows())).rejects.toThrow("MySQL is away");
  expect(counts()).toBeUndefined();
  store.fails = false;
  await read(observedRows());
  expect(counts()).toHaveLength(3);
});

it("knows nothing once nobody has read the rows for 90 s", async () => {
  let nowMs = 1_000;
  const { observedRows, counts } = countFleet(fleet(), () => nowMs);
  await read(observedRows());
  nowMs += 89_999;
  expect(counts()).toHaveLength(3);
  nowMs += 1;
  expect(counts()).toBeUndefined();
});
