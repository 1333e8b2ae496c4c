import { createConnection } from "mysql2/promise";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Regression } from "../../src/domain/health.ts";
import { type HealthWorld, startHealthWorld } from "../support/health-world.ts";
import { until } from "../support/until.ts";

// Each test has an image of its own, so that it sees its own sentinels alone.

let world: HealthWorld;
beforeAll(async () => {
  world = await startHealthWorld(60_000);
});
beforeEach(() => {
  world.proxy.mishap = () => undefined;
});
afterEach(async () => {
  world.proxy.mishap = () => undefined;
  await until("the cluster to be seen", () => world.health.survey({ image: "" }).unseen.length === 0);
});
afterAll(async () => world?.stop());

const NOBODY: ReadonlySet<string> = new Set();

/** Seconds after it came up: it has come up then for every watcher of the test. */
const CRASHES = "crash-after:1";

async function regressed(image: string, count = 1): Promise<Regression[]> {
  return until(`${count} to have regressed`, () => {
    const suspects = world.health.suspects({ image });
    return suspects.length === count && suspects;
  });
}

async function sql(statement: string, values: unknown[]): Promise<void> {
  const connection = await createConnection({ uri: world.mysql.url });
  await connection.query(statement, values);
  await connection.end();
}

describe("the survey", () => {
  it("counts who is on the image and who is not, region by region, and nobody who is under way", async () => {
    const of = { image: "x:survey", rewrittenTo: "proxy/x:survey" };
    const eu = { regionId: "eu" };
    await world.add([
      { id: "survey-us", image: of.image, regionId: "us" },
      { id: "survey-rewritten", image: of.rewrittenTo, ...eu },
      { id: "survey-empty", image: of.image, replicas: 0, ...eu },
      { id: "survey-breaks", image: of.image, fault: CRASHES, replicas: 2, ...eu },
      { id: "survey-old", image: "x:before", ...eu },
      { id: "survey-old-breaks", image: "x:before", fault: CRASHES, ...eu },
      { id: "survey-rolls", image: "x:before", ...eu },
      { id: "survey-paused", image: "x:before", ...eu },
      { id: "survey-standby", image: "x:before", ...eu },
    ]);
    const image = "/spec/template/spec/containers/0/image";
    const annotations = "/spec/template/metadata/annotations";
    await until("all to have come up", () => world.health.survey(of).regions.eu?.notUpdated.total === 5);
    await world.kubernetes.patch("survey-rolls", [
      { op: "replace", path: image, value: of.image },
      { op: "add", path: annotations, value: { "sentinel-rollout.dev/fault": "NeverReady" } },
    ]);
    await world.kubernetes.patch("survey-paused", [{ op: "add", path: "/spec/paused", value: true }]);
    await sql("UPDATE sentinels SET desired_state = 'standby' WHERE id = ?", ["survey-standby"]);
    await until("what breaks to be broken", () => {
      const survey = world.health.survey(of);
      return survey.regions.eu?.notUpdated.total === 2 && survey.updated.unhealthy === 1;
    });
    await regressed("x:before");
    const survey = world.health.survey(of);
    expect(survey.updated).toEqual({ total: 4, unhealthy: 1 });
    expect(survey.regions).toMatchObject({
      us: { updated: { total: 1, unhealthy: 0 }, notUpdated: { total: 0, unhealthy: 0 } },
      eu: { updated: { total: 3, unhealthy: 1 }, notUpdated: { total: 2, unhealthy: 1 } },
    });
    expect(survey.unseen).toEqual([]);
  });
});

describe("news", () => {
  it("of fifty that break at once is one", async () => {
    const of = { image: "x:fifty" };
    const ids = Array.from({ length: 60 }, (_, i) => `fifty-${i}`);
    const breaking = ids.slice(0, 50);
    await world.add(
      ids.map((id) => ({
        ...{ id, image: of.image },
        ...(breaking.includes(id) ? { fault: "crash-after:4" } : {}),
      })),
    );
    await world.cameUp(of.image, ids.length);
    const { regressed: all, survey } = await world.health.news(of, NOBODY, 30_000);
    expect(all.map(({ id }) => id).sort()).toEqual(breaking.sort());
    expect(survey.updated).toEqual({ total: 60, unhealthy: 50 });
    const told = new Set(breaking);
    expect(await world.health.news(of, told, 500)).toMatchObject({ regressed: [], recovered: [] });
    told.delete("fifty-7");
    expect((await world.health.news(of, told, 30_000)).regressed.map(({ id }) => id)).toEqual(["fifty-7"]);
  });

  it("comes when the time is over that a sentinel may lack its replicas, though nothing changes", async () => {
    const of = { image: "x:debounce" };
    await world.begin(1_000);
    await world.add([{ id: "debounce", image: of.image, fault: "flap-after:2" }]);
    await world.cameUp(of.image, 1);
    const { regressed: all } = await world.health.news(of, NOBODY, 30_000);
    expect(all).toMatchObject([{ id: "debounce", why: "0 of 1 replica available" }]);
    expect(Date.now() - (all[0]?.sinceMs ?? 0)).toBeGreaterThanOrEqual(1_000);
    await world.begin(60_000);
  });

  it("ends with the signal of whoever waits, and with the time", async () => {
    const of = { image: "x:nobody" };
    const stop = new AbortController();
    const news = world.health.news(of, NOBODY, 600_000, stop.signal);
    stop.abort();
    expect(await news).toMatchObject({ regressed: [], recovered: [], survey: { updated: { total: 0 } } });
    expect(await world.health.news(of, NOBODY, 0)).toMatchObject({ regressed: [] });
  });

  it("costs no request", async () => {
    const of = { image: "x:free" };
    await world.add([{ id: "free", image: of.image }]);
    await world.cameUp(of.image, 1);
    const before = world.proxy.requests.filter((each) => !each.includes("watch=true")).length;
    for (let i = 0; i < 50; i++) world.health.suspects(of);
    await world.health.news(of, NOBODY, 1_500);
    expect(world.proxy.requests.filter((each) => !each.includes("watch=true"))).toHaveLength(before);
  });
});

describe("since when", () => {
  it("is the same for a process that comes later, however long it was away", async () => {
    const of = { image: "x:since" };
    await world.add([
      { id: "since-one", image: of.image, fault: CRASHES },
      // All may be missing: the Deployment calls itself available, and only its pods know better.
      { id: "since-pods", image: of.image, fault: CRASHES, maxUnavailable: "100%" },
    ]);
    const before = byId(await regressed(of.image, 2));
    await until("some time to pass", () => Date.now() - Math.max(...Object.values(before)) > 3_000);
    await world.begin(60_000);
    const after = byId(await regressed(of.image, 2));
    for (const [id, sinceMs] of Object.entries(before)) {
      // Kubernetes tells it in whole seconds.
      expect(Math.abs((after[id] ?? 0) - sinceMs), id).toBeLessThan(1_500);
    }
  });

  const byId = (all: Regression[]) => Object.fromEntries(all.map(({ id, sinceMs }) => [id, sinceMs]));
});

describe("a cluster that goes away", () => {
  it("regresses nobody, and is named; what broke meanwhile is told when it is back", async () => {
    const of = { image: "x:away" };
    await world.add([{ id: "away", image: of.image, fault: "crash-after:3" }]);
    await world.cameUp(of.image, 1);
    world.proxy.mishap = () => "reset";
    world.proxy.cut();
    const cluster = world.clusters.all[0]?.name ?? "";
    await until("the cluster to be away", () => world.health.survey(of).unseen.includes(cluster));
    expect(world.health.survey(of)).toMatchObject({ updated: { total: 0 }, regions: {}, unseen: [cluster] });
    expect(world.health.suspects(of)).toEqual([]);
    const suspect = { id: "away", sinceMs: 0, why: "" };
    const nothing = { regressed: [], recovered: [], unread: ["away"] };
    expect(await world.health.confirm(of, [suspect])).toEqual(nothing);
    const news = world.health.news(of, NOBODY, 30_000);
    world.proxy.mishap = () => undefined;
    expect(await news).toMatchObject({ regressed: [{ id: "away" }], survey: { unseen: [] } });
  });

  it("confirms nobody before it is known to be away", async () => {
    const of = { image: "x:just-away" };
    await world.add([{ id: "just-away", image: of.image, fault: CRASHES }]);
    const suspects = await regressed(of.image);
    world.proxy.mishap = ({ url }) => (url.includes("k8s-just-away") ? { answer: 503 } : undefined);
    expect(await world.health.confirm(of, suspects)).toEqual({
      ...{ regressed: [], recovered: [], unread: ["just-away"] },
    });
  });
});

describe("a confirmation", () => {
  it("of one that cannot be read leaves the others alone", async () => {
    const of = { image: "x:refused" };
    await world.add(["refused", "readable"].map((id) => ({ id, image: of.image, fault: CRASHES })));
    const suspects = await regressed(of.image, 2);
    world.proxy.mishap = ({ url }) => (url.includes("k8s-refused") ? { answer: 500 } : undefined);
    expect(await world.health.confirm(of, suspects)).toMatchObject({
      ...{ regressed: [{ id: "readable" }], recovered: [], unread: ["refused"] },
    });
  });

  it("is of what the row and the cluster say now", async () => {
    const of = { image: "x:confirm" };
    const ids = ["confirm-kept", "confirm-archived", "confirm-deploying", "confirm-scaled", "confirm-gone"];
    await world.add(ids.map((id) => ({ id, image: of.image, fault: CRASHES })));
    await world.add([{ id: "confirm-well", image: of.image }]);
    const suspects = await regressed(of.image, ids.length);
    await sql("UPDATE sentinels SET desired_state = 'archived' WHERE id = ?", ["confirm-archived"]);
    await sql("UPDATE sentinels SET deploy_status = 'progressing' WHERE id = ?", ["confirm-deploying"]);
    await sql("UPDATE sentinels SET desired_replicas = 2 WHERE id = ?", ["confirm-scaled"]);
    await sql("DELETE FROM sentinels WHERE id = ?", ["confirm-gone"]);
    const well = { id: "confirm-well", sinceMs: 0, why: "" };
    const { regressed: still, ...rest } = await world.health.confirm(of, [...suspects, well]);
    expect(still).toEqual(suspects.filter(({ id }) => id === "confirm-kept"));
    // It has not been well for a minute yet.
    expect(rest).toEqual({ recovered: [], unread: [] });
    await sql("UPDATE sentinels SET deploy_status = 'ready'", []);
  });

  it("that finds nothing keeps a suspect from being news again", async () => {
    const of = { image: "x:refuted" };
    await world.add([{ id: "refuted", image: of.image, fault: CRASHES }]);
    await regressed(of.image);
    await sql("UPDATE sentinels SET deploy_status = 'progressing' WHERE id = ?", ["refuted"]);
    const { regressed: suspects } = await world.health.news(of, NOBODY, 30_000);
    expect(suspects).toHaveLength(1);
    expect(await world.health.confirm(of, suspects)).toMatchObject({ regressed: [] });
    expect(await world.health.news(of, NOBODY, 2_000)).toMatchObject({ regressed: [] });
    await sql("UPDATE sentinels SET deploy_status = 'ready' WHERE id = ?", ["refuted"]);
  });

  it("of very many lists once instead of reading each", async () => {
    const of = { image: "x:many" };
    const ids = Array.from({ length: 280 }, (_, i) => `many-${i}`);
    await world.add(ids.map((id) => ({ id, image: of.image, fault: CRASHES })));
    // Each comes up for a moment now and then: on a slow machine they are never all down at once.
    const suspects = await until("most of them to have regressed", () => {
      const now = world.health.suspects(of);
      return now.length > 200 && now;
    });
    world.proxy.requests.length = 0;
    const { regressed: all, unread } = await world.health.confirm(of, suspects);
    const suspected = suspects.map(({ id }) => id);
    expect(suspected).toEqual(expect.arrayContaining(all.map(({ id }) => id)));
    expect(all.length).toBeGreaterThan(100);
    expect(unread).toEqual([]);
    const asked = world.proxy.requests.filter((each) => !each.includes("watch=true"));
    expect(asked.length).toBeLessThan(10);
  });

  it("without MySQL is none", async () => {
    const suspects = ["no-row-1", "no-row-2"].map((id) => ({ id, sinceMs: 0, why: "" }));
    await world.mysql.process?.stop();
    const answer = await world.health.confirm({ image: "x:no-mysql" }, suspects);
    await world.mysql.process?.start();
    expect(answer).toEqual({ regressed: [], recovered: [], unread: ["no-row-1", "no-row-2"] });
  });
});
