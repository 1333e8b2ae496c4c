import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../support/until.ts";
import { DRIVES, Scene } from "./scene.ts";

let scene: Scene;
beforeAll(async () => {
  scene = await Scene.open();
});
afterAll(() => scene.world.close());

const MIDDLE = "in the middle of a wave";

for (const drive of DRIVES) {
  describe(`in the middle of ${drive}`, () => {
    for (const what of ["service", "restate"] as const) {
      it(`${what === "service" ? "the service" : "restate-server"} is killed and started again: it completes`, async () => {
        const { stack } = scene.world;
        const invocation = await scene.begin(drive, MIDDLE);
        await scene.reach(drive, MIDDLE);
        await stack[what].process.signal("SIGKILL");
        await stack[what].process.start();
        const { body } = await until("an answer", () => scene.answer(invocation));
        expect(body).toMatchObject({ state: drive === "RollbackAll" ? "cancelled" : "completed" });
        if (drive === "RollbackAll") await scene.isRolledBack();
        else await scene.isRolledOut();
      });
    }
  });
}
