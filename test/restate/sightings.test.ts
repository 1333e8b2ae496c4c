import { describe, expect, it } from "vitest";
import { createSightings, type Sight } from "../../src/deploy/local-wake-ups.ts";
import { convergedIn } from "../../src/deploy/look.ts";
import type { DeploymentSnapshot } from "../../src/domain/convergence.ts";

describe("a sighting", () => {
  it("tells what there was to see before anybody asked, however long ago it was expected", async () => {
    const sightings = createSightings(0);
    const sighting = sightings.expect("sen_1");
    expect(sightings.tell("sen_1")).toBe(true);
    expect(await sighting.next()).toEqual({});
  });

  it("tells nobody any more once the patience is over: then the Deploy has to be woken", async () => {
    const sightings = createSightings(0);
    const sighting = sightings.expect("sen_1");
    expect(await sighting.next()).toBeUndefined();
    expect(sightings.tell("sen_1")).toBe(false);
  });

  it("is for its own sentinel alone, and for every Deploy that expects it", async () => {
    const sightings = createSightings(60_000);
    const [one, other] = [sightings.expect("sen_1"), sightings.expect("sen_1")];
    expect(sightings.tell("sen_2")).toBe(false);
    const both = Promise.all([one.next(), other.next()]);
    sightings.tell("sen_1");
    expect(await both).toEqual([{}, {}]);
    one.end();
    other.end();
    expect(sightings.tell("sen_1")).toBe(false);
  });

  it("shows the newest that there was to see", async () => {
    const sightings = createSightings(60_000);
    const sighting = sightings.expect("sen_1");
    sightings.tell("sen_1", seen({ observedGeneration: 6 }));
    sightings.tell("sen_1", seen());
    expect(await sighting.next()).toEqual({ deployment: seen() });
    sightings.tell("sen_1");
    expect(await sighting.next()).toEqual({});
    sighting.end();
  });
});

describe("what the watch has seen", () => {
  const expected = { image: "sentinel:v2", generation: 7, uid: "uid-1" };
  const taken = { health: "healthy", availableReplicas: 2, runningImage: "sentinel:v2" };

  it.each([
    ["the patch", seen()],
    ["a later one", seen({ generation: 9, observedGeneration: 9 })],
  ])("is a look where the Deployment has converged on %s", (_, deployment) => {
    expect(convergedIn({ deployment }, "k8s-1", expected)).toEqual(taken);
  });

  it.each<[string, Sight]>([
    ["nothing is known", {}],
    ["it is another Deployment", { deployment: seen({ name: "k8s-2" }) }],
    ["it was created again", { deployment: seen({ uid: "uid-2" }) }],
    ["it is older than the patch", { deployment: seen({ generation: 6, observedGeneration: 6 }) }],
    ["its controller has not seen the patch", { deployment: seen({ observedGeneration: 6 }) }],
    ["it still rolls out", { deployment: seen({ updatedReplicas: 1 }) }],
    ["it has another image", { deployment: seen({ image: "sentinel:v3" }) }],
    ["it is being deleted", { deployment: seen({ deleting: true }) }],
    ["its deadline has passed", { deployment: seen({ progressDeadlineExceeded: "too slow" }) }],
  ])("is a hint and no more where %s", (_, sight) => {
    expect(convergedIn(sight, "k8s-1", expected)).toBeUndefined();
  });

  it("is a hint and no more where nobody knows which Deployment was patched", () => {
    const { uid: _, ...unknown } = expected;
    expect(convergedIn({ deployment: seen() }, "k8s-1", unknown)).toBeUndefined();
  });
});

function seen(change: Partial<DeploymentSnapshot> = {}): DeploymentSnapshot {
  return {
    ...{ name: "k8s-1", uid: "uid-1", generation: 7, observedGeneration: 7, deleting: false },
    ...{ desiredReplicas: 2, replicas: 2, updatedReplicas: 2, availableReplicas: 2 },
    image: "sentinel:v2",
    ...change,
  };
}
