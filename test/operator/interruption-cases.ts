import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Drive, Scene, STAGES } from "./scene.ts";

const PAST = { cancel: "cancelled", kill: "killed" };

/** What becomes of a drive whose invocation is cancelled, killed or paused, wherever it is. */
export function interruptionsOf(drive: Drive): void {
  let scene: Scene;
  beforeAll(async () => {
    scene = await Scene.open();
  });
  afterAll(() => scene.world.close());
  const isRollback = drive === "RollbackAll";
  const isDone = () => (isRollback ? scene.isRolledBack() : scene.isRolledOut());

  describe(`the invocation of ${drive}`, () => {
    for (const stage of STAGES) {
      for (const how of ["cancel", "kill"] as const) {
        it(`${PAST[how]} ${stage} leaves a way out, on which nobody is lost`, async () => {
          const invocation = await scene.begin(drive, stage);
          await scene.reach(drive, stage);
          const before = await scene.world.state();
          await scene.world.end(invocation, how);
          await scene.goOn(stage);
          const { status, body } = await scene.answer(invocation);
          const state = await scene.rests();
          if (stage === "before its first step" && status === 409) {
            expect(state, "nothing was begun: all is as it was").toEqual(before);
          } else {
            expect(state?.state).toBe(isRollback ? "cancelled" : "paused");
            if (how === "cancel") expect(body.message).toMatch(/(was cancelled|was interrupted)/);
            else if (!isRollback) expect(state?.pauseReason).toMatch(/ended before its time/);
          }
          await scene.finish(drive);
          await isDone();
        });
      }
    }

    for (const stage of ["before its first step", "in the middle of a wave"] as const) {
      it(`paused ${stage}, and resumed, goes on as if nothing had been`, async () => {
        const invocation = await scene.begin(drive, stage);
        await scene.reach(drive, stage);
        await scene.pause(invocation, stage);
        const { state, next } = await scene.world.status();
        const isBusy = state === "in_progress" || state === "rolling_back";
        if (stage === "in the middle of a wave") expect(isBusy).toBe(true);
        expect(next.includes("Cancel")).toBe(state === "in_progress" || state === "paused");
        await scene.resume(invocation);
        const { body } = await scene.answer(invocation);
        expect(body).toMatchObject({ state: isRollback ? "cancelled" : "completed" });
        await isDone();
      });
    }
  });
}
