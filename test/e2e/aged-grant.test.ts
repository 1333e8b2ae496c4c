import { describe, expect } from "vitest";
import { type Answer, call } from "../../src/local-stack/restate-api.ts";
import { GRANT_HEADER, REVERTS_HEADER, ROLLOUT_ID_HEADER } from "../../src/restate/contract.ts";
import type { DeployReply } from "../../src/restate/deploy-schemas.ts";
import { grantText } from "../../src/restate/grant.ts";
import { editState } from "../operator/outside.ts";
import { until } from "../support/until.ts";
import { it, NEW, OLD, type World } from "../support/world.ts";

const ID = "sen_0001";
const OTHER_ID = "sen_0002";
const ABSENT = "7781234a-c6dd-46f2-9b25-bd023dd2129f";
const HOURS_MS = 7_200_000;
const UNTOUCHED = {
  status: "failed",
  reason: "its rollout launches nothing more",
  left: true,
  untouched: true,
};
const READY = { status: "ready", duration_ms: expect.any(Number) };
const ASKS = "does the rollout still launch?";
const BEGINS = "read the sentinel's row, write the desired values";

interface Asked {
  rolloutId?: string;
  image?: string;
  agoMs?: number;
  lane?: number;
  headers?: Record<string, string>;
}

/** As a lane launches it. */
async function launch(world: World, id: string, asked: Asked = {}): Promise<Answer<DeployReply>> {
  const { rolloutId = ABSENT, image = NEW, agoMs = HOURS_MS, lane = 1 } = asked;
  const headers = {
    [ROLLOUT_ID_HEADER]: rolloutId,
    [GRANT_HEADER]: grantText({ lane, n: 1, atMs: Date.now() - agoMs }),
    ...asked.headers,
  };
  return call(world.stack.ingress, `hydra.v1.SentinelService/${id}/Deploy`, { image }, { headers });
}

/** Everything that a Deploy could have changed. */
async function traces(world: World) {
  const [rows, deployments] = [await world.rows(), await world.deployments()];
  const versions = [...deployments].map(([id, { metadata }]) => [id, metadata?.resourceVersion]);
  return {
    rows,
    versions,
    state: await world.sql("SELECT key FROM state WHERE service_name LIKE '%SentinelService'"),
  };
}

/** What the Deploys of a sentinel did, the oldest first. */
async function journals(world: World, id: string): Promise<string[][]> {
  const invocations = await world.sql<{ id: string }>(
    `SELECT id FROM sys_invocation WHERE target = 'hydra.v1.SentinelService/${id}/Deploy' ORDER BY created_at`,
  );
  const names = async (each: { id: string }) => (await world.journal(each.id)).map(({ name }) => name);
  const read: string[][] = [];
  for (const each of invocations) read.push(await names(each));
  return read;
}

describe("a Deploy that was granted hours ago", () => {
  it.override({ options: { sentinels: 1, env: { DEPLOY_TIMEOUT_SECONDS: "60" } } });

  it("of a rollout that is no more changes nothing, in either direction", async ({ world }) => {
    const before = await traces(world);
    expect(await launch(world, ID)).toEqual({ status: 200, body: UNTOUCHED });
    const revert = { image: OLD, headers: { [REVERTS_HEADER]: NEW } };
    expect(await launch(world, ID, revert)).toEqual({ status: 200, body: UNTOUCHED });
    expect(await traces(world)).toEqual(before);
    const [first = []] = await journals(world, ID);
    expect(first.filter((name) => name !== "")).toEqual(
      expect.arrayContaining([BEGINS, ASKS, "stand down: its rollout launches nothing more"]),
    );
    const lines = world.stack.service.logs().filter(({ sentinelId }) => sentinelId === ID);
    expect(lines).toMatchObject([
      { msg: "sentinel deploy stood down", rolloutId: ABSENT, reason: UNTOUCHED.reason },
      { msg: "sentinel deploy stood down" },
    ]);
    expect((await launch(world, "sen_0009")).status).toBe(404);
  });

  it("deploys where the grant is young, or is none: it asks nobody", async ({ world }) => {
    expect((await launch(world, ID, { agoMs: 0 })).body).toEqual(READY);
    expect(await world.row(ID)).toMatchObject({ image: NEW, running_image: NEW, deploy_status: "ready" });
    const nonsense = { image: OLD, headers: { [GRANT_HEADER]: "long ago" } };
    expect((await launch(world, ID, nonsense)).body).toEqual(READY);
    expect((await world.images()).get(ID)).toBe(OLD);
    expect((await journals(world, ID)).flat()).not.toContain(ASKS);
  });

  it("goes on where it had begun, and its process was lost before that was kept", async ({ world }) => {
    await world.change(
      `UPDATE sentinels SET image = '${NEW}', deploy_status = 'progressing' WHERE id = '${ID}'`,
    );
    expect((await launch(world, ID)).body).toEqual(READY);
    expect((await world.images()).get(ID)).toBe(NEW);
  });

  it("that is cancelled before it has begun writes nothing", async ({ world }) => {
    const before = await traces(world);
    await world.stack.mysql.process?.signal("SIGSTOP");
    const answer = launch(world, ID);
    const running = () =>
      world.sql<{ id: string }>(
        "SELECT id FROM sys_invocation WHERE target_handler_name = 'Deploy' AND status = 'running'",
      );
    const [deploy] = await until("it to run", async () => {
      const found = await running();
      return found.length > 0 && found;
    });
    await world.end(deploy?.id ?? "", "cancel");
    await until("the end of it", async () =>
      (await journals(world, ID)).flat().includes("write the outcome if it began"),
    );
    await world.stack.mysql.process?.signal("SIGCONT");
    expect((await answer).status).not.toBe(200);
    expect(await traces(world)).toEqual(before);
  });
});

describe("a Deploy that waited in the queue", () => {
  it.override({ options: { sentinels: 2, env: { DEPLOY_TIMEOUT_SECONDS: "60" } } });

  it("is launched while its rollout goes on, and not once it is cancelled", async ({ world }) => {
    await world.fault(ID, "slow:8", NEW);
    const rollout = world.verb("Rollout", { image: NEW, wave_percentages: [50, 100] });
    await until("the first wave", async () => (await world.on(NEW)).includes(ID));
    const rolloutId = (await world.status()).rollout_id;

    expect((await launch(world, OTHER_ID, { rolloutId, lane: 7 })).body).toEqual(UNTOUCHED);
    const revert = { rolloutId, image: OLD, headers: { [REVERTS_HEADER]: NEW } };
    expect((await launch(world, OTHER_ID, revert)).body).toEqual(UNTOUCHED);
    expect((await launch(world, OTHER_ID, { rolloutId })).body).toEqual(READY);
    const asked = (await journals(world, OTHER_ID)).at(-1) ?? [];
    expect(asked.filter((name) => name === BEGINS || name === ASKS)).toEqual([BEGINS, ASKS, BEGINS]);

    await world.deploy(OTHER_ID, { image: OLD });
    expect((await world.verb("Cancel")).status).toBe(200);
    expect((await launch(world, OTHER_ID, { rolloutId })).body).toEqual(UNTOUCHED);
    expect((await rollout).body).toMatchObject({ state: "cancelled", succeeded: 1 });
    expect(await world.on(NEW)).toEqual([ID]);
  });

  it("fails, and changes nothing, where nobody can read the state", async ({ world }) => {
    await editState(world, { rolloutState: "nonsense" });
    await until("the edit", async () => (await world.verb("Status")).status === 500);
    const before = await traces(world);
    const { body } = await launch(world, ID);
    expect(body).toEqual({
      status: "failed",
      reason: expect.stringMatching(/^not deployed: its rollout does not answer: /),
    });
    expect(await traces(world)).toEqual(before);
  });
});
