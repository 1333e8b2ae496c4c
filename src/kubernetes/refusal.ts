import type { ApiFailure } from "./errors.ts";

/**
 * What the API server's refusal of a patch comes to. `unfit`: the patch did not fit the Deployment as it is now. `denied`: no
 * role allows it; an API server that has just started may say so before it has read its roles. `refused`: for good.
 */
export type Refusal = { kind: "unfit" } | { kind: "denied" | "refused"; reason: string };

/** `User "x" cannot patch resource "deployments" in API group "apps" in the namespace "y"` */
const NO_ROLE = /cannot \w+ resource /;
/** Credentials were not taken at all, as when a token file is being replaced. */
const NOBODY = "system:anonymous";
/** Validating policies and webhooks: `… denied request: …`, `admission webhook "x" denied the request: …` */
const DENIED = /\bdenied (?:the )?request\b/;

/** An API server that has just started, or has not counted yet. */
const NOT_YET = /not yet ready to handle request|status unknown for quota|timed out/;

/** Undefined: trouble that may pass, as a webhook that cannot be called (500). */
export function refusalOf({ code, message, causes, names, fromKubernetes }: ApiFailure): Refusal | undefined {
  if (!fromKubernetes) return undefined;
  const refused: Refusal = { kind: "refused", reason: `Kubernetes refused the change: ${message}` };
  if (code === 400) return refused;
  if (code >= 400 && code < 500 && DENIED.test(message)) return refused;
  if (code === 409) return { kind: "unfit" };
  if (code === 422) {
    if (causes.length > 0)
      return { kind: "refused", reason: `Kubernetes refused the change: ${causes.join("; ")}` };
    return names ? refused : { kind: "unfit" };
  }
  // A 403 that is about nothing is some gate's before the API server.
  if (code !== 403 || !names || message.includes(NOBODY) || NOT_YET.test(message)) return undefined;
  return NO_ROLE.test(message) ? { kind: "denied", reason: refused.reason } : refused;
}
