import { describe, expect } from "vitest";
import { until } from "../support/until.ts";
import { it, NEW, OLD, type World } from "../support/world.ts";

const ID = "sen_0001";

/** A Deploy that fails must not take the time of any deadline. */
const PATIENT = { DEPLOY_TIMEOUT_SECONDS: "600", FAIL_FAST_SECONDS: "600" };

async function generation(world: World, id = ID): Promise<number | undefined> {
  return (await world.deployments()).get(id)?.metadata?.generation;
}

function policies(world: World) {
  const { embedded, namespace } = world.stack;
  if (embedded === undefined) throw new Error("this test needs the embedded Kubernetes API");
  return { namespace, policies: embedded.policies };
}

describe("what nothing but another change can mend", () => {
  it.override({ options: { sentinels: 2, env: PATIENT } });

  it("fails at once: a paused Deployment, untouched, with the words that end the pause", async ({
    world,
  }) => {
    await world.patch(ID, [{ op: "add", path: "/spec/paused", value: true }]);
    const before = await generation(world);
    const { body } = await world.deploy(ID, { image: NEW });
    expect(body).toEqual({
      status: "failed",
      reason:
        "Deployment sentinel-0001 is paused: nothing comes up before kubectl rollout resume deployment/sentinel-0001 -n sentinel",
    });
    expect(await generation(world)).toBe(before);
    expect((await world.images()).get(ID)).toBe(OLD);
    await world.patch(ID, [{ op: "remove", path: "/spec/paused" }]);
    // What was not taken does not come by itself with the next change of something else.
    expect(await world.row(ID)).toMatchObject({ image: OLD, deploy_status: "failed" });
    expect((await world.deploy(ID, { cpu_millicores: 600 })).body).toEqual({ status: "ready" });
    expect((await world.images()).get(ID)).toBe(OLD);
    expect((await world.deploy(ID, { image: NEW })).body).toEqual({ status: "ready" });
  });

  it("fails at once: an image that a policy denies, in the policy's words", async ({ world }) => {
    const { policies: inForce, namespace } = policies(world);
    inForce.denyImages(namespace, "signed", (image) => image === NEW, "images of sentinels must be signed");
    const { body } = await world.deploy(ID, { image: NEW });
    expect(body).toEqual({
      status: "failed",
      reason: `Kubernetes refused the change: deployments.apps "sentinel-0001" is forbidden: ValidatingAdmissionPolicy 'signed' with binding 'signed' denied request: images of sentinels must be signed`,
    });
    expect(await world.row(ID)).toMatchObject({
      ...{ deploy_status: "failed", deploy_error: body.reason, image: OLD },
    });
    inForce.lift(namespace);
    expect((await world.deploy(ID)).body).toEqual({ status: "ready" });
    expect((await world.images()).get(ID)).toBe(OLD);
    expect((await world.deploy(ID, { image: NEW })).body).toEqual({ status: "ready" });
  });
});

describe("what can heal", () => {
  it.override({
    options: {
      sentinels: 2,
      env: { DEPLOY_TIMEOUT_SECONDS: "12", FAIL_FAST_SECONDS: "2", UNSCHEDULABLE_SECONDS: "0" },
    },
  });

  it("a pod without a node has until the deploy timeout: a node may be on its way", async ({ world }) => {
    await world.fault(ID, "Unschedulable", NEW);
    const began = performance.now();
    const { body } = await world.deploy(ID, { image: NEW });
    expect(body.reason).toMatch(/^Unschedulable: /);
    expect(performance.now() - began).toBeGreaterThan(11_000);
  });
});

describe("a pod without a node", () => {
  it.override({
    options: {
      sentinels: 1,
      env: { DEPLOY_TIMEOUT_SECONDS: "600", FAIL_FAST_SECONDS: "0", UNSCHEDULABLE_SECONDS: "3" },
    },
  });

  it("has UNSCHEDULABLE_SECONDS where that is set", async ({ world }) => {
    await world.fault(ID, "Unschedulable", NEW);
    const began = performance.now();
    expect((await world.deploy(ID, { image: NEW })).body.reason).toMatch(/^Unschedulable: /);
    expect(performance.now() - began).toBeGreaterThan(3_000);
  });
});

describe("a Deployment that is deleted and created again in mid-Deploy", () => {
  it.override({ options: { sentinels: 1, env: PATIENT } });

  it("is patched again, and judged by what it is now", async ({ world }) => {
    await world.fault(ID, "slow:600", NEW);
    // A generation that the new one will not have for long.
    for (const note of ["1", "2", "3"]) await world.annotate(ID, { note });
    const answer = world.deploy(ID, { image: NEW });
    await until("it to wait", async () => (await world.row(ID)).deploy_status === "progressing");
    await until("it to be patched", async () => (await world.on(NEW)).includes(ID));
    const { process } = world.stack.service;
    // Not looked at while it is gone: then it would be missing.
    await process.signal("SIGSTOP");
    await world.recreate(ID, ({ spec }) => {
      const [container] = spec?.template.spec?.containers ?? [];
      if (container !== undefined) container.image = OLD;
    });
    await process.signal("SIGCONT");
    expect((await answer).body).toEqual({ status: "ready" });
    expect(await world.row(ID)).toMatchObject({ running_image: NEW, deploy_status: "ready" });
    expect((await world.images()).get(ID)).toBe(NEW);
  });
});

describe("an image that admission rewrites", () => {
  it.override({ options: { sentinels: 4, env: { DEPLOY_TIMEOUT_SECONDS: "60" } } });

  const REWRITTEN = NEW.replace("ghcr.io/", "mirror.test/");

  function mirror(world: World): void {
    const { policies: inForce, namespace } = policies(world);
    inForce.rewriteImages(namespace, (image) => image.replace("ghcr.io/", "mirror.test/"));
  }

  it("is the expected one: what runs is in the row, and Deploy says so", async ({ world }) => {
    mirror(world);
    const { body } = await world.deploy(ID, { image: NEW });
    expect(body).toEqual({ status: "ready", rewritten_to: REWRITTEN });
    expect(await world.row(ID)).toMatchObject({
      image: NEW,
      running_image: REWRITTEN,
      deploy_status: "ready",
    });

    const before = await generation(world);
    expect((await world.deploy(ID, { image: NEW })).body).toEqual({
      status: "ready",
      rewritten_to: REWRITTEN,
    });
    expect((await world.deploy(ID)).body).toEqual({ status: "ready", rewritten_to: REWRITTEN });
    expect(await generation(world)).toBe(before);
  });

  it("counts as the target in a rollout, in a later one by another process, and in a rollback", async ({
    world,
  }) => {
    mirror(world);
    expect((await world.verb("Rollout", { image: NEW, wave_percentages: [100] })).body).toMatchObject({
      state: "completed",
      succeeded: 4,
    });
    await until("the rows to tell what runs", async () =>
      (await world.rows()).every((row) => row.running_image === REWRITTEN),
    );
    const { body: history } = await world.verb<{ rollouts: object[] }>("History");
    expect(history.rollouts).toMatchObject([{ image: NEW, rewritten_to: REWRITTEN }]);
    await world.quiet();
    expect(world.slack().filter((header) => header.includes("admission rewrites"))).toHaveLength(1);

    await world.stack.service.process.signal("SIGKILL");
    await world.stack.service.process.start();
    const again = await world.verb("Rollout", { image: NEW });
    expect(again.status).toBe(409);
  });

  it("is told apart from a hotfix, and reverted to", async ({ world }) => {
    mirror(world);
    await world.verb("Rollout", { image: NEW, wave_percentages: [100] });
    await world.setImage("sen_0002", "mirror.test/unkeyed/sentinel:hotfix");
    await until("the hotfix to run", async () =>
      (await world.row("sen_0002")).running_image.endsWith(":hotfix"),
    );
    const { body } = await world.verb("Rollout", { image: NEW, wave_percentages: [100] });
    expect(body).toMatchObject({ state: "completed", total: 1, succeeded: 1 });

    const next = NEW.replace("v1.2.3", "v1.2.4");
    await world.change("UPDATE sentinels SET k8s_name = 'gone' WHERE id = 'sen_0004'");
    expect((await world.verb("Rollout", { image: next, wave_percentages: [100] })).body).toMatchObject({
      state: "paused",
      succeeded: 3,
      failed: 1,
    });
    const back = await world.verb<object>("RollbackAll");
    expect(back.body).toMatchObject({ reverted: 3, total: 3, failures: [], state: "cancelled" });
    for (const id of ["sen_0001", "sen_0002", "sen_0003"]) {
      expect(await world.row(id)).toMatchObject({ running_image: REWRITTEN, deploy_status: "ready" });
    }
  });

  it("of the previous image is no hotfix of somebody's: a revert is one, also where its answer was lost or it was killed", async ({
    world,
  }) => {
    const { embedded } = world.stack;
    expect((await world.verb("Rollout", { image: NEW, wave_percentages: [100] })).body).toMatchObject({
      succeeded: 4,
    });
    await world.change("UPDATE sentinels SET k8s_name = 'gone' WHERE id = 'sen_0004'");
    const next = NEW.replace("v1.2.3", "v1.2.4");
    const rollout = await world.verb("Rollout", { image: next, wave_percentages: [100] });
    expect(rollout.body).toMatchObject({ state: "paused", succeeded: 3, failed: 1 });
    // From now on the image to return to comes out as another one.
    mirror(world);
    const first = ({ verb, name }: { verb: string; name?: string }) =>
      verb === "patch" && name === "sentinel-0001";
    embedded?.faults.inject({ kind: "lostAnswer" }, { only: first });
    const back = await world.verb<object>("RollbackAll");
    expect(back.body).toMatchObject({ reverted: 3, total: 3, failures: [], state: "cancelled" });
    await until("the rows to tell what runs", async () =>
      (await world.rows()).every((row) => row.running_image === REWRITTEN || row.id === "sen_0004"),
    );
    expect(await world.row(ID)).toMatchObject({ image: NEW, deploy_status: "ready" });
    const { body: plan } = await world.verb<{ total: number }>("Plan", { image: NEW });
    expect(plan.total).toBe(1);
  });
});
