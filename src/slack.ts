import { type FetchFunction, IncomingWebhook, IncomingWebhookHTTPError } from "@slack/webhook";
import type { SlackMessage } from "./domain/slack-text.ts";
import { retryAfterMs } from "./util/retry-after.ts";

export interface SlackClient {
  /** `disabled`: no webhook is configured. @throws SlackDeliveryError */
  post(message: SlackMessage): Promise<"delivered" | "disabled">;
}

/** Why a message did not arrive. Never names the webhook's URL, which is a secret. */
export class SlackDeliveryError extends Error {
  /** True: the same message will never be taken. False: later it may be. */
  readonly permanent: boolean;
  /** How long Slack asked to be left alone. */
  readonly retryAfterMs?: number;
  constructor(message: string, permanent: boolean, retryAfterMs?: number) {
    super(message);
    this.name = "SlackDeliveryError";
    this.permanent = permanent;
    if (retryAfterMs !== undefined) this.retryAfterMs = retryAfterMs;
  }
}

const TIMEOUT_MS = 10_000;
/** Longer (ms) than Slack ever asks for; some proxy's word must not hold up the messages for a day. */
const MAX_RETRY_AFTER_MS = 300_000;
/** Slack's own words for what is wrong ("invalid_payload"). Anything else, such as a proxy's page, may echo the URL. */
const SLACK_ERROR = /^[a-z_]{1,80}$/;

/** Posts each message once: retrying is the caller's, who can do it durably. */
export function createSlackClient(webhookUrl: string | undefined, timeoutMs = TIMEOUT_MS): SlackClient {
  if (webhookUrl === undefined) return { post: async () => "disabled" };
  return {
    async post({ text, blocks }) {
      let retryAfter: string | null = null;
      // The SDK hides the response's headers.
      const fetchNotingRetryAfter: FetchFunction = async (url, init) => {
        const response = await fetch(url, init);
        retryAfter = response.headers.get("retry-after");
        return response;
      };
      const webhook = new IncomingWebhook(webhookUrl, { fetch: fetchNotingRetryAfter, timeout: timeoutMs });
      const answer = await webhook.send({ text, blocks }).catch((error: unknown) => {
        throw deliveryError(error, retryAfter);
      });
      // Slack says "ok". A page comes from a proxy on the way, and Slack has heard nothing.
      if (answer.text.trimStart().startsWith("<")) {
        throw new SlackDeliveryError("a page was answered that is not Slack's", false);
      }
      return "delivered";
    },
  };
}

function deliveryError(error: unknown, retryAfter: string | null): SlackDeliveryError {
  if (!(error instanceof IncomingWebhookHTTPError)) {
    return new SlackDeliveryError(`Slack could not be reached: ${networkCode(error)}`, false);
  }
  const { statusCode, body } = error;
  const slacks = SLACK_ERROR.test(body.trim());
  // Only Slack's own refusal is final: a proxy's or a load balancer's goes away with its cause.
  const refused = statusCode >= 400 && statusCode < 500 && statusCode !== 408 && statusCode !== 429;
  const said = slacks ? `: ${body.trim()}` : "";
  return new SlackDeliveryError(
    `Slack answered ${statusCode}${said}`,
    refused && slacks,
    retryAfterMs(retryAfter, MAX_RETRY_AFTER_MS),
  );
}

/** The system's code of the innermost cause; its messages may hold the URL. */
function networkCode(error: unknown): string {
  let code = "no answer";
  for (let at = error; at instanceof Error; at = "original" in at ? at.original : at.cause) {
    if (at.name === "TimeoutError") code = "no answer in time";
    if ("code" in at && typeof at.code === "string" && /^[A-Z_]+$/.test(at.code)) code = at.code;
  }
  return code;
}
