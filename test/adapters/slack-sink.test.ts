import { afterEach, beforeEach, expect, test } from "vitest";
import { type SlackSink, startSlackSink } from "../../src/local-stack/slack-sink.ts";

let sink: SlackSink;
beforeEach(async () => {
  sink = await startSlackSink();
});
afterEach(() => sink.close());

function post(body: unknown, url = sink.webhookUrl): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return fetch(url, { method: "POST", body: text, signal: AbortSignal.timeout(500) });
}

test("keeps messages in the order in which they arrived, and lists them as JSON", async () => {
  await post({ text: "first", blocks: [{ type: "header", text: { type: "plain_text", text: "First" } }] });
  await post({ text: "second" });
  const listed = await (await fetch(sink.listUrl)).json();
  expect(listed).toMatchObject([{ text: "first", blocks: [{ type: "header" }] }, { text: "second" }]);
  expect(sink.messages).toEqual(listed);
});

test("shows them to people, as text and, escaped, as a page", async () => {
  await post({ text: "plain <b>text</b>" });
  await post({
    text: "x",
    blocks: [
      { type: "header", text: { type: "plain_text", text: "Rollout paused" } },
      { type: "section", fields: [{ type: "mrkdwn", text: "*Image*\n`a:1`" }] },
    ],
  });
  const text = await (await fetch(sink.pageUrl)).text();
  expect(text).toContain("plain <b>text</b>");
  expect(text).toContain("Rollout paused");
  expect(text).toContain("Image: a:1");
  const page = await fetch(sink.pageUrl, { headers: { accept: "text/html" } });
  expect(page.headers.get("content-type")).toContain("text/html");
  expect(await page.text()).toContain("plain &lt;b&gt;text&lt;/b&gt;");
});

test("takes nothing without the secret path, nor what is no message", async () => {
  const origin = new URL(sink.webhookUrl).origin;
  expect((await post({ text: "x" }, `${origin}/services/guess`)).status).toBe(404);
  expect((await post("no json")).status).toBe(400);
  expect((await post({ blocks: [] })).status).toBe(400);
  expect(sink.messages).toEqual([]);
});

test("fails as often as it is told to, and takes the message afterwards", async () => {
  sink.failNext(2, { status: 500 });
  sink.failNext(1, { status: 429, retryAfterSeconds: 3 });
  sink.failNext(1, "reset");
  sink.failNext(1, "hang");
  expect((await post({ text: "x" })).status).toBe(500);
  expect((await post({ text: "x" })).status).toBe(500);
  const limited = await post({ text: "x" });
  expect([limited.status, limited.headers.get("retry-after")]).toEqual([429, "3"]);
  await expect(post({ text: "x" })).rejects.toThrow("fetch failed");
  await expect(post({ text: "x" })).rejects.toThrow("timeout");
  expect(sink.messages).toEqual([]);
  expect((await post({ text: "x" })).status).toBe(200);
  expect(sink.messages).toHaveLength(1);
  expect(sink.attempts).toBe(6);
});
