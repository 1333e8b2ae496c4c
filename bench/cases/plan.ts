import { atMost, type BenchCase } from "../case.ts";
import { newImage } from "../fleet.ts";
import { repeated, rounded, timed } from "../numbers.ts";
import { ended, startRollout, status, verb } from "../rollout.ts";
import { rows, until, withStack } from "../stack.ts";

export const plan: BenchCase = {
  name: "plan",
  compares: "seconds until Plan answers, and until the first sentinel of a Rollout is being deployed",
  async measure({ size, runs, log }) {
    const sentinels = size === "full" ? 50_000 : 60;
    return withStack({ sentinels }, async (stack) => {
      // Slow enough to be stopped in its first wave.
      await stack.kubernetes.updatesTake({ fromMs: 2_000, toMs: 2_000 });
      const values = await repeated(runs, async () => {
        const planned = await timed(() => verb(stack, "Plan", { image: newImage() }));
        await stack.db.query("UPDATE sentinels SET deploy_status = 'ready' WHERE deploy_status <> 'ready'");
        let drive = "";
        const started = await timed(async () => {
          drive = await startRollout(stack);
          await until("a Deploy has begun", async () => {
            const sql =
              "SELECT id FROM sentinels WHERE id <= 'sen_00020' AND deploy_status = 'progressing' LIMIT 1";
            return (await rows(stack, sql)).length > 0;
          });
        });
        await until("it can be cancelled", async () => (await status(stack)).state === "in_progress");
        await verb(stack, "Cancel");
        await ended(stack, drive);
        log(`Plan ${rounded(planned)} ms, Rollout begins after ${rounded(started)} ms`);
        return { planned: planned / 1_000, started: started / 1_000 };
      });
      const limits = { unit: "s", must: atMost(2), aim: atMost(0.5), note: `${sentinels} rows` };
      return [
        { case: "plan", runs: values.map(({ planned }) => planned), ...limits },
        { case: "plan rollout", runs: values.map(({ started }) => started), ...limits },
      ];
    });
  },
};
