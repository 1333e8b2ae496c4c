import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type ReceivedMessage, readableHtml, readableText } from "./slack-page.ts";

/** What goes wrong with a delivery: an answer that is not a 200, none at all, or a broken connection. */
export type SlackFault = { status: number; retryAfterSeconds?: number } | "hang" | "reset";

export interface SlackSink {
  /** The webhook. Its path holds a secret, as Slack's does. */
  webhookUrl: string;
  /** GET lists the messages: JSON. The page for people is at `/` beside it. */
  listUrl: string;
  pageUrl: string;
  /** Accepted messages, oldest first. */
  messages: readonly ReceivedMessage[];
  /** Deliveries so far, refused ones too. */
  readonly attempts: number;
  /** The next `count` deliveries fail. */
  failNext(count: number, fault: SlackFault): void;
  /** No delivery fails any more. */
  recover(): void;
  close(): Promise<void>;
}

export interface SlackSinkOptions {
  /** Default: a free one. */
  port?: number;
  /** Address to listen on. Default: this machine only. */
  host?: string;
  /** The webhook's path. Default: a random one. */
  path?: string;
}

/** Stands in for Slack: takes messages at an incoming webhook and shows them. */
export async function startSlackSink(options: SlackSinkOptions = {}): Promise<SlackSink> {
  const { port = 0, host = "127.0.0.1", path: secretPath = randomPath() } = options;
  const messages: ReceivedMessage[] = [];
  const faults: SlackFault[] = [];
  let attempts = 0;

  const server = createServer((request, response) => {
    void handle(request, response).catch(() => response.destroy());
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === "GET") {
      show(request, response, messages);
      return;
    }
    const body = await read(request);
    if (request.method !== "POST" || request.url !== secretPath) {
      answer(response, 404, "no_service");
      return;
    }
    attempts += 1;
    const fault = faults.shift();
    const message = parse(body);
    if (fault === "hang") return;
    if (fault === "reset") request.socket.resetAndDestroy();
    else if (fault !== undefined) refuse(response, fault);
    else if (message === undefined) answer(response, 400, "invalid_payload");
    else {
      messages.push({ received_at: new Date().toISOString(), ...message });
      answer(response, 200, "ok");
    }
  }

  server.listen(port, host);
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    webhookUrl: `${origin}${secretPath}`,
    listUrl: `${origin}/messages`,
    pageUrl: `${origin}/`,
    messages,
    get attempts() {
      return attempts;
    },
    failNext(count, fault) {
      faults.push(...Array.from({ length: count }, () => fault));
    },
    recover() {
      faults.length = 0;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function randomPath(): string {
  return `/services/${randomBytes(12).toString("hex")}`;
}

function show(request: IncomingMessage, response: ServerResponse, messages: ReceivedMessage[]): void {
  const wantsHtml = request.headers.accept?.includes("text/html");
  if (request.url === "/messages") {
    answer(response, 200, JSON.stringify(messages, null, 2), "application/json");
  } else if (request.url !== "/") {
    answer(response, 404, "not found");
  } else if (wantsHtml) {
    answer(response, 200, readableHtml(messages), "text/html; charset=utf-8");
  } else {
    answer(response, 200, readableText(messages));
  }
}

function refuse(response: ServerResponse, fault: { status: number; retryAfterSeconds?: number }): void {
  if (fault.retryAfterSeconds !== undefined) {
    response.setHeader("retry-after", String(fault.retryAfterSeconds));
  }
  answer(response, fault.status, "refused");
}

function answer(
  response: ServerResponse,
  status: number,
  body: string,
  type = "text/plain; charset=utf-8",
): void {
  response.writeHead(status, { "content-type": type }).end(body);
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

function parse(body: string): { text: string } | undefined {
  try {
    const payload: unknown = JSON.parse(body);
    const hasText = typeof payload === "object" && payload !== null && "text" in payload;
    return hasText && typeof payload.text === "string" ? (payload as { text: string }) : undefined;
  } catch {
    return undefined;
  }
}
