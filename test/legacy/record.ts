/**
 * Records what version 0.1 stored and reported, into recorded/. Not part of the tests: it needs a built checkout of that
 * version, the commit d11eabe:
 *
 *     git worktree add --detach /tmp/v0.1 d11eabe && ln -s "$PWD/node_modules" /tmp/v0.1/node_modules
 *     (cd /tmp/v0.1 && npm run --silent build)
 *     npx node test/legacy/record.ts /tmp/v0.1
 */
import { writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { recordingText } from "../support/recording-text.ts";
import type { World } from "../support/stack-world.ts";
import { until } from "../support/until.ts";
import type { Story, Transition } from "./stories.ts";

const [checkout] = process.argv.slice(2);
if (checkout === undefined) throw new Error("expected the path of a built checkout of version 0.1");
const { startStack } = await import(`${checkout}/src/dry-run/stack.ts`);
const { World: OldWorld } = await import(`${checkout}/test/support/stack-world.ts`);

const WAVES = { wave_percentages: [25, 100] };
const SLOW = "slow:3";

/** Each of them begins with a fleet that is all on one image, and two Deploys in flight at most; it ends in quiet. */
const STORIES: Record<string, (world: World, image: string) => Promise<void>> = {
  async completed(world, image) {
    await world.verb("Rollout", { image, ...WAVES });
  },
  /** The first wave is one of two, one of which fails; the second one has three slow ones. */
  async "paused-by-failure"(world, image) {
    await world.fault("sen_0002", "ImagePullBackOff", image);
    await world.verb("Rollout", { image, ...WAVES });
    await world.verb("Resume");
  },
  async interrupted(world, image) {
    await slow(world, image, 4, 7);
    const driver = await world.start("Rollout", { image, ...WAVES });
    await waveTwo(world);
    await world.end(driver, "cancel");
    await world.answer(driver);
    await world.verb("Resume");
  },
  async skipped(world, image) {
    await slow(world, image, 3, 4);
    const driver = await world.start("Rollout", { image, ...WAVES });
    await waveTwo(world);
    await world.change("UPDATE sentinels SET desired_state = 'archived' WHERE id = 'sen_0007'");
    await world.answer(driver);
    await world.change("UPDATE sentinels SET desired_state = 'running' WHERE id = 'sen_0007'");
  },
  /** Two of the wave are never launched. */
  async "cancelled-then-rolled-back"(world, image) {
    await slow(world, image, 4, 5);
    const driver = await world.start("Rollout", { image, ...WAVES });
    await waveTwo(world);
    await world.verb("Cancel");
    await world.answer(driver);
    await world.verb("RollbackAll");
  },
  async "rolled-back-while-settling"(world, image) {
    await world.fault("sen_0004", "slow:2", image);
    await world.fault("sen_0005", "slow:5", image);
    const driver = await world.start("Rollout", { image, ...WAVES });
    await waveTwo(world);
    await world.verb("Cancel");
    await world.verb("RollbackAll");
    await world.answer(driver);
  },
  async "killed-then-rolled-back"(world, image) {
    await slow(world, image, 4, 5);
    const driver = await world.start("Rollout", { image, ...WAVES });
    await waveTwo(world);
    await world.end(driver, "kill");
    await phase(world, "paused");
    await world.verb("RollbackAll");
  },
  async "rollback-killed-and-interrupted"(world, image) {
    await world.verb("Rollout", { image, ...WAVES });
    const newer = `${image}-newer`;
    await world.fault("sen_0007", "ImagePullBackOff", newer);
    await world.verb("Rollout", { image: newer, ...WAVES });
    for (const id of ["sen_0004", "sen_0003"]) await world.fault(id, SLOW, image);
    for (const how of ["kill", "cancel"] as const) {
      const rollback = await world.start("RollbackAll");
      await until("a revert to be recorded", async () => (await reverted(world)) > (how === "kill" ? 0 : 3));
      await world.end(rollback, how);
      await phase(world, "cancelled");
    }
    await world.verb("RollbackAll");
  },
};

interface OldRollout {
  state: string;
  currentWave: number;
  revertedIds: string[];
}

/** Of this version: `World.state` reads what the present one stores. */
async function rolloutOf(world: World): Promise<OldRollout> {
  const [row] = await world.sql<{ value: string }>(
    "SELECT value_utf8 AS value FROM state WHERE key = 'rolloutState'",
  );
  return JSON.parse(row?.value ?? "{}") as OldRollout;
}

async function reverted(world: World): Promise<number> {
  return (await rolloutOf(world)).revertedIds.length;
}

async function slow(world: World, image: string, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n++) await world.fault(`sen_000${n}`, SLOW, image);
}

/** One of the second wave has been recorded or is about to be: others are in flight, or wait for their turn. */
async function waveTwo(world: World): Promise<void> {
  await until("the second wave", async () => (await rolloutOf(world)).currentWave === 1);
  await until("a slow one to be under way", async () =>
    (await world.rows()).some((row) => row.id >= "sen_0004" && row.deploy_status === "progressing"),
  );
}

async function phase(world: World, state: string): Promise<void> {
  await until(state, async () => (await rolloutOf(world)).state === state);
}

type Bytes = number[];

/** The transitions since (unix ms), in the order in which they were made, by their own journals. */
async function transitions(world: World, sinceMs: number): Promise<Transition[]> {
  const made = await world.sql<{ id: string; target: string }>(
    `SELECT id FROM sys_invocation WHERE target LIKE '%/Transition'
     AND created_at >= TIMESTAMP '${new Date(sinceMs).toISOString()}' ORDER BY completed_at`,
  );
  return Promise.all(made.map(({ id }) => transition(world, id)));
}

async function transition(world: World, id: string): Promise<Transition> {
  const rows = await world.sql<{ entry_json: string }>(
    `SELECT entry_json FROM sys_journal WHERE id = '${id}' ORDER BY index`,
  );
  const commands = rows.flatMap(({ entry_json }) => {
    const { Command } = JSON.parse(entry_json) as { Command?: Record<string, never> };
    return Command === undefined ? [] : [Command];
  });
  const found = (name: string) => commands.flatMap((command) => (name in command ? [command[name]] : []));
  const [input] = found("Input") as unknown as { payload: Bytes }[];
  const [output] = found("Output") as unknown as { result: { Success?: Bytes } }[];
  const sets = found("SetState") as unknown as { key: string; value: Bytes }[];
  const clears = found("ClearState") as unknown as { key: string }[];
  return {
    event: json(input?.payload),
    ...(output?.result.Success === undefined ? {} : { reply: json(output.result.Success) }),
    state: {
      ...Object.fromEntries(sets.map(({ key, value }) => [key, json(value)])),
      ...Object.fromEntries(clears.map(({ key }) => [key, null])),
    },
  } as Transition;
}

function json(bytes: Bytes | undefined): unknown {
  return JSON.parse(Buffer.from(bytes ?? []).toString());
}

const world: World = new OldWorld(
  await startStack({ sentinels: 7, env: { MAX_IN_FLIGHT: "2", FAIL_FAST_SECONDS: "1" } }),
);
try {
  for (const [i, [name, tell]] of Object.entries(STORIES).entries()) {
    const sinceMs = Date.now();
    await tell(world, `ghcr.io/unkeyed/sentinel:v1.3.${i}`);
    await world.quiet();
    // Restate writes down what has just ended a moment later.
    await delay(1_000);
    const story: Story = { transitions: await transitions(world, sinceMs) };
    const file = fileURLToPath(new URL(`recorded/${name}.json`, import.meta.url));
    writeFileSync(file, recordingText(story));
    const told = story.transitions.map(({ event }) => event.type).join(", ");
    process.stdout.write(`${name}: ${told}; ${(await rolloutOf(world)).state}\n`);
  }
} finally {
  await world.close();
}
