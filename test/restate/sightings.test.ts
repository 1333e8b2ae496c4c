import { describe, expect, it } from "vitest";
import type { DeploymentSnapshot } from "../../src/domain/convergence.ts";
import { sawItConverge } from "../../src/restate/look.ts";
import { createSightings } from "../../src/restate/sightings.ts";

const IMAGE = "ghcr.io/unkeyed/sentinel:v2";

function deployment(differences: Partial<DeploymentSnapshot> = {}): DeploymentSnapshot {
  return {
    name: "sentinel-1",
    uid: "1",
    generation: 7,
    observedGeneration: 7,
    desiredReplicas: 2,
    replicas: 2,
    updatedReplicas: 2,
    availableReplicas: 2,
    image: IMAGE,
    deleting: false,
    ...differences,
  };
}

describe("a sighting", () => {
  it("tells what there was to see before anybody asked, however long ago it was expected", async () => {
    const sightings = createSightings(0);
    const sighting = sightings.expect("sen_1");
    expect(sightings.tell("sen_1", deployment())).toBe(true);
    expect((await sighting.next())?.deployment).toEqual(deployment());
  });

  it("tells nobody any more once the patience is over: then the Deploy has to be woken", async () => {
    const sightings = createSightings(0);
    const sighting = sightings.expect("sen_1");
    expect(await sighting.next()).toBeUndefined();
    expect(sightings.tell("sen_1", deployment())).toBe(false);
  });

  it("is for its own sentinel alone, and for every Deploy that expects it", async () => {
    const sightings = createSightings(60_000);
    const [one, other] = [sightings.expect("sen_1"), sightings.expect("sen_1")];
    expect(sightings.tell("sen_2", deployment())).toBe(false);
    const both = Promise.all([one.next(), other.next()]);
    sightings.tell("sen_1", deployment());
    expect((await both).every((seen) => seen !== undefined)).toBe(true);
    one.end();
    other.end();
    expect(sightings.tell("sen_1", deployment())).toBe(false);
  });
});

describe("what the watch shows after a patch", () => {
  const patched = deployment({ observedGeneration: 6 });
  const expected = { image: IMAGE, generation: patched.generation };
  const look = (seen: DeploymentSnapshot | undefined) =>
    sawItConverge({ deployment: seen }, patched, expected)?.verdict.kind;

  it("is taken for converged with the patch's generation or a later one", () => {
    expect(look(deployment())).toBe("converged");
    expect(look(deployment({ generation: 8, observedGeneration: 8 }))).toBe("converged");
  });

  it("is no answer when it may be from before the patch, or of another Deployment", () => {
    expect(look(deployment({ generation: 6, observedGeneration: 6 }))).toBeUndefined();
    expect(look(deployment({ uid: "2" }))).toBeUndefined();
    expect(look(undefined)).toBeUndefined();
  });

  it("is no answer when it has not converged, or carries somebody else's image", () => {
    expect(look(deployment({ observedGeneration: 6 }))).toBeUndefined();
    expect(look(deployment({ updatedReplicas: 1 }))).toBeUndefined();
    expect(look(deployment({ image: "ghcr.io/unkeyed/sentinel:v3" }))).toBeUndefined();
    expect(look(deployment({ deleting: true }))).toBeUndefined();
  });
});
