import { describe, expect } from "vitest";
import type { ApiRequest } from "../../src/embedded-kubernetes/index.ts";
import { call, send } from "../../src/local-stack/restate-api.ts";
import { until } from "../support/until.ts";
import { it, NEW, OLD, type World } from "../support/world.ts";

const ID = "sen_0001";

function notifyReady(world: World, body: object = {}) {
  return call(world.stack.ingress, `hydra.v1.SentinelService/${ID}/NotifyReady`, body);
}

async function awakeables(world: World): Promise<number> {
  const rows = await world.sql<{ n: number }>(
    "SELECT count(*) AS n FROM state WHERE key = 'notify_ready_awakeable'",
  );
  return rows[0]?.n ?? 0;
}

describe("Deploy", () => {
  it.override({ options: { sentinels: 2, env: { DEPLOY_TIMEOUT_SECONDS: "6", FAIL_FAST_SECONDS: "2" } } });

  it("answers ready when the Deployment converged, and says so in the row and in the rollout history", async ({
    world,
  }) => {
    const { status, body } = await world.deploy(ID, { image: NEW });
    expect({ status, body }).toEqual({ status: 200, body: { status: "ready" } });
    expect(await world.row(ID)).toMatchObject({
      image: NEW,
      running_image: NEW,
      deploy_status: "ready",
      deploy_error: null,
    });
    const deployment = (await world.deployments()).get(ID);
    expect(deployment?.metadata?.annotations?.["kubernetes.io/change-cause"]).toBe(
      `sentinel-rollout: ${NEW}`,
    );
    expect(await awakeables(world)).toBe(0);
  });

  it("with nothing to change is ready at once without a patch, and heals a stale status", async ({
    world,
  }) => {
    await world.change(
      `UPDATE sentinels SET deploy_status = 'failed', deploy_error = 'old' WHERE id = '${ID}'`,
    );
    const before = (await world.deployments()).get(ID)?.metadata?.resourceVersion;
    expect((await world.deploy(ID)).body).toEqual({ status: "ready" });
    expect((await world.deploy(ID, { image: "", cpu_millicores: 0 })).body).toEqual({ status: "ready" });
    expect((await world.deployments()).get(ID)?.metadata?.resourceVersion).toBe(before);
    expect(await world.row(ID)).toMatchObject({ deploy_status: "ready", deploy_error: null, image: OLD });
  });

  it("sets resources and replicas where they are asked for, and leaves every other field alone", async ({
    world,
  }) => {
    const before = (await world.deployments()).get(ID);
    const asked = { cpuMillicores: 800, memory_mib: 768, desired_replicas: 3 };
    expect((await world.deploy(ID, asked)).body).toEqual({ status: "ready" });
    const after = (await world.deployments()).get(ID);
    const container = after?.spec?.template.spec?.containers[0];
    expect(container?.resources).toEqual({
      limits: { cpu: "800m", memory: "768Mi" },
      requests: { cpu: "400m", memory: "768Mi" },
    });
    expect(after?.spec?.replicas).toBe(3);
    expect(container?.image).toBe(OLD);
    const { resources: _, ...rest } = container ?? {};
    const { resources: __, ...restBefore } = before?.spec?.template.spec?.containers[0] ?? {};
    expect(rest).toEqual(restBefore);
    expect({ ...after?.spec, replicas: 0, template: 0 }).toEqual({
      ...before?.spec,
      replicas: 0,
      template: 0,
    });
    expect(await world.row(ID)).toMatchObject({ cpu_millicores: 800, memory_mib: 768, desired_replicas: 3 });
  });

  it("fails at the timeout with the pods' own reason, and a notification cannot make it report what is not so", async ({
    world,
  }) => {
    await world.fault(ID, "CrashLoopBackOff");
    const answer = world.deploy(ID, { image: NEW });
    await until("it to wait", async () => (await awakeables(world)) === 1);
    for (let i = 0; i < 5; i++) expect((await notifyReady(world, { image: NEW })).status).toBe(200);
    const { body } = await answer;
    expect(body.status).toBe("failed");
    expect(body.reason).toMatch(/^CrashLoopBackOff/);
    expect(await world.row(ID)).toMatchObject({
      deploy_status: "failed",
      deploy_error: body.reason,
      running_image: OLD,
    });
    expect(await awakeables(world)).toBe(0);
  });

  it("fails at once when the Deployment does not exist", async ({ world }) => {
    await world.change(`UPDATE sentinels SET k8s_name = 'gone' WHERE id = '${ID}'`);
    const invocation = await send(world.stack.ingress, `hydra.v1.SentinelService/${ID}/Deploy`, {
      image: NEW,
    });
    const { body } = await world.answer<object>(invocation);
    expect(body).toEqual({ status: "failed", reason: "Deployment gone not found in namespace sentinel" });
    const steps = (await world.journal(invocation)).map(({ name }) => name);
    expect(steps).toContain("patch Deployment gone");
    expect(steps.filter((name) => name.includes("wait"))).toEqual([]);
    expect(await world.row(ID)).toMatchObject({ deploy_status: "failed" });
  });

  it("fails at once when somebody else moves the image on", async ({ world }) => {
    await world.fault(ID, "slow:30", NEW);
    const answer = world.deploy(ID, { image: NEW });
    await until(
      "it to wait",
      async () => (await world.on(NEW)).includes(ID) && (await awakeables(world)) === 1,
    );
    await world.setImage(ID, "ghcr.io/unkeyed/sentinel:v7");
    const { body } = await answer;
    expect(body).toEqual({
      status: "failed",
      reason: "image was changed to ghcr.io/unkeyed/sentinel:v7 by somebody else",
    });
  });

  it("for one sentinel runs one after another", async ({ world }) => {
    const [first, second] = await Promise.all([
      world.deploy(ID, { image: NEW }),
      world.deploy(ID, { image: OLD }),
    ]);
    expect([first.body, second.body]).toEqual([{ status: "ready" }, { status: "ready" }]);
    const row = await world.row(ID);
    expect(row.running_image).toBe(row.image);
    expect((await world.images()).get(ID)).toBe(row.image);
  });
});

describe("Deploy, while", () => {
  it.override({ options: { sentinels: 1, env: { DEPLOY_TIMEOUT_SECONDS: "60" } } });

  it("MySQL is away, waits for it and succeeds", async ({ world }) => {
    const server = world.stack.mysql.process;
    if (server === undefined)
      throw new Error("this test needs a private MySQL server, not that of DATABASE_URL");
    await server.stop();
    const answer = world.deploy(ID, { image: NEW });
    await until("it to have tried", () =>
      world.stack.service.logs().some((line) => /MySQL/.test(JSON.stringify(line))),
    );
    await server.start();
    expect((await answer).body).toEqual({ status: "ready" });
  });

  it("the Kubernetes API throttles, breaks and loses answers, patches once and succeeds", async ({
    world,
  }) => {
    const faults = world.stack.embedded?.faults;
    if (faults === undefined) throw new Error("this test needs the embedded Kubernetes API");
    const patches = (request: { verb: string }) => request.verb === "patch";
    faults.inject({ kind: "status", code: 429, retryAfterSeconds: 1 }, { only: patches });
    faults.inject({ kind: "status", code: 503 }, { only: patches });
    faults.inject({ kind: "reset" }, { only: patches });
    faults.inject({ kind: "lostAnswer" }, { only: patches });
    faults.inject({ kind: "status", code: 500 }, { times: 2, only: ({ verb }) => verb === "get" });
    const before = (await world.deployments()).get(ID)?.metadata?.generation ?? 0;
    expect((await world.deploy(ID, { image: NEW })).body).toEqual({ status: "ready" });
    expect((await world.deployments()).get(ID)?.metadata?.generation).toBe(before + 1);
  });

  it("only the watch shows that it has converged, is not ready before it has read the Deployment itself", async ({
    world,
  }) => {
    const faults = world.stack.embedded?.faults;
    if (faults === undefined) throw new Error("this test needs the embedded Kubernetes API");
    let refused = 0;
    const reads = ({ verb, resource }: ApiRequest) => {
      const meant = verb === "get" && resource === "deployments";
      if (meant) refused++;
      return meant;
    };
    faults.inject({ kind: "status", code: 503 }, { times: Infinity, only: reads });
    const answer = world.deploy(ID, { image: NEW });
    await until("the watch to show it", async () => (await world.row(ID)).running_image === NEW);
    await until("it to ask for the Deployment", () => refused > 0);
    expect(await world.row(ID)).toMatchObject({ deploy_status: "progressing" });
    faults.clear();
    expect((await answer).body).toEqual({ status: "ready" });
  });

  it("the service is killed in the middle of it, goes on where it was", async ({ world }) => {
    await world.fault(ID, "slow:5", NEW);
    const answer = world.deploy(ID, { image: NEW });
    await until(
      "it to wait",
      async () => (await awakeables(world)) === 1 && (await world.on(NEW)).includes(ID),
    );
    const { generation } = (await world.deployments()).get(ID)?.metadata ?? {};
    await world.stack.service.process.signal("SIGKILL");
    await world.stack.service.process.start();
    expect((await answer).body).toEqual({ status: "ready" });
    expect((await world.deployments()).get(ID)?.metadata?.generation).toBe(generation);
    expect(await world.row(ID)).toMatchObject({ deploy_status: "ready", running_image: NEW });
  });
});

describe("Deploy of a broken image", () => {
  it.override({ options: { sentinels: 2, env: { DEPLOY_TIMEOUT_SECONDS: "60", FAIL_FAST_SECONDS: "3" } } });

  for (const fault of ["ImagePullBackOff", "CrashLoopBackOff", "CreateContainerConfigError"]) {
    it(`fails with ${fault} once that has lasted FAIL_FAST_SECONDS`, async ({ world }) => {
      await world.fault(ID, fault, NEW);
      const began = performance.now();
      const { body } = await world.deploy(ID, { image: NEW });
      const took = performance.now() - began;
      expect(body.status).toBe("failed");
      expect(body.reason).toMatch(new RegExp(`^${fault}`));
      // Not at its deadline: that says "not converged" first.
      expect(took).toBeGreaterThan(3_000);
    });
  }

  it("is not blamed for the pods of the broken one before it", async ({ world }) => {
    await world.fault(ID, "CreateContainerConfigError", NEW);
    expect((await world.deploy(ID, { image: NEW })).body.status).toBe("failed");
    expect((await world.deploy(ID, { image: "ghcr.io/unkeyed/sentinel:v1.2.4" })).body).toEqual({
      status: "ready",
    });
  });
});
