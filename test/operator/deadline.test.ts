import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call, send } from "../../src/local-stack/restate-api.ts";
import { startStack } from "../../src/local-stack/stack.ts";
import { until } from "../support/until.ts";
import { ids, NEW, World } from "../support/world.ts";

const TIMEOUT_MS = 20_000;
/** So long after its deadline a Deploy has ended, whatever the API does. */
const GRACE_MS = 10_000;
const [CUT = "", REFUSING = "", HANGING = ""] = ids(1, 3);
const TROUBLES = [
  [CUT, "sentinel-0001", { kind: "reset" }],
  [REFUSING, "sentinel-0002", { kind: "status", code: 503 }],
  [HANGING, "sentinel-0003", { kind: "hang" }],
] as const;

const SERVICE = "hydra.v1.SentinelService";

let world: World;
beforeAll(async () => {
  const env = { DEPLOY_TIMEOUT_SECONDS: String(TIMEOUT_MS / 1_000) };
  world = new World(await startStack({ sentinels: 4, env }));
});
afterAll(() => world.close());

/** When the row's Deploy began or ended, as the row has it (unix ms). */
async function writtenMs(id: string): Promise<number> {
  return Number(((await world.row(id)) as unknown as { updated_at: number }).updated_at);
}

describe("the deadline of a Deploy", () => {
  it("is one, though the API goes away after it was looked at: cut, refusing or hanging", {
    timeout: 180_000,
  }, async () => {
    const { faults } = world.stack.embedded ?? {};
    if (faults === undefined) throw new Error("this test needs the embedded Kubernetes API");
    for (const [id] of TROUBLES) {
      await world.fault(id, "slow:300", NEW);
      await send(world.stack.ingress, `${SERVICE}/${id}/Deploy`, { image: NEW });
    }
    const begun = new Map<string, number>();
    for (const [id] of TROUBLES) {
      await until(`${id} to be patched`, async () => (await world.on(NEW)).includes(id));
      begun.set(id, await writtenMs(id));
    }
    const latestMs = Math.max(...begun.values());
    await until("most of their time to be over", () => Date.now() > latestMs + TIMEOUT_MS * 0.75, TIMEOUT_MS);
    for (const [, name, fault] of TROUBLES) {
      faults.inject(fault, { times: Infinity, only: (request) => request.name === name });
    }
    // Each begins to look now, and fails to.
    for (const [id] of TROUBLES) await call(world.stack.ingress, `${SERVICE}/${id}/NotifyReady`, {});
    for (const [id] of TROUBLES) {
      await until(
        `${id} to have ended`,
        async () => (await world.row(id)).deploy_status !== "progressing",
        90_000,
      );
      expect(await world.row(id)).toMatchObject({ deploy_status: "failed" });
      const tookMs = (await writtenMs(id)) - (begun.get(id) ?? 0);
      expect(tookMs, id).toBeGreaterThanOrEqual(TIMEOUT_MS);
      expect(tookMs, id).toBeLessThanOrEqual(TIMEOUT_MS + GRACE_MS);
    }
    faults.clear();
    await world.quiet();
  });
});

describe("what settles a row whose Deploy is dead", () => {
  const ID = "sen_0004";
  const notify = (updatedAtMs: number) =>
    call(
      world.stack.ingress,
      `${SERVICE}/${ID}/NotifyReady`,
      {},
      {
        headers: { "x-settle-abandoned": `${updatedAtMs}` },
      },
    );
  const settled = () =>
    world.sql<{ id: string; status: string }>(
      `SELECT id, status FROM sys_invocation WHERE target_service_key = '${ID}' AND target_handler_name <> 'NotifyReady'`,
    );

  it("is sent once, and leaves a row alone into which something was written since", async () => {
    await world.change(
      `UPDATE sentinels SET deploy_status = 'progressing', updated_at = 7 WHERE id = '${ID}'`,
    );
    const version = async () => (await world.deployments()).get(ID)?.metadata?.resourceVersion;
    const before = await version();
    for (let times = 0; times < 3; times++) await notify(5);
    await until("it to have run", async () => (await settled()).some(({ status }) => status === "completed"));
    expect(await settled()).toHaveLength(1);
    expect(await world.row(ID)).toMatchObject({ deploy_status: "progressing", updated_at: 7 });
    expect(await version()).toBe(before);

    await notify(7);
    await until("the row to be settled", async () => (await world.row(ID)).deploy_status === "ready");
    expect(await settled()).toHaveLength(2);
  });
});
