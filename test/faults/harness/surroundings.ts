import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StackOptions } from "../../../src/local-stack/stack.ts";
import { until } from "../../support/until.ts";
import { Arena } from "./arena.ts";
import { Database } from "./database.ts";
import { type SlackFront, startSlackFront } from "./slack-front.ts";

/** What else an arena's service depends on, where a fault can get at it. */
export interface Surroundings {
  /** Stands before the Slack sink. */
  slack: SlackFront;
  /** In which the service is a user without special rights. */
  database: Database;
}

const all = new WeakMap<Arena, Surroundings>();

/** @throws Error for an arena that was opened without any */
export function around(arena: Arena): Surroundings {
  const found = all.get(arena);
  if (found === undefined) throw new Error("this arena has no surroundings");
  return found;
}

export function hasSurroundings(arena: Arena): boolean {
  return all.has(arena);
}

/** An arena with surroundings. `close` closes both. */
export async function openArena(
  options: StackOptions = {},
): Promise<{ arena: Arena; close(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), "faults-around-"));
  let surroundings: Surroundings | undefined;
  const leave = async () => {
    await surroundings?.slack.close();
    await rm(directory, { recursive: true });
  };
  try {
    const arena = await Arena.open({
      ...options,
      async adjustEnv(_, { mysql, slack }) {
        const database = await Database.open(mysql);
        surroundings = { database, slack: await startSlackFront(slack.webhookUrl, directory) };
        return {
          DATABASE_URL: database.serviceUrl,
          SLACK_SENTINEL_ROLLOUT_WEBHOOK_URL: surroundings.slack.webhookUrl,
          NODE_EXTRA_CA_CERTS: surroundings.slack.caFile,
        };
      },
    });
    if (surroundings !== undefined) all.set(arena, surroundings);
    return { arena, close: () => arena.close().finally(leave) };
  } catch (error) {
    await leave();
    throw error;
  }
}

/** Waits until so many patches have been asked for since there were `from`. */
export async function patched({ proxy }: Arena, from: number, count: number): Promise<void> {
  await until(`${count} patches`, () => proxy.patches.length - from >= count);
}
