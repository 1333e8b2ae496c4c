import { describe, expect } from "vitest";
import { type Answer, call } from "../../src/local-stack/restate-api.ts";
import { REVERTS_HEADER, ROLLOUT_ID_HEADER, UNRECORDED_HEADER } from "../../src/restate/contract.ts";
import type { DeployReply } from "../../src/restate/deploy-schemas.ts";
import { until } from "../support/until.ts";
import { it, NEW, OLD, type World } from "../support/world.ts";

const ID = "sen_0001";
const OTHER = "ghcr.io/unkeyed/sentinel:v7";
const TOOK = { [REVERTS_HEADER]: NEW, [ROLLOUT_ID_HEADER]: "7781234a" };
const MAY_HAVE_TAKEN = { ...TOOK, [UNRECORDED_HEADER]: "1" };
const UNTOUCHED = { status: "failed", reason: "it never took the image", left: true, untouched: true };

function revert(
  world: World,
  headers: Record<string, string>,
  id: string = ID,
): Promise<Answer<DeployReply & { message?: string }>> {
  return call(world.stack.ingress, `hydra.v1.SentinelService/${id}/Deploy`, { image: OLD }, { headers });
}

/** Everything that a revert could have changed. */
async function traces(world: World) {
  const [row, deployment] = [await world.row(ID), (await world.deployments()).get(ID)];
  const state = await world.sql("SELECT key FROM state WHERE service_name LIKE '%SentinelService'");
  return { row, resourceVersion: deployment?.metadata?.resourceVersion, state };
}

async function leavesAlone(world: World, headers: Record<string, string>, reply: object): Promise<void> {
  const before = await traces(world);
  expect(await revert(world, headers)).toEqual({ status: 200, body: reply });
  expect(await traces(world)).toEqual(before);
}

/** As it is after a rollout. */
async function rolledOut(world: World): Promise<void> {
  expect((await world.deploy(ID, { image: NEW })).body).toEqual({ status: "ready" });
}

async function isReverted(world: World): Promise<void> {
  expect(await world.row(ID)).toMatchObject({ image: OLD, running_image: OLD, deploy_status: "ready" });
  expect((await world.images()).get(ID)).toBe(OLD);
}

describe("the revert of a sentinel", () => {
  it.override({ options: { sentinels: 1, env: { DEPLOY_TIMEOUT_SECONDS: "60" } } });

  it("that took the image brings it back, once", async ({ world }) => {
    await rolledOut(world);
    const { body } = await revert(world, TOOK);
    expect(body).toEqual({ status: "ready", duration_ms: expect.any(Number) });
    await isReverted(world);
    const [line] = world.stack.service.logs().filter(({ rolloutId }) => rolloutId === "7781234a");
    expect(line).toMatchObject({ msg: "sentinel deploy ready", sentinelId: ID });

    const { resourceVersion } = await traces(world);
    expect((await revert(world, TOOK)).body).toEqual({ status: "ready", duration_ms: expect.any(Number) });
    expect((await traces(world)).resourceVersion).toBe(resourceVersion);
    await leavesAlone(world, MAY_HAVE_TAKEN, UNTOUCHED);

    // One that was cut short is made whole.
    await world.change(`UPDATE sentinels SET deploy_status = 'progressing' WHERE id = '${ID}'`);
    expect((await revert(world, MAY_HAVE_TAKEN)).body).toMatchObject({ status: "ready" });
    await isReverted(world);
  });

  it("that may have taken the image brings it back where it did", async ({ world }) => {
    await rolledOut(world);
    expect((await revert(world, MAY_HAVE_TAKEN)).body).toMatchObject({ status: "ready" });
    await isReverted(world);
  });

  it("that failed and runs the image all the same brings it back", async ({ world }) => {
    await rolledOut(world);
    await world.change(`UPDATE sentinels SET deploy_status = 'failed' WHERE id = '${ID}'`);
    expect((await revert(world, MAY_HAVE_TAKEN)).body).toMatchObject({ status: "ready" });
    await isReverted(world);
  });

  it("that somebody moved, retired or deleted since, or that failed, changes nothing", async ({ world }) => {
    await world.change(`UPDATE sentinels SET image = '${NEW}', deploy_status = 'failed' WHERE id = '${ID}'`);
    const failed = { ...UNTOUCHED, reason: "failed without a reason", failed_on_image: true };
    await leavesAlone(world, MAY_HAVE_TAKEN, failed);

    await rolledOut(world);
    await world.change(`UPDATE sentinels SET image = '${OTHER}' WHERE id = '${ID}'`);
    const reason = `left alone: moved to ${OTHER} since`;
    await leavesAlone(world, TOOK, { status: "failed", reason, left: true });
    await leavesAlone(world, MAY_HAVE_TAKEN, UNTOUCHED);

    await world.change(
      `UPDATE sentinels SET image = '${NEW}', desired_state = 'archived' WHERE id = '${ID}'`,
    );
    const archived = { status: "failed", reason: "its desired state is archived", skipped: true };
    await leavesAlone(world, TOOK, archived);
    await leavesAlone(world, MAY_HAVE_TAKEN, archived);

    const unknown = await revert(world, TOOK, "sen_0002");
    expect([unknown.status, unknown.body.message]).toEqual([404, "There is no sentinel sen_0002."]);
  });

  it("that somebody moves while it is to come up is left to them, and named", async ({ world }) => {
    await rolledOut(world);
    await world.fault(ID, "slow:600", OLD);
    const answer = revert(world, TOOK);
    await until("it to be patched back", async () => (await world.images()).get(ID) === OLD);
    await world.setImage(ID, OTHER);
    expect((await answer).body).toEqual({
      ...{ status: "failed", left: true, reason: `left alone: moved to ${OTHER} since` },
    });
    expect(await world.row(ID)).toMatchObject({ deploy_status: "failed" });
    expect((await world.images()).get(ID)).toBe(OTHER);
  });

  it("goes on as it began, also where the row changes before a restart", async ({ world }) => {
    await rolledOut(world);
    await world.fault(ID, "slow:4", OLD);
    const answer = revert(world, MAY_HAVE_TAKEN);
    await until("it to wait", async () => (await world.on(OLD)).includes(ID));
    await world.stack.service.process.signal("SIGKILL");
    await world.change(
      `UPDATE sentinels SET deploy_status = 'failed', image = '${OTHER}' WHERE id = '${ID}'`,
    );
    await world.stack.service.process.start();
    expect((await answer).body).toMatchObject({ status: "ready" });
  });
});
