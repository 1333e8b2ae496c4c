import type { InvocationPromise, RestatePromise } from "@restatedev/restate-sdk";
import type { SentinelResult } from "../domain/state.ts";
import type { DeployResponse } from "./schemas.ts";

/** What a Deploy call came to. One that was cancelled, killed or refused is a failure of that sentinel alone. */
export function deployOutcome(
  id: string,
  call: InvocationPromise<DeployResponse>,
): RestatePromise<SentinelResult> {
  return call.map((response, error): SentinelResult => {
    if (error !== undefined) return { id, failure: `Deploy did not finish: ${error.message}` };
    if (response?.status === "ready") return { id };
    return { id, failure: response?.reason ?? "failed without a reason" };
  });
}
