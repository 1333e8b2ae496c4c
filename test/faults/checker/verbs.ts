import type { Verb } from "./evidence.ts";

/** Whether it has sentinels return to what they ran before. */
export function goesBack({ name }: Verb): boolean {
  return name === "RollbackAll" || name === "Abort";
}

/** Those that failed, too. */
export function returnsFailed(verb: Verb): boolean {
  const { include_failed } = verb.body as { include_failed?: boolean };
  return goesBack(verb) && include_failed === true && (verb.status ?? 200) !== 400;
}

/** It was answered that it is taken. */
export function isTaken({ status }: Verb): boolean {
  return (status ?? 200) < 400;
}

/** How often the failed ones may have been deployed again. */
export function retriesIn(verbs: readonly Verb[]): number {
  return verbs.filter(({ name, status = 200 }) => name === "RetryFailed" && status !== 400).length;
}
