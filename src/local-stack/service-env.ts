import { type Config, readConfig } from "../config.ts";
import { tracingVariables } from "../tracing-config.ts";

/** Every variable the service reads. */
const SERVICE_VARIABLES = [
  "DATABASE_URL",
  "PORT",
  "HEALTH_PORT",
  "RESTATE_URL",
  "RESTATE_TOKEN",
  "RESTATE_ADMIN_URL",
  "RESTATE_ADMIN_TOKEN",
  "RESTATE_REGISTER_FORCE",
  "SERVICE_URL",
  "RESTATE_IDENTITY_KEYS",
  "KUBECONFIG",
  "KUBE_CONTEXTS",
  "KUBE_NAMESPACE",
  "KUBE_CONTAINER",
  "SLACK_SENTINEL_ROLLOUT_WEBHOOK_URL",
  "DEPLOY_TIMEOUT_SECONDS",
  "FAIL_FAST_SECONDS",
  "UNSCHEDULABLE_SECONDS",
  "REGRESSION_SECONDS",
  "MAX_IN_FLIGHT",
  "REQUIRE_ROLLOUT_ID",
  "LOG_LEVEL",
  ...Object.keys(tracingVariables),
];

/**
 * Addresses of what the stack itself starts. A shell in which somebody works as an operator has them set to the real
 * ones, which a dry run must never touch: they are used only when they lead to this stack (through a proxy, or as
 * another user of the cluster given with --kubeconfig).
 */
const STACK_ADDRESSES = ["RESTATE_URL", "RESTATE_ADMIN_URL", "KUBECONFIG"] as const;
export type StackAddresses = Partial<Record<(typeof STACK_ADDRESSES)[number], string>>;

/** The service's variables that are set in `env`; empty counts as unset. */
export function serviceVariables(env: NodeJS.ProcessEnv): Record<string, string> {
  const set = SERVICE_VARIABLES.map((name) => [name, env[name]] as const);
  return Object.fromEntries(set.filter((entry): entry is [string, string] => (entry[1] ?? "") !== ""));
}

/** The variables that a stack can take over from a shell without looking, and the addresses that it must check. */
export function splitAddresses(variables: Record<string, string>): {
  env: Record<string, string>;
  addresses: StackAddresses;
} {
  const isAddress = (name: string) => STACK_ADDRESSES.some((address) => address === name);
  const entries = Object.entries(variables);
  return {
    env: Object.fromEntries(entries.filter(([name]) => !isAddress(name))),
    addresses: Object.fromEntries(entries.filter(([name]) => isAddress(name))),
  };
}

export function withoutServiceVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !SERVICE_VARIABLES.includes(name)));
}

/**
 * Checks the variables before anything is started, with stand-ins for those that only a running stack knows.
 * @throws ConfigError with all problems
 */
export function checkVariables(variables: Record<string, string>): Config {
  return readConfig({
    DATABASE_URL: "mysql://127.0.0.1/stand_in",
    RESTATE_URL: "http://127.0.0.1",
    RESTATE_ADMIN_URL: "http://127.0.0.1",
    SERVICE_URL: "http://127.0.0.1",
    ...variables,
  });
}
