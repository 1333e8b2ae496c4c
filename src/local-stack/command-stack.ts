import type { CommandOptions } from "./options.ts";
import { usableAddresses } from "./service-addresses.ts";
import { serviceVariables, splitAddresses } from "./service-env.ts";
import { type Stack, startStack } from "./stack.ts";

/** The stack of a command: as its options say, with the service's variables of this shell. */
export function startCommandStack(
  options: CommandOptions,
  signal: AbortSignal,
  log: (line: string) => void,
  standardPorts: boolean,
): Promise<Stack> {
  const { env, addresses } = splitAddresses(serviceVariables(process.env));
  if (env.SLACK_SENTINEL_ROLLOUT_WEBHOOK_URL !== undefined) {
    log("Slack messages go to the webhook of SLACK_SENTINEL_ROLLOUT_WEBHOOK_URL and are not shown here");
  }
  return startStack({
    sentinels: options.sentinels,
    faults: options.faults,
    faultImage: options.image,
    ...(options.kubeconfig === undefined ? {} : { kubeconfig: options.kubeconfig }),
    env,
    adjustEnv: (_built, parts) => usableAddresses(addresses, parts, log),
    standardPorts,
    log,
    signal,
  });
}
