import { expect, test } from "vitest";
import { ChangeLog } from "../../src/embedded-kubernetes/change-log.ts";
import { Entry } from "../../src/embedded-kubernetes/entry.ts";
import type { KubeObject } from "../../src/embedded-kubernetes/objects.ts";

test("the log keeps the latest 20,000 changes at least, 25,000 at most, and says from where on it is complete", () => {
  const log = new ChangeLog<KubeObject>();
  const object = { metadata: { name: "x", uid: "u", resourceVersion: "1", creationTimestamp: "" } };
  const entry = new Entry("x", object);
  for (let version = 1; version <= 60_000; version++) {
    log.append({ type: "MODIFIED", version, entry });
    const kept = version - log.floor;
    expect(kept).toBeLessThanOrEqual(25_000);
    expect(log.floor === 0 || kept >= 20_000).toBe(true);
  }
  expect(log.since(log.floor)[0]?.version).toBe(log.floor + 1);
  expect(log.since(59_999).map(({ version }) => version)).toEqual([60_000]);
  log.expire(60_000);
  expect(log.floor).toBe(60_000);
  expect(log.since(60_000)).toEqual([]);
});
