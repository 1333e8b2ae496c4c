import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiRequest } from "../../src/embedded-kubernetes/index.ts";
import { startStack } from "../../src/local-stack/stack.ts";
import { until } from "../support/until.ts";
import { NEW, World } from "../support/world.ts";
import { documentedCommands } from "./commands.ts";
import { shell } from "./shell.ts";

/** The command of docs/upgrading.md that begins so. */
function documented(beginning: string): string {
  const found = documentedCommands().find(
    ({ file, text }) => file === "docs/upgrading.md" && text.startsWith(beginning),
  );
  if (found === undefined) throw new Error(`docs/upgrading.md has no ${beginning}`);
  return found.text;
}

describe("an upgrade in mid-rollout, by docs/upgrading.md", () => {
  let world: World;
  beforeAll(async () => {
    world = new World(await startStack({ sentinels: 4 }));
  });
  afterAll(() => world.close());

  it("leaves the rollout where it began, sends new calls to the new version, and the old one can go", async () => {
    const run = shell(world.stack);
    // The second sentinel cannot be patched for now: the rollout is under way for as long as this test likes.
    const kubernetes = world.stack.embedded?.faults;
    const only = ({ verb, name }: ApiRequest) => verb === "patch" && name === "sentinel-0002";
    kubernetes?.inject({ kind: "status", code: 503 }, { times: Infinity, only });
    const rolling = await world.start("Rollout", { image: NEW, wave_percentages: [25, 50, 100] });
    await until(
      "the second wave runs",
      async () => (await world.row("sen_0002")).deploy_status === "progressing",
    );

    const newer = await world.stack.startReplica();
    const register = documented('curl -X POST "$RESTATE_ADMIN_URL/deployments"');
    expect(await run(register.replace("http://sentinel-rollout-v2:9080", newer.endpoint))).toMatchObject({
      exitCode: 0,
    });

    const deployments = await world.sql<{ id: string; endpoint: string }>(
      "SELECT id, endpoint FROM sys_deployment",
    );
    const idOf = (url: string) => deployments.find(({ endpoint }) => endpoint.startsWith(url))?.id ?? "?";
    const [old, next] = [idOf(world.stack.endpoint), idOf(newer.endpoint)];
    const listed = await run(documented("npx restate deployments list"));
    expect(listed.output).toContain(old);
    expect(listed.output).toContain(next);
    const pinned = documented("npx restate sql").replace("<dp_…>", old);
    expect((await run(pinned)).output).toContain("Rollout");

    // Its process comes back, and takes nothing over.
    const { process } = world.stack.service;
    await process.stop();
    await process.start();
    await until("it to have looked", () =>
      world.stack.service.logs().some(({ msg }) => msg.startsWith("not registered: another version")),
    );

    kubernetes?.clear();
    const { body } = await world.answer(rolling);
    expect(body).toMatchObject({ state: "completed", succeeded: 4, failed: 0 });
    await world.quiet();
    expect((await run(pinned)).output).not.toContain("hydra.v1");
    const ran = await world.sql<{ target: string; pinned: string }>(
      "SELECT target, pinned_deployment_id AS pinned FROM sys_invocation WHERE status = 'completed'",
    );
    const where = (name: string) =>
      new Set(ran.filter(({ target }) => target.endsWith(name)).map((each) => each.pinned));
    expect(where("/Rollout")).toEqual(new Set([old]));
    // The last wave began after the new version was there.
    expect(where("/sen_0004/Deploy")).toEqual(new Set([next]));

    const removed = await run(documented("curl -X DELETE").replace("<dp_…>", old));
    expect(removed).toMatchObject({ exitCode: 0, output: expect.not.stringContaining("message") });
    await world.stack.service.process.stop();
    const { body: again } = await world.verb("Rollout", {
      image: "ghcr.io/unkeyed/sentinel:v1.2.4",
      wave_percentages: [100],
    });
    expect(again).toMatchObject({ state: "completed", succeeded: 4 });
  });
});
