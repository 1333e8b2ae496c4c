/**
 * `npm run dry-run`: one rollout over a fleet of its own, through real Restate, MySQL and Kubernetes' HTTP API.
 * Exits with 0 if it completed or, with `--fail`, if it stopped for exactly the sentinels that were to fail, or to break later.
 */
import { setTimeout as delay } from "node:timers/promises";
import { DEFAULT_WAVE_PERCENTAGES } from "../domain/waves.ts";
import type { RolloutResponse, StatusResponse } from "../restate/rollout-schemas.ts";
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
  const { request, faults } = options;
  const rollout = call<RolloutResponse>(stack.ingress, `${ROLLOUT}/Rollout`, request);
  const progress = await followRollout(stack, rollout, out);
  const { status, body } = await rollout;
  const endedAtMs = Date.now();
  // What goes on by itself, a rollback among it, has ended then.
  await untilQuiet(stack, out);
  const { body: end } = await call<StatusResponse>(stack.ingress, `${ROLLOUT}/Status`);
  const tookMs = endedAtMs - startedAtMs;
  const slack = stack.slack.messages;
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ rollout: body, end, slack, seconds: tookMs / 1000 })}\n`);
  } else if (status === 200) {
    process.stdout.write(tellStory({ response: body, end, progress, endedAtMs, tookMs, slack }));
  }
  const told = {
    ...{ request, faults, ids: stack.fleet.map(({ id }) => id).sort() },
    sizes: progress?.waves.map(({ size }) => size) ?? [],
    percentages: request.wave_percentages ?? DEFAULT_WAVE_PERCENTAGES,
  };
  const problem = status === 200 ? unexpected(end, told) : `Rollout: ${body.message}`;
  if (problem === undefined) return 0;
  process.stderr.write(`${problem}\n`);
  return 1;
}

/** Messages are delivered in the background: the rollout is over before the last of them has arrived. */
async function untilQuiet(stack: Stack, out: NodeJS.WriteStream): Promise<void> {
  const deadline = Date.now() + SLACK_TIMEOUT_MS;
  while ((await countRunning(stack.admin)) > 0) {
    if (Date.now() > deadline && !(await isRollingBack(stack))) {
      out.write("some Slack messages were not delivered\n");
      return;
    }
    await delay(100);
  }
}

async function isRollingBack({ ingress }: Stack): Promise<boolean> {
  const { body } = await call<StatusResponse>(ingress, `${ROLLOUT}/Status`);
  return body.state === "rolling_back";
}
