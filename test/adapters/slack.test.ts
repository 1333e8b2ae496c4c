import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createSlackClient, SlackDeliveryError } from "../../src/slack.ts";

/** Stands for Slack at the far end of a real connection. */
let slack: Server;
let url: string;
let received: unknown[];
let reply: { status: number; body: string; headers?: Record<string, string> } | "silence";

const SECRET_PATH = "/services/T0AAAA/B0BBBB/s3cretTokenOfTheWebhook";
const message = { text: "Rollout started", blocks: [] };

beforeEach(async () => {
  received = [];
  reply = { status: 200, body: "ok" };
  slack = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    received.push({ path: request.url, body: JSON.parse(body) });
    if (reply === "silence") return;
    response.writeHead(reply.status, reply.headers);
    response.end(reply.body);
  });
  slack.listen(0, "127.0.0.1");
  await once(slack, "listening");
  url = `http://127.0.0.1:${(slack.address() as AddressInfo).port}${SECRET_PATH}`;
});
afterEach(() => {
  slack.closeAllConnections();
  slack.close();
});

async function failure(client = createSlackClient(url)): Promise<SlackDeliveryError> {
  const error = await client.post(message).then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (!(error instanceof SlackDeliveryError)) throw new Error("it was delivered");
  const said = `${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`;
  expect(said).not.toContain("s3cret");
  return error;
}

it("posts the message as it is, to the webhook", async () => {
  const section = { type: "section", text: { type: "mrkdwn", text: "*x*", verbatim: true } } as const;
  expect(await createSlackClient(url).post({ text: "hello", blocks: [section] })).toBe("delivered");
  expect(received).toEqual([{ path: SECRET_PATH, body: { text: "hello", blocks: [section] } }]);
});

it("without a webhook there are no messages and no errors", async () => {
  expect(await createSlackClient(undefined).post(message)).toBe("disabled");
});

it("what Slack will never take is permanent, in Slack's own word", async () => {
  reply = { status: 404, body: "no_service" };
  expect(await failure()).toMatchObject({ message: "Slack answered 404: no_service", permanent: true });
  reply = { status: 400, body: "invalid_payload" };
  expect(await failure()).toMatchObject({ permanent: true });
});

it("a page that echoes the webhook's path stays out of the error", async () => {
  reply = { status: 404, body: `Cannot POST ${SECRET_PATH}` };
  expect(await failure()).toMatchObject({ message: "Slack answered 404", permanent: false });
});

it("throttling and server errors pass, and Retry-After is handed on", async () => {
  reply = { status: 429, body: "rate_limited", headers: { "retry-after": "7" } };
  expect(await failure()).toMatchObject({ permanent: false, retryAfterMs: 7_000 });
  reply = { status: 429, body: "", headers: { "retry-after": new Date(Date.now() + 60_000).toUTCString() } };
  const { retryAfterMs = 0 } = await failure();
  expect(retryAfterMs).toBeGreaterThan(50_000);
  expect(retryAfterMs).toBeLessThanOrEqual(60_000);
  for (const status of [408, 500, 503]) {
    reply = { status, body: "" };
    const error = await failure();
    expect(error.permanent).toBe(false);
    expect(error.retryAfterMs).toBeUndefined();
  }
});

it("what is not Slack's own answer delivers nothing and refuses nothing for good", async () => {
  const page = `<!doctype html><title>Sign in</title>${SECRET_PATH}`;
  for (const status of [200, 403, 404, 407, 502]) {
    reply = { status, body: page, headers: { "content-type": "text/html" } };
    expect((await failure()).permanent, String(status)).toBe(false);
  }
  reply = { status: 302, body: "", headers: { location: "/login" } };
  expect((await failure()).permanent).toBe(false);
});

it("Retry-After holds up the messages for minutes at most, whatever it says", async () => {
  for (const [said, ms] of [
    ["999999999", 300_000],
    [new Date(Date.now() + 10 * 86_400_000).toUTCString(), 300_000],
    ["-5", 0],
    ["soon", undefined],
    ["", undefined],
  ] as const) {
    reply = { status: 429, body: "", headers: { "retry-after": said } };
    expect((await failure()).retryAfterMs, said).toBe(ms);
  }
});

it("a Slack that is away or silent is trouble that passes", async () => {
  reply = "silence";
  expect(await failure(createSlackClient(url, 200))).toMatchObject({ permanent: false });
  expect((await failure(createSlackClient(url, 200))).message).toContain("no answer in time");
  slack.closeAllConnections();
  slack.close();
  expect(await failure()).toMatchObject({
    message: expect.stringMatching(/^Slack could not be reached: [A-Z_]+$/),
    permanent: false,
  });
});
