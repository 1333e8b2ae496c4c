/**
 * `npm run dry-run`: one rollout over a fleet of its own, through real Restate, MySQL and Kubernetes' HTTP API.
 * Exits with 0 if it completed or, with `--fail`, if it paused with exactly the sentinels that were to fail.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { RolloutResponse } from "../restate/rollout-schemas.ts";
import { startCommandStack } from "./command-stack.ts";
import { type CommandOptions, OPTIONS_HELP, parseOptions } from "./options.ts";
import { unexpected } from "./outcome.ts";
import { followRollout, ROLLOUT } from "./progress.ts";
import { call, countRunning } from "./restate-api.ts";
import { runCommand, unlessAborted } from "./run-command.ts";
import type { Stack } from "./stack.ts";
import { tellStory } from "./story.ts";

/** How long the last messages may take to reach Slack. */
const SLACK_TIMEOUT_MS = 30_000;

runCommand(async (signal) => {
  const options = parseOptions(process.argv.slice(2), 1);
  if (options.help) {
    process.stdout.write(`Usage: npm run dry-run -- [options]\n\n${OPTIONS_HELP}\n`);
    return 0;
  }
  // With --json, stdout carries the one object and nothing else.
  const out = options.json ? process.stderr : process.stdout;
  const stack = await startCommandStack(options, signal, (line) => out.write(`${line}\n`), false);
  try {
    return await unlessAborted(signal, dryRun(stack, options, out));
  } finally {
    await stack.stop();
  }
});

async function dryRun(stack: Stack, options: CommandOptions, out: NodeJS.WriteStream): Promise<number> {
  const startedAtMs = Date.now();
  const request = {
    image: options.image,
    ...(options.waves === undefined ? {} : { wave_percentages: options.waves }),
  };
  const rollout = call<RolloutResponse>(stack.ingress, `${ROLLOUT}/Rollout`, request);
  const progress = await followRollout(stack, rollout, out);
  const { status, body } = await rollout;
  const endedAtMs = Date.now();
  await untilQuiet(stack, out);
  const tookMs = endedAtMs - startedAtMs;
  const slack = stack.slack.messages;
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ rollout: body, slack, seconds: tookMs / 1000 })}\n`);
  } else if (status === 200) {
    process.stdout.write(tellStory({ response: body, progress, endedAtMs, tookMs, slack }));
  }
  const ids = stack.fleet.map(({ id }) => id).sort();
  const problem =
    status === 200
      ? unexpected(body, options.faults, ids, progress?.waves.map(({ size }) => size) ?? [])
      : `Rollout: ${body.message}`;
  if (problem === undefined) return 0;
  process.stderr.write(`${problem}\n`);
  return 1;
}

/** Messages are delivered in the background: the rollout is over before the last of them has arrived. */
async function untilQuiet(stack: Stack, out: NodeJS.WriteStream): Promise<void> {
  const deadline = Date.now() + SLACK_TIMEOUT_MS;
  while ((await countRunning(stack.admin)) > 0) {
    if (Date.now() > deadline) {
      out.write("some Slack messages were not delivered\n");
      return;
    }
    await delay(100);
  }
}
