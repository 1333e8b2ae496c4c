import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DRIVES, Scene } from "./scene.ts";

const MIDDLE = "in the middle of a wave";

let scene: Scene;
beforeAll(async () => {
  scene = await Scene.open();
});
afterAll(() => scene.world.close());

/** What somebody does who selects all that runs: the watchdog goes first, then the drive. */
async function killAll(invocation: string): Promise<void> {
  for (const id of await scene.world.running("hydra.v1.SentinelRolloutService/singleton/Watch")) {
    await scene.world.end(id, "kill");
  }
  await scene.world.end(invocation, "kill");
}

describe("everything that runs is killed, the watchdog too", () => {
  for (const drive of DRIVES) {
    it(`in the middle of ${drive}: asking for the Status is enough to find a way out`, async () => {
      const invocation = await scene.begin(drive, MIDDLE);
      await scene.reach(drive, MIDDLE);
      await killAll(invocation);
      const state = await scene.rests();
      expect(state?.state).toBe(drive === "RollbackAll" ? "cancelled" : "paused");
      await scene.finish(drive);
      if (drive === "RollbackAll") await scene.isRolledBack();
      else await scene.isRolledOut();
    });
  }

  it("in the middle of Rollout: Cancel and then RollbackAll do not wait for the dead", async () => {
    const invocation = await scene.begin("Rollout", MIDDLE);
    await scene.reach("Rollout", MIDDLE);
    await killAll(invocation);
    expect((await scene.world.verb("Cancel")).body.state).toBe("cancelled");
    const { body } = await scene.world.verb<{ reverted: number; total: number }>("RollbackAll");
    expect(body.reverted).toBe(body.total);
    await scene.world.quiet();
    expect(await scene.world.on(scene.image)).toEqual([]);
    expect((await scene.world.rows()).some((row) => row.deploy_status === "progressing")).toBe(false);
  });
});
