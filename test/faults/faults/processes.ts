import { until } from "../../support/until.ts";
import { A_MOMENT_MS, type Fault } from "../harness/fault.ts";

/** Trouble with the service's and Restate's own processes. */
export const processFaults: Fault[] = [
  {
    name: "service killed at a step",
    losesAnswers: 1,
    crashes: true,
    async inject({ failpoints, world }, random) {
      failpoints.arm([random.pick(["before *", "after *"])], random.between(0, 30));
      // Nobody knows whether there is so much left to do.
      const deadline = Date.now() + 3_000;
      await until("it to die", () => !failpoints.armed || Date.now() > deadline);
      failpoints.disarm();
      return () => isBack(world.stack.health);
    },
  },
  {
    name: "service killed",
    losesAnswers: 1,
    crashes: true,
    async inject({ world }) {
      const { process } = world.stack.service;
      await process.signal("SIGKILL").catch(() => undefined);
      return () => isBack(world.stack.health);
    },
  },
  {
    name: "service frozen",
    losesAnswers: 1,
    crashes: true,
    lastsMs: A_MOMENT_MS,
    async inject({ world }) {
      const { process } = world.stack.service;
      await process.signal("SIGSTOP").catch(() => undefined);
      return async () => {
        await process.signal("SIGCONT").catch(() => undefined);
        await isBack(world.stack.health);
      };
    },
  },
  {
    name: "service stopped and started",
    losesAnswers: 0,
    async inject({ world }) {
      const { process } = world.stack.service;
      const gone = process.exited();
      await process.signal("SIGTERM").catch(() => undefined);
      return async () => {
        // It answers until it is: a second signal would be its death.
        await gone;
        await isBack(world.stack.health);
      };
    },
  },
  {
    name: "restate-server killed",
    losesAnswers: 1,
    crashes: true,
    lastsMs: [0, 1_500],
    async inject({ world }) {
      const { process } = world.stack.restate;
      await process.signal("SIGKILL");
      return () => process.start();
    },
  },
  {
    name: "restate-server frozen",
    losesAnswers: 1,
    crashes: true,
    lastsMs: A_MOMENT_MS,
    async inject({ world }) {
      const { process } = world.stack.restate;
      await process.signal("SIGSTOP");
      return () => process.signal("SIGCONT");
    },
  },
];

/** It is started again by the arena. */
async function isBack(health: string): Promise<void> {
  await until("the service to be back", async () => (await fetch(`${health}/readyz`)).ok, 60_000);
}
