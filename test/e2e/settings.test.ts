import { setTimeout as delay } from "node:timers/promises";
import mysql from "mysql2/promise";
import { describe, expect, onTestFinished } from "vitest";
import { call, send } from "../../src/local-stack/restate-api.ts";
import { until } from "../support/until.ts";
import { it, NEW, type World } from "../support/world.ts";

/** By `planFleet`: the regions in turn. */
const NORTH = ["sen_0001", "sen_0003", "sen_0005"] as const;
const SOUTH = ["sen_0002", "sen_0004", "sen_0006"] as const;

interface Deploying {
  id: string;
  beganMs: number;
  answer: Promise<{ body: { status: string; reason?: string }; tookMs: number }>;
}

async function begin(world: World, id: string): Promise<Deploying> {
  const beganMs = performance.now();
  const invocation = await send(world.stack.ingress, `hydra.v1.SentinelService/${id}/Deploy`, { image: NEW });
  const answer = world
    .answer<{ status: string; reason?: string }>(invocation)
    .then(({ body }) => ({ body, tookMs: performance.now() - beganMs }));
  // One that never answers ends with the stack.
  answer.catch(() => undefined);
  return { id: invocation, beganMs, answer };
}

/** It has its patch, has been woken for nothing, and waits again: its journal tells of a look `afterMs` after it began. */
async function waitsAgain(world: World, id: string, deploying: Deploying, afterMs: number): Promise<void> {
  await until("it to wait", async () =>
    has(await world.journal(deploying.id), "wait for the rolling update"),
  );
  await until("time to pass", () => performance.now() - deploying.beganMs > afterMs);
  await call(world.stack.ingress, `hydra.v1.SentinelService/${id}/NotifyReady`, {});
  await until("it to wait again", async () =>
    has(await world.journal(deploying.id), "wait to be woken again"),
  );
  await until("it to have suspended", async () => {
    const [row] = await world.sql<{ status: string }>(
      `SELECT status FROM sys_invocation WHERE id = '${deploying.id}'`,
    );
    return row?.status === "suspended";
  });
}

function has(steps: { name: string }[], name: string): boolean {
  return steps.some((step) => step.name.startsWith(name));
}

/** Kills the service and starts it again as `env` says. Answers what went wrong in any invocation from then on. */
async function restart(world: World, env: Record<string, string>): Promise<() => string[]> {
  const { process } = world.stack.service;
  await process.signal("SIGKILL");
  await process.start(env);
  const failures = new Set<string>();
  void watchFailures(world, (failure) => failures.add(failure)).catch(() => undefined);
  return () => [...failures].filter((failure) => /570|mismatch/i.test(failure));
}

/** Until the stack is gone. */
async function watchFailures(world: World, tell: (failure: string) => void): Promise<void> {
  for (;;) {
    const rows = await world.sql<{ target: string; last_failure: string }>(
      "SELECT target, last_failure FROM sys_invocation WHERE last_failure IS NOT NULL",
    );
    for (const { target, last_failure } of rows) tell(`${target}: ${last_failure}`);
    await delay(50);
  }
}

/** Somebody else's transaction, which the service's writes to the row have to wait for. */
async function lock(world: World, id: string): Promise<() => Promise<void>> {
  const connection = await mysql.createConnection(world.stack.databaseUrl);
  await connection.beginTransaction();
  await connection.query(`SELECT id FROM sentinels WHERE id = '${id}' FOR UPDATE`);
  let locked = true;
  const unlock = async () => {
    if (!locked) return;
    locked = false;
    await connection.rollback();
    await connection.end();
  };
  onTestFinished(() => unlock().catch(() => undefined));
  return unlock;
}

/** In time for the test to say what is wrong: a wedged Deploy never answers. */
async function answered({ answer }: Deploying, mismatches: () => string[], withinMs = 40_000) {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error(`no answer; ${mismatches().join("\n")}`)), withinMs).unref();
  });
  const first = await Promise.race([answer, late]);
  expect(mismatches()).toEqual([]);
  return first;
}

const REGIONS = "north=cold,south=warm";

describe("a Deploy in whose middle the service comes back with smaller values", () => {
  const env = { DEPLOY_TIMEOUT_SECONDS: "45", FAIL_FAST_SECONDS: "9", KUBE_CONTEXTS: REGIONS };
  it.override({ options: { sentinels: 6, env } });

  it("waits as long as it would have; the next Deploy goes by the new ones", async ({ world }) => {
    await world.fault(SOUTH[0], "slow:4", NEW);
    await world.fault(SOUTH[1], "ImagePullBackOff", NEW);
    await world.fault(SOUTH[2], "NeverReady", NEW);
    const [slow, broken] = [await begin(world, SOUTH[0]), await begin(world, SOUTH[1])];
    await Promise.all([waitsAgain(world, SOUTH[0], slow, 3_000), waitsAgain(world, SOUTH[1], broken, 3_000)]);
    const mismatches = await restart(world, { DEPLOY_TIMEOUT_SECONDS: "2", FAIL_FAST_SECONDS: "1" });

    expect((await answered(slow, mismatches)).body).toEqual({ status: "ready" });
    const { body, tookMs } = await answered(broken, mismatches);
    expect(body).toMatchObject({ status: "failed", reason: expect.stringMatching(/^ImagePullBackOff/) });
    expect(tookMs).toBeGreaterThan(9_000);

    const next = await answered(await begin(world, SOUTH[2]), mismatches);
    expect(next.body.reason).toMatch(/^not converged within 2 s/);
  });

  it("waits for its cluster where that is gone, and goes on with it once it is back", async ({ world }) => {
    await world.fault(NORTH[0], "slow:3", NEW);
    const deploying = await begin(world, NORTH[0]);
    await waitsAgain(world, NORTH[0], deploying, 1_000);
    const without = await restart(world, { KUBE_CONTEXTS: "south=warm" });
    await call(world.stack.ingress, `hydra.v1.SentinelService/${NORTH[0]}/NotifyReady`, {});
    await until("it to say that the cluster is gone", async () => {
      const [row] = await world.sql<{ last_failure: string | null }>(
        `SELECT last_failure FROM sys_invocation WHERE id = '${deploying.id}'`,
      );
      expect(without()).toEqual([]);
      return row?.last_failure?.includes("the region north");
    });
    const next = await answered(await begin(world, NORTH[1]), without);
    expect(next.body).toEqual({
      status: "failed",
      reason: "no cluster serves the region north (see KUBE_CONTEXTS)",
    });
    await until("its pods to be up", async () => {
      const { spec, status } = (await world.deployments()).get(NORTH[0]) ?? {};
      return status?.updatedReplicas === spec?.replicas && status?.availableReplicas === status?.replicas;
    });
    // Another cluster serves the region by now: the Deployment that this Deploy has patched is in the old one.
    const moved = await restart(world, { KUBE_CONTEXTS: "north=warm,south=cold" });
    expect((await answered(deploying, moved)).body).toEqual({ status: "ready" });
  });
});

describe("a Deploy whose cluster does not come back", () => {
  const env = { DEPLOY_TIMEOUT_SECONDS: "8", KUBE_CONTEXTS: REGIONS };
  it.override({ options: { sentinels: 2, env } });

  it("has failed at its deadline, and says which region it was", async ({ world }) => {
    await world.fault(NORTH[0], "NeverReady", NEW);
    const deploying = await begin(world, NORTH[0]);
    await waitsAgain(world, NORTH[0], deploying, 500);
    const mismatches = await restart(world, { KUBE_CONTEXTS: "south=warm" });
    const { body, tookMs } = await answered(deploying, mismatches);
    expect(body).toEqual({
      status: "failed",
      reason: "the cluster cold of the region north is not configured any more (see KUBE_CONTEXTS)",
    });
    expect(tookMs).toBeGreaterThan(7_900);
    expect(await world.row(NORTH[0])).toMatchObject({ deploy_status: "failed", deploy_error: body.reason });
  });
});

describe("a Deploy in whose middle the service comes back with bigger values", () => {
  const env = { DEPLOY_TIMEOUT_SECONDS: "8", FAIL_FAST_SECONDS: "6", KUBE_CONTEXTS: REGIONS };
  const bigger = {
    DEPLOY_TIMEOUT_SECONDS: "600",
    FAIL_FAST_SECONDS: "300",
    KUBE_CONTEXTS: `${REGIONS},mars=cold`,
  };
  it.override({ options: { sentinels: 6, env } });

  it("gives up when it would have; the next Deploy goes by the new ones", async ({ world }) => {
    await world.fault(SOUTH[0], "NeverReady", NEW);
    await world.fault(SOUTH[1], "ImagePullBackOff", NEW);
    await world.fault(SOUTH[2], "slow:4", NEW);
    const [overdue, broken] = [await begin(world, SOUTH[0]), await begin(world, SOUTH[1])];
    await Promise.all([
      waitsAgain(world, SOUTH[0], overdue, 1_000),
      waitsAgain(world, SOUTH[1], broken, 1_000),
    ]);
    const mismatches = await restart(world, bigger);

    // By the bigger values there would be no answer before the test is over.
    const atTimeout = await answered(overdue, mismatches);
    expect(atTimeout.body.reason).toMatch(/^not converged within 8 s/);
    const { body } = await answered(broken, mismatches);
    expect(body.reason).toMatch(/^ImagePullBackOff/);

    const next = await answered(await begin(world, SOUTH[2]), mismatches);
    expect(next.body).toEqual({ status: "ready" });
    expect(next.tookMs).toBeGreaterThan(8_000);
  });

  it("and has only its outcome left to write, does not begin to wait again", async ({ world }) => {
    await world.change(`UPDATE sentinels SET region_id = 'mars' WHERE id = '${NORTH[0]}'`);
    await world.fault(NORTH[1], "NeverReady", NEW);
    const overdue = await begin(world, NORTH[1]);
    await waitsAgain(world, NORTH[1], overdue, 500);
    const unlock = [await lock(world, NORTH[0]), await lock(world, NORTH[1])];
    const unserved = await begin(world, NORTH[0]);
    for (const { id } of [unserved, overdue]) {
      await until("it to write its outcome", async () => has(await world.journal(id), "write the outcome"));
    }
    const mismatches = await restart(world, bigger);
    for (const each of unlock) await each();
    expect((await answered(unserved, mismatches)).body).toEqual({
      status: "failed",
      reason: "no cluster serves the region mars (see KUBE_CONTEXTS)",
    });
    expect((await answered(overdue, mismatches)).body.reason).toMatch(/^not converged within 8 s/);
  });
});
