import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { standingOf } from "../../src/kubernetes/ailing-pod.ts";
import { type HealthWorld, startHealthWorld } from "../support/health-world.ts";
import { until } from "../support/until.ts";

// Each test has an image of its own, so that it sees its own sentinels alone.

let world: HealthWorld;
beforeAll(async () => {
  world = await startHealthWorld(60_000);
});
afterAll(async () => world?.stop());

const NOBODY: ReadonlySet<string> = new Set();

describe("a sentinel whose containers crash after it came up", () => {
  it("regresses as soon as it is in CrashLoopBackOff, and not before it crashes", async () => {
    const of = { image: "x:crashes" };
    await world.add([
      { id: "crashes", image: of.image, fault: "crash-after:10" },
      { id: "stays", image: of.image },
    ]);
    await world.cameUp(of.image, 2);
    expect(world.health.suspects(of)).toEqual([]);
    const news = await world.health.news(of, NOBODY, 30_000);
    expect(news.regressed).toEqual([
      {
        id: "crashes",
        sinceMs: expect.any(Number),
        why: "CrashLoopBackOff: exit code 137, OOMKilled",
      },
    ]);
    expect(news.survey).toMatchObject({ updated: { total: 2, unhealthy: 1 }, unseen: [] });
    expect(await world.health.confirm(of, news.regressed)).toEqual({
      ...{ regressed: news.regressed, recovered: [], unread: [] },
    });
  });

  it("shows how often it was restarted since it came up", async () => {
    await world.add([{ id: "restarts", image: "x:restarts", fault: "crash-after:1" }]);
    const standing = await until("three restarts", async () => {
      const found = await world.clusters.all[0]?.readStanding("k8s-restarts");
      const { image, completeSeconds = 0 } = found?.deployment ?? {};
      const pods = standingOf(found?.pods ?? [], image, completeSeconds);
      return completeSeconds > 0 && pods?.restarts === 3 && pods;
    });
    expect(standing).toMatchObject({ restarts: 3, lastTermination: "OOMKilled, exit code 137" });
  });
});

describe("a sentinel that is not well", () => {
  it("is judged no more once others have scaled, paused or moved it", async () => {
    const of = { image: "x:hands" };
    const ids = ["scaled", "paused", "moved", "kept"];
    await world.add(ids.map((id) => ({ id, image: of.image, fault: "crash-after:1" })));
    const suspects = () =>
      world.health
        .suspects(of)
        .map(({ id }) => id)
        .sort();
    await until("all of them to have regressed", () => suspects().length === ids.length);
    const replace = (path: string, value: unknown) => [{ op: "add", path, value }];
    await world.kubernetes.patch("scaled", replace("/spec/replicas", 2));
    await world.kubernetes.patch("paused", replace("/spec/paused", true));
    await world.kubernetes.patch("moved", replace("/spec/template/spec/containers/0/image", "x:other"));
    await until("the others to be judged no more", () => suspects().join() === "kept");
  });

  it("is judged no more while it is rolled, though it keeps its image", async () => {
    const of = { image: "x:rolled" };
    await world.add([{ id: "rolled", image: of.image, fault: "crash-after:1" }]);
    await until("it to have regressed", () => world.health.suspects(of).length === 1);
    const path = "/spec/template/metadata/annotations/sentinel-rollout.dev~1fault";
    await world.kubernetes.patch("rolled", [{ op: "replace", path, value: "NeverReady" }]);
    await until("it to be judged no more", () => world.health.suspects(of).length === 0);
    expect(world.health.survey(of).updated.total).toBe(0);
  });

  it("has recovered once it has been well for as long as it takes to regress", async () => {
    const of = { image: "x:mended" };
    await world.begin(2_000);
    await world.add([{ id: "mended", image: of.image, fault: "crash-after:1" }]);
    await until("it to have regressed", () => world.health.suspects(of).length === 1);
    const path = "/spec/template/metadata/annotations/sentinel-rollout.dev~1fault";
    await world.kubernetes.patch("mended", [{ op: "remove", path }]);
    await world.cameUp(of.image, 1);
    const startedMs = Date.now();
    const news = await world.health.news(of, new Set(["mended"]), 30_000);
    expect(news).toMatchObject({ regressed: [], recovered: ["mended"] });
    // Times are kept in whole seconds.
    expect(Date.now() - startedMs).toBeGreaterThan(1_000);
  });
});

describe("pods that are unready and ready by turns", () => {
  it("are no news while each time is shorter than it takes to regress", async () => {
    const of = { image: "x:flaps" };
    await world.begin(4_000);
    await world.add([{ id: "flaps", image: of.image, fault: "flap-after:0" }]);
    await until("it to be unready", () => world.health.survey(of).updated.unhealthy === 1);
    expect(await world.health.news(of, NOBODY, 9_000)).toMatchObject({ regressed: [], recovered: [] });
  });

  it("regress where each time is longer", async () => {
    await world.begin(1_000);
    expect(await world.health.news({ image: "x:flaps" }, NOBODY, 30_000)).toMatchObject({
      regressed: [{ id: "flaps", why: "0 of 1 replica available" }],
    });
  });
});
