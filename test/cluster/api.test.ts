import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Cluster, deployment, until } from "../support/kubernetes-api.ts";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start();
});
afterAll(() => cluster.stop());

describe("writing", () => {
  test("what a client leaves out is filled in as the API server does it", async () => {
    const { code, body } = await cluster.call("POST", "deployments", deployment("defaults"));
    expect(code).toBe(201);
    expect(body).toMatchObject({
      kind: "Deployment",
      metadata: { name: "defaults", namespace: cluster.namespace, generation: 1 },
      spec: {
        replicas: 2,
        revisionHistoryLimit: 10,
        progressDeadlineSeconds: 600,
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
      },
    });
    expect(body.spec.template.spec).toEqual({
      containers: [
        {
          name: "sentinel",
          image: "registry.test/sentinel:v1",
          imagePullPolicy: "IfNotPresent",
          resources: {},
          terminationMessagePath: "/dev/termination-log",
          terminationMessagePolicy: "File",
        },
      ],
      dnsPolicy: "ClusterFirst",
      restartPolicy: "Always",
      schedulerName: "default-scheduler",
      securityContext: {},
      terminationGracePeriodSeconds: 30,
    });
    expect(body.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("quantities are kept in their shortest spelling, so the same amount is no change", async () => {
    const limits = { cpu: "1000m", memory: "1024Mi", "ephemeral-storage": "0.5Gi" };
    const requests = { cpu: "0.5", memory: "1000000" };
    await cluster.deploy("quantities", {
      spec: { replicas: 0 },
      container: { resources: { limits, requests } },
    });
    const before = await cluster.get("deployments/quantities");
    expect(before.spec.template.spec.containers[0]?.resources).toEqual({
      limits: { cpu: "1", memory: "1Gi", "ephemeral-storage": "512Mi" },
      requests: { cpu: "500m", memory: "1M" },
    });
    const path = "/spec/template/spec/containers/0/resources/limits/memory";
    await cluster.jsonPatch("deployments/quantities", [{ op: "replace", path, value: "1048576Ki" }]);
    expect((await cluster.get("deployments/quantities")).metadata).toEqual(before.metadata);
  });

  test("generation grows with the spec and the annotations, not with labels, and not with a patch that says nothing new", async () => {
    const { metadata: first } = await cluster.deploy("generations", { spec: { replicas: 0 } });
    const path = "deployments/generations";
    const nothing = await cluster.mergePatch(path, { spec: { replicas: 0 } });
    expect(nothing.body.metadata).toEqual(first);
    const labelled = await cluster.mergePatch(path, { metadata: { labels: { a: "b" } } });
    expect(labelled.body.metadata.generation).toBe(first.generation);
    expect(Number(labelled.body.metadata.resourceVersion)).toBeGreaterThan(Number(first.resourceVersion));
    const annotated = await cluster.mergePatch(path, { metadata: { annotations: { a: "b" } } });
    expect(annotated.body.metadata.generation).toBe(first.generation + 1);
    const changed = await cluster.setImage("generations", "registry.test/sentinel:v2");
    expect(changed.body.metadata.generation).toBe(first.generation + 2);
    const settled = await cluster.settled("generations");
    expect(settled.metadata.generation).toBe(first.generation + 2);
    expect(settled.metadata.annotations).toMatchObject({ "deployment.kubernetes.io/revision": "2", a: "b" });
  });

  test("a null in a merge patch removes, and an emptied map is gone", async () => {
    await cluster.deploy("nulls", { spec: { replicas: 0 }, labels: { extra: "x" } });
    const { body } = await cluster.mergePatch("deployments/nulls", {
      metadata: { labels: { app: null, extra: null } },
    });
    expect(body.metadata.labels).toBeUndefined();
  });

  test("a JSON Patch whose test fails changes nothing and says the same as one with a missing path", async () => {
    const { metadata } = await cluster.deploy("guarded", { spec: { replicas: 0 } });
    const replace = { op: "replace", path: "/spec/replicas", value: 3 };
    for (const guard of [
      { op: "test", path: "/metadata/uid", value: "another" },
      { op: "replace", path: "/spec/nothing/here", value: 1 },
      { op: "unheard-of", path: "/spec" },
    ]) {
      const { code, body } = await cluster.jsonPatch("deployments/guarded", [replace, guard]);
      expect({ code, reason: body.reason, message: body.message }).toEqual({
        code: 422,
        reason: "Invalid",
        message: "the server rejected our request due to an error in our request",
      });
      expect(body.details).toEqual({});
    }
    const passing = { op: "test", path: "/metadata/uid", value: metadata.uid };
    const untouched = await cluster.jsonPatch("deployments/guarded", [passing]);
    expect(untouched.code).toBe(200);
    expect(untouched.body.metadata).toEqual(metadata);
  });

  test.for([
    ["/spec/template/spec/containers/0/image", "", "spec.template.spec.containers[0].image: Required value"],
    ["/spec/replicas", -1, "spec.replicas: Invalid value: -1: must be greater than or equal to 0"],
    ["/spec/selector", { matchLabels: { app: "x" } }, "field is immutable"],
  ] as const)("an invalid value at %s is a 422 that names the field", async ([path, value, message]) => {
    const name = `invalid-${path.split("/").at(-1)?.toLowerCase()}`;
    await cluster.deploy(name, { spec: { replicas: 0 } });
    const { code, body } = await cluster.jsonPatch(`deployments/${name}`, [{ op: "replace", path, value }]);
    expect(code).toBe(422);
    expect(body.message).toContain(message);
    expect(body.details.causes?.length).toBeGreaterThan(0);
  });

  let merged = 0;
  const kept = [
    { name: "a", image: "a:1", env: [{ name: "X", value: "1" }] },
    { name: "b", image: "b:1" },
  ];
  test.for([
    [[{ name: "b", image: "b:2" }], ["a:1 X", "b:2"]],
    [[{ name: "c", image: "c:1" }], ["c:1", "a:1 X", "b:1"]],
    [
      [
        { name: "b", image: "b:2" },
        { name: "c", image: "c:1" },
      ],
      ["a:1 X", "b:2", "c:1"],
    ],
    [[{ name: "a", $patch: "delete" }], ["b:1"]],
    [[{ $patch: "replace" }, { name: "c", image: "c:1" }], ["c:1"]],
    [[{ name: "a", env: [{ name: "Y", value: "2" }] }], ["a:1 YX", "b:1"]],
  ] as const)("a strategic merge of containers %j", async ([containers, expected]) => {
    const name = `merged-${merged++}`;
    await cluster.deploy(name, { spec: { replicas: 0 }, podSpec: { containers: kept } });
    const { body } = await cluster.strategicPatch(`deployments/${name}`, {
      spec: { template: { spec: { containers } } },
    });
    const after = body.spec.template.spec.containers.map(({ image, env = [] }) =>
      [image, env.map((variable) => variable.name).join("")].join(" ").trim(),
    );
    expect(after).toEqual(expected);
  });

  test("$retainKeys lets the strategy change its type", async () => {
    await cluster.deploy("recreated", { spec: { replicas: 0 } });
    const strategy = { $retainKeys: ["type"], type: "Recreate" };
    const { body } = await cluster.strategicPatch("deployments/recreated", { spec: { strategy } });
    expect(body.spec.strategy).toEqual({ type: "Recreate" });
  });

  test("a stale resourceVersion in a patch is a conflict", async () => {
    await cluster.deploy("stale", { spec: { replicas: 0 } });
    const { code, body } = await cluster.mergePatch("deployments/stale", {
      metadata: { resourceVersion: "1", labels: { a: "b" } },
    });
    expect({ code, reason: body.reason }).toEqual({ code: 409, reason: "Conflict" });
  });

  test("what is not there, taken, or not possible is refused with its own status", async () => {
    await cluster.deploy("taken", { spec: { replicas: 0 } });
    const codes = async (...calls: Parameters<Cluster["call"]>[]) =>
      Promise.all(calls.map(async (call) => (await cluster.call(...call)).code));
    expect(
      await codes(
        ["GET", "deployments/missing"],
        ["PATCH", "deployments/missing", [], "application/json-patch+json"],
        ["DELETE", "deployments/missing"],
        ["GET", "/api/v1/nonsense"],
        ["POST", "deployments", deployment("taken")],
        ["PUT", "deployments", {}],
        ["PATCH", "deployments/taken", {}, "application/json"],
        ["PATCH", "deployments/taken", "{", "application/merge-patch+json"],
        ["POST", "/apis/apps/v1/namespaces/no-such-namespace/deployments", deployment("x")],
      ),
    ).toEqual([404, 404, 404, 404, 409, 405, 415, 400, 404]);
  });

  test("a finalizer keeps a deleted Deployment, which still takes patches, until it is removed", async () => {
    await cluster.deploy("held", { finalizers: ["example.test/hold"] });
    const { code, body } = await cluster.call("DELETE", "deployments/held");
    expect(code).toBe(200);
    expect(body.metadata.deletionTimestamp).toBeDefined();
    expect((await cluster.setImage("held", "registry.test/sentinel:v2")).code).toBe(200);
    await cluster.jsonPatch("deployments/held", [{ op: "remove", path: "/metadata/finalizers" }]);
    expect((await cluster.call("GET", "deployments/held")).code).toBe(404);
  });

  test.for(["Background", "Foreground"])("%s deletion takes ReplicaSets and pods along", async (policy) => {
    const name = `deleted-${policy.toLowerCase()}`;
    await cluster.deploy(name);
    const path = `deployments/${name}?propagationPolicy=${policy}`;
    expect((await cluster.call("DELETE", path)).code).toBe(200);
    await until(async () => {
      expect((await cluster.call("GET", `deployments/${name}`)).code).toBe(404);
      expect((await cluster.get(`replicasets?labelSelector=app%3D${name}`)).items).toEqual([]);
      expect(await cluster.pods(name)).toEqual([]);
    });
  });
});

describe("lists", () => {
  const names = (items: { metadata: { name: string } }[] = []) => items.map(({ metadata }) => metadata.name);

  test("pages show the state at the time of the first, whatever happens in between", async () => {
    const labels = { set: "pages" };
    // One more behind them all, which the selector leaves out: the store goes on to an empty last page.
    await cluster.deploy("page-z", { spec: { replicas: 0 } });
    for (const name of ["page-a", "page-b", "page-d", "page-e"]) {
      await cluster.deploy(name, { spec: { replicas: 0 }, labels });
    }
    const query = "deployments?labelSelector=set%3Dpages&limit=2";
    const first = await cluster.get(query);
    expect(names(first.items)).toEqual(["page-a", "page-b"]);
    await cluster.deploy("page-c", { spec: { replicas: 0 }, labels });
    await cluster.call("DELETE", "deployments/page-e");
    await cluster.mergePatch("deployments/page-d", { metadata: { labels: { set: "other" } } });
    const next = encodeURIComponent(first.metadata.continue ?? "");
    const second = await cluster.get(`${query}&continue=${next}`);
    expect(names(second.items)).toEqual(["page-d", "page-e"]);
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    const last = encodeURIComponent(second.metadata.continue ?? "");
    const third = await cluster.get(`${query}&continue=${last}`);
    expect(names(third.items)).toEqual([]);
    expect(third.metadata.continue).toBeUndefined();
    expect(names((await cluster.get("deployments?labelSelector=set%3Dpages")).items)).toEqual([
      "page-a",
      "page-b",
      "page-c",
    ]);
  });

  test("a list without a filter counts what remains", async () => {
    await cluster.deploy("count-a", { spec: { replicas: 0 } });
    await cluster.deploy("count-b", { spec: { replicas: 0 } });
    const all = await cluster.get("deployments");
    const first = await cluster.get("deployments?limit=1");
    expect(first.metadata.remainingItemCount).toBe((all.items?.length ?? 0) - 1);
  });

  test.for([
    ["labelSelector", "tier=x", ["sel-a"]],
    ["labelSelector", "tier!=x,tier", ["sel-b"]],
    ["labelSelector", "tier in (x, y)", ["sel-a", "sel-b"]],
    ["labelSelector", "tier notin (x),sel", ["sel-b", "sel-c"]],
    ["labelSelector", "sel,!tier", ["sel-c"]],
    ["fieldSelector", "metadata.name=sel-b", ["sel-b"]],
  ] as const)("%s %s", async ([kind, selector, expected]) => {
    for (const [name, labels] of Object.entries({
      "sel-a": { sel: "1", tier: "x" },
      "sel-b": { sel: "1", tier: "y" },
      "sel-c": { sel: "1" },
    })) {
      await cluster.call("POST", "deployments", deployment(name, { spec: { replicas: 0 }, labels }));
    }
    const found = await cluster.get(`deployments?${kind}=${encodeURIComponent(selector)}`);
    expect(names(found.items)).toEqual(expected);
    const everywhere = `/apis/apps/v1/deployments?${kind}=${encodeURIComponent(selector)}`;
    const { items = [] } = await cluster.get(everywhere);
    // On a real cluster there may be others who have labels of that name.
    const own = items.filter(({ metadata }) => metadata.namespace === cluster.namespace);
    expect(names(own)).toEqual(expected);
  });

  test.for(["labelSelector=%21%21x", "fieldSelector=spec.x%3D1", "limit=x", "continue=x"])(
    "%s is refused",
    async (query) => {
      expect((await cluster.call("GET", `deployments?${query}`)).code).toBe(400);
    },
  );
});

describe("watches", () => {
  const only = "labelSelector=watched%3Dyes&allowWatchBookmarks=true";

  test("begin with what is there, go on with what happens, and follow the selector", async () => {
    await cluster.deploy("seen", { spec: { replicas: 0 }, labels: { watched: "yes" } });
    const watch = await cluster.watch(`deployments?${only}`);
    await until(() => expect(watch.events[1]?.type).toBe("BOOKMARK"));
    expect(watch.story).toEqual(["ADDED seen"]);
    expect(watch.events[1]?.object.metadata.annotations).toEqual({ "k8s.io/initial-events-end": "true" });
    await cluster.mergePatch("deployments/seen", { metadata: { labels: { watched: "no" } } });
    await cluster.mergePatch("deployments/seen", { metadata: { labels: { watched: "yes" } } });
    await cluster.mergePatch("deployments/seen", { metadata: { labels: { more: "x" } } });
    await cluster.call("DELETE", "deployments/seen");
    await until(() =>
      expect(watch.story).toEqual([
        "ADDED seen",
        "DELETED seen",
        "ADDED seen",
        "MODIFIED seen",
        "DELETED seen",
      ]),
    );
    const versions = watch.events.map(({ object }) => Number(object.metadata.resourceVersion));
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
  });

  test("resumed from a version they tell exactly what came after it", async () => {
    const { metadata } = await cluster.deploy("resumed", { spec: { replicas: 0 } });
    await cluster.mergePatch("deployments/resumed", { metadata: { labels: { step: "1" } } });
    await cluster.mergePatch("deployments/resumed", { metadata: { labels: { step: "2" } } });
    const { resourceVersion } = metadata;
    const watch = await cluster.watch(
      `deployments?fieldSelector=metadata.name%3Dresumed&resourceVersion=${resourceVersion}`,
    );
    await until(() => expect(watch.events).toHaveLength(2));
    expect(watch.events.map(({ object }) => object.metadata.labels?.step)).toEqual(["1", "2"]);
  });

  test("sendInitialEvents wants resourceVersionMatch, and then sends the same as a fresh watch", async () => {
    await cluster.deploy("initial", { spec: { replicas: 0 } });
    const query = "deployments?fieldSelector=metadata.name%3Dinitial&sendInitialEvents=true";
    const refused = await cluster.watch(query);
    expect(refused.code).toBe(422);
    const watch = await cluster.watch(
      `${query}&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=`,
    );
    await until(() => expect(watch.events.map(({ type }) => type)).toEqual(["ADDED", "BOOKMARK"]));
  });

  test("from a version of the future they are silent, and end in good order when their time is over", async () => {
    const query = "resourceVersion=99999999&timeoutSeconds=1&allowWatchBookmarks=true";
    const watch = await cluster.watch(`deployments?${query}`);
    expect(watch.code).toBe(200);
    expect(await watch.ended).toBe(true);
    expect(watch.events).toEqual([]);
  });
});
