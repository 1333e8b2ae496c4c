/** `npm run dev`: the stack of the dry run, left running for curl, the Restate UI and kubectl until Ctrl-C. */

import { once } from "node:events";
import { plural } from "../domain/progress.ts";
import { startCommandStack } from "./command-stack.ts";
import { type CommandOptions, OPTIONS_HELP, parseOptions } from "./options.ts";
import { ROLLOUT } from "./progress.ts";
import { runCommand, Stopped } from "./run-command.ts";
import type { Stack } from "./stack.ts";

runCommand(async (signal) => {
  const options = parseOptions(process.argv.slice(2), 0);
  if (options.help) {
    process.stdout.write(`Usage: npm run dev -- [options]\n\n${OPTIONS_HELP}\n`);
    return 0;
  }
  const log = (line: string) => process.stderr.write(`${line}\n`);
  const stack = await startCommandStack(options, signal, log, true);
  try {
    process.stdout.write(options.json ? `${JSON.stringify(addresses(stack))}\n` : manual(stack, options));
    void watchService(stack, signal, log);
    if (!signal.aborted) await once(signal, "abort");
  } finally {
    log("stopping");
    await stack.stop();
  }
  if (signal.reason instanceof Stopped) return 0;
  throw signal.reason;
});

function addresses(stack: Stack): Record<string, unknown> {
  return {
    ready: true,
    ingress: onLocalhost(stack.ingress),
    admin: onLocalhost(stack.admin),
    ui: `${onLocalhost(stack.admin)}/ui/`,
    endpoint: stack.endpoint,
    health: stack.health,
    database_url: stack.databaseUrl,
    kubeconfig: stack.kubeconfig,
    slack: stack.slack.listUrl,
  };
}

function manual(stack: Stack, options: CommandOptions): string {
  const ui = `${onLocalhost(stack.admin)}/ui/overview?servicePlayground=${ROLLOUT.split("/")[0]}#/operations/Rollout`;
  const curl = (verb: string, body: string) =>
    [
      `curl -X POST "$RESTATE_URL/${ROLLOUT}/${verb}" \\`,
      '  -H "Authorization: Bearer $RESTATE_TOKEN" \\',
      '  -H "Content-Type: application/json" \\',
      `  -d '${body}'`,
    ].join("\n");
  return `
Ready: ${plural(stack.fleet.length, "sentinel")} in the namespace ${stack.namespace}. Ctrl-C removes everything.

  Restate UI       ${ui}
  Restate ingress  ${onLocalhost(stack.ingress)}
  Restate admin    ${onLocalhost(stack.admin)}
  Slack messages   ${stack.slack.pageUrl}
  Health, metrics  ${stack.health}/readyz  ${stack.health}/metrics
  MySQL            ${stack.databaseUrl}
  Service log      ${stack.service.logFile}

For kubectl, and for the operator's commands:

export KUBECONFIG='${stack.kubeconfig}'
export RESTATE_URL='${onLocalhost(stack.ingress)}'
export RESTATE_TOKEN='unused-here'

${curl("Rollout", JSON.stringify(options.request))}

${curl("Status", "{}")}

${curl("Resume", "{}")}

${curl("RetryFailed", "{}")}

${curl("Cancel", "{}")}

${curl("RollbackAll", "{}")}

kubectl -n ${stack.namespace} get deployments

`;
}

/** For people and browsers; the parts themselves listen on 127.0.0.1. */
function onLocalhost(url: string): string {
  return url.replace("127.0.0.1", "localhost");
}

/** A service that dies by itself must not go unnoticed. */
async function watchService(stack: Stack, signal: AbortSignal, log: (line: string) => void): Promise<void> {
  await stack.service.process.exited();
  if (signal.aborted) return;
  log(`the service has exited; its log is ${stack.service.logFile}`);
}
