import { type InvocationPromise, type RestatePromise, TerminalError } from "@restatedev/restate-sdk";
import type { SentinelResult } from "../domain/state.ts";
import type { DeployReply } from "./schemas.ts";

/**
 * What a Deploy call came to. One that was cancelled, killed or refused is a failure of that sentinel alone; a sentinel
 * that is no longer running is neither a failure nor a success.
 */
export function deployOutcome(
  id: string,
  call: InvocationPromise<DeployReply>,
): RestatePromise<SentinelResult> {
  return call.map((response, error): SentinelResult => {
    if (error instanceof TerminalError && error.code === 404)
      return { id, skipped: "it has no row any more" };
    if (error !== undefined) return { id, failure: `Deploy did not finish: ${error.message}` };
    const durationMs = response?.duration_ms;
    const took = durationMs === undefined ? {} : { durationMs };
    if (response?.status === "ready") return { id, ...took };
    if (response?.skipped === true) return { id, skipped: response.reason ?? "no longer running", ...took };
    return { id, failure: response?.reason ?? "failed without a reason", ...took };
  });
}
