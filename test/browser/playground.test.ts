import { describe, expect } from "vitest";
import { ids, NEW, OLD, it as withWorld } from "../support/world.ts";
import { findChromium, keepPictures, startChromium } from "./chromium.ts";
import { type Playground, RestateUi } from "./restate-ui.ts";

const ROLLOUTS = "hydra.v1.SentinelRolloutService";
const SENTINELS = "hydra.v1.SentinelService";

const INVOCATIONS = "SELECT id FROM sys_invocation ORDER BY id";

const executablePath = findChromium();

const it = withWorld.extend<{ ui: RestateUi }>({
  ui: async ({ world, task }, use) => {
    if (executablePath === undefined)
      throw new Error("There is no chromium on the PATH: npm run test:all brings it.");
    const { context, close } = await startChromium(executablePath);
    try {
      await use(new RestateUi(context, world.stack.admin));
      if (task.result?.state === "fail") console.error(`Pictures: ${await keepPictures(context)}`);
    } finally {
      await close();
    }
  },
});

describe("the playground, in a browser", { timeout: 240_000 }, () => {
  it.override({ options: { sentinels: 3, env: { DEPLOY_TIMEOUT_SECONDS: "10", FAIL_FAST_SECONDS: "1" } } });

  // One test, for it takes the browser ten seconds of computing to open a page.
  it("opens each handler with its description, its key, and a body that is safe to send as it stands, and says in a sentence what is wrong with them", async ({
    world,
    ui,
  }) => {
    const rollout = { image: NEW };
    const playground = await ui.openPlayground(ROLLOUTS, "Rollout");
    await expectForm(playground, {
      about: "Starts a rollout; answers when it is completed, paused or cancelled. The key is singleton.",
      body: rollout,
    });
    const texts = await playground.paragraphs();
    expect(texts).toContainEqual(expect.stringMatching(/^The image to roll out: .* tag or digest/));
    expect(texts).toContainEqual(
      expect.stringMatching(/^Cumulative percent .* Default \[1,5,25,50,100\]\.$/),
    );
    expect(await playground.responseExample()).toMatchObject({ state: "paused", image: NEW });

    const others: [handler: string, about: RegExp, body: object][] = [
      ["Plan", /^Tells which waves .* Changes nothing\. The key is singleton\.$/, rollout],
      ["Resume", /^Goes on after the failed wave.* The key is singleton\.$/, {}],
      ["Cancel", /^Stops here and keeps the new image.* The key is singleton\.$/, {}],
      ["RollbackAll", /^Returns every sentinel that took the new image.* The key is singleton\.$/, {}],
      ["Pause", /^Launches nothing more.* The key is singleton\.$/, {}],
      ["Abort", /^Stops, and returns every sentinel.* The key is singleton\.$/, {}],
      ["RetryFailed", /^Deploys the failed sentinels.* The key is singleton\.$/, {}],
      [
        "Freeze",
        /^Lets no rollout begin.* The key is singleton\.$/,
        { reason: "Tried out in the playground. Unfreeze ends it." },
      ],
      ["Unfreeze", /^Ends the freeze.* The key is singleton\.$/, {}],
      ["Status", /^Tells where the rollout stands\. Changes nothing\. The key is singleton\.$/, {}],
      ["History", /^Tells how past rollouts went\. Changes nothing\. The key is singleton\.$/, {}],
    ];
    for (const [handler, about, body] of others) {
      await playground.pick(handler);
      await expectForm(playground, { about: expect.stringMatching(about), body });
    }
    expect(await world.sql(INVOCATIONS)).toEqual([]);

    await playground.pick("Rollout");
    expect(await playground.send("Singleton")).toMatchObject({
      status: "400 Bad Request",
      body: { message: 'The key must be singleton, got "Singleton": there is one rollout at a time.' },
    });
    await playground.pick("Cancel");
    expect(await playground.send("singleton")).toMatchObject({
      status: "409 Conflict",
      body: { message: "Cancel is not legal while the rollout is idle; legal now: Rollout." },
    });
    expect(await world.state()).toBeUndefined();
    expect(await world.on(NEW)).toEqual([]);

    const sent = await world.sql(INVOCATIONS);
    await playground.pickSend("Rollout");
    await expectForm(playground, { about: expect.any(String), body: rollout });

    await expectForm(await ui.openPlayground(SENTINELS, "Deploy"), {
      about: expect.stringMatching(
        /^Brings the sentinel to the given values .* The key is the sentinel's id\.$/,
      ),
      body: {},
    });
    expect(await world.sql(INVOCATIONS)).toEqual(sent);
  });

  it("starts a rollout, shows its answer and its state, and cancels it", async ({ world, ui }) => {
    await world.fault("sen_0002", "ImagePullBackOff", NEW);
    const playground = await ui.openPlayground(ROLLOUTS, "Rollout");
    expect(await playground.send("singleton")).toMatchObject({
      status: "200 OK",
      body: {
        state: "paused",
        image: NEW,
        wave: 2,
        succeeded: 1,
        failures: [{ sentinel_id: "sen_0002", reason: expect.stringContaining("ImagePullBackOff") }],
        next: ["Resume", "RetryFailed", "Cancel", "RollbackAll", "Abort", "Freeze"],
      },
    });
    const parts = ["rolloutState", "rolloutState/wave-1/1"];
    const [head, part] = await ui.statesOf(ROLLOUTS, "singleton", parts);
    expect(head).toEqual((await world.state())?.head);
    expect(part).toEqual({ sen_0001: { from: OLD, is: "succeeded" } });

    await playground.pick("Cancel");
    expect(await playground.send("singleton")).toMatchObject({
      status: "200 OK",
      body: { state: "cancelled" },
    });
    await playground.pick("Status");
    expect(await playground.send("singleton")).toMatchObject({
      status: "200 OK",
      body: {
        state: "cancelled",
        succeeded: 1,
        failed: 1,
        next: ["Rollout", "RollbackAll"],
        waiting_for: "",
      },
    });
    expect(await world.on(NEW)).toEqual(ids(1, 2));
  });
});

/** The form of a handler: the text that comes first, and the body that it offers. */
async function expectForm(playground: Playground, expected: { about: string; body: object }): Promise<void> {
  const form = async () => {
    const [about] = await playground.paragraphs();
    return { about: about?.replaceAll(/\s+/g, " "), body: JSON.parse(await playground.body()) };
  };
  await expect.poll(form, { timeout: 10_000 }).toEqual(expected);
}
