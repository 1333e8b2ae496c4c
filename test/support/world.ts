import { test } from "vitest";
import { type StackOptions, startStack } from "../../src/local-stack/stack.ts";
import { World } from "./stack-world.ts";

export * from "./stack-world.ts";

/**
 * A test with a stack of its own. `RESTATE_SUSPENDS=1` has every wait suspend and replay: the suite must not care.
 */
export const it = test.extend<{ world: World; options: StackOptions }>({
  options: [{}, { injected: true }],
  world: async ({ options }, use) => {
    const stack = await startStack({
      ...options,
      restate: {
        ...options.restate,
        ...(process.env.RESTATE_SUSPENDS === "1" ? { inactivityTimeout: "0s" } : {}),
      },
    });
    const world = new World(stack);
    if (process.env.RESTATE_SUSPENDS === "1") await suspendDeploysAtOnce(stack.admin);
    await use(world);
    await world.close();
  },
});

/** A service's own inactivity timeout wins over the server's. */
async function suspendDeploysAtOnce(admin: string): Promise<void> {
  const response = await fetch(`${admin}/services/hydra.v1.SentinelService`, {
    method: "PATCH",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ inactivity_timeout: "0s" }),
  });
  if (!response.ok) throw new Error(`Restate refused the inactivity timeout: ${await response.text()}`);
}
