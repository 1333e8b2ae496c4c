import { userInfo } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { ask, type Ingress, IngressError, ROLLOUT } from "./ingress.ts";

/** What Status said of the rollout when the operator decided. */
export type Guard = { rollout_id: string; wave: number };

/** A verb that answers at the end of the rollout refuses at once: without an answer after this time (ms) it was taken. */
const REFUSED_WITHIN_MS = 2_000;
const ASK_AGAIN_MS = 100;
/** What Restate answers of an invocation that has not ended. */
const NOT_READY = 470;

/**
 * Sends a guarded verb and tells in a sentence what became of it. It is only sent, so that it goes on even if this process
 * ends; a refusal is read from its outcome.
 */
export async function act(
  ingress: Ingress,
  verb: string,
  guard: Guard,
  signal: AbortSignal,
  operator = operatorName(),
): Promise<string> {
  const headers = operator === undefined ? {} : { "x-operator": operator };
  let sent: { status: number; text: string };
  try {
    sent = await ask(ingress, `${ROLLOUT}/${verb}/send`, { body: guard, headers }, signal);
  } catch (error) {
    if (!(error instanceof IngressError)) throw error;
    return `${verb}: ${error.message}. Whether it was taken is not known.`;
  }
  const { invocationId } = fieldsOf(sent.text);
  if (sent.status !== 202 || typeof invocationId !== "string") return refusal(verb, sent);
  const untilMs = performance.now() + REFUSED_WITHIN_MS;
  do {
    const path = `restate/invocation/${invocationId}/output`;
    const outcome = await ask(ingress, path, {}, signal).catch(() => undefined);
    if (outcome?.status === 200) return `${verb}: ${fieldsOf(outcome.text).message ?? "done."}`;
    if (outcome !== undefined && isRefusal(outcome.status)) return refusal(verb, outcome);
    await sleep(ASK_AGAIN_MS, undefined, { signal });
  } while (performance.now() < untilMs);
  return `${verb} was taken: ${invocationId}.`;
}

/** A gateway that does not let the question through has not refused the verb. */
function isRefusal(status: number): boolean {
  return status !== NOT_READY && ![401, 403, 404, 429].includes(status) && status < 502;
}

function refusal(verb: string, { status, text }: { status: number; text: string }): string {
  const { message } = fieldsOf(text);
  return `${verb} was refused (${status})${typeof message === "string" ? `: ${message}` : "."}`;
}

function fieldsOf(text: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === "object" && json !== null ? { ...json } : {};
  } catch {
    return {};
  }
}

/** Who sits at this terminal, as far as a header can say it; undefined: unknown. */
export function operatorName(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const name = (env.USER || ownName()).replaceAll(/[^\x20-\x7e]/g, "?").trim();
  return name === "" ? undefined : name.slice(0, 64);
}

function ownName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container's user need not have a name.
    return "";
  }
}
