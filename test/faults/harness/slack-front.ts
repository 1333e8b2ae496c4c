import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type IncomingMessage, request as plainRequest, type ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createAuthority, issue } from "../../support/certificates.ts";
import { until } from "../../support/until.ts";

/** What a delivery meets with instead of Slack. */
export type SlackMishap =
  | { answer: number; body?: string; headers?: Record<string, string> }
  /** Taken, and never answered. */
  | "hang"
  | "reset"
  /** An answer that is no HTTP. */
  | "noise";

/** Slack's front door: HTTPS, whose certificate the service trusts through `caFile`. */
export interface SlackFront {
  webhookUrl: string;
  /** For `NODE_EXTRA_CA_CERTS`. */
  caFile: string;
  /** Decides on each delivery; undefined: it goes through. */
  mishap: () => SlackMishap | undefined;
  /** Deliveries that came. */
  readonly attempts: number;
  /** From now on it shows a certificate of its own making, or the good one again. */
  pretend(isSlack: boolean): Promise<void>;
  /** Cuts every connection there is. */
  cut(): void;
  /** Nobody listens any more. */
  leave(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

export async function startSlackFront(sinkUrl: string, directory: string): Promise<SlackFront> {
  const authority = await createAuthority(directory, "slack-ca");
  const good = await pem(await issue(directory, authority, "slack", "localhost"));
  const selfSigned = await pem(await createAuthority(directory, "localhost"));
  let attempts = 0;
  let passing = 0;
  const server = createServer(good, (request, response) => {
    attempts++;
    const mishap = front.mishap();
    if (mishap === undefined) {
      passing++;
      response.once("close", () => passing--);
      return forward(sinkUrl, request, response);
    }
    if (mishap === "hang") return;
    if (mishap === "reset") return request.socket.destroy();
    if (mishap === "noise") {
      request.socket.end("220 mail.example ESMTP\r\n\u0000\u0000\r\n");
      return;
    }
    response.writeHead(mishap.answer, mishap.headers).end(mishap.body ?? "");
  });
  const listen = async (port: number) => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  const port = await listen(0);
  /** Takes no answer along that is on its way: whoever loses one has to send the message again. */
  const cutInQuiet = () =>
    until("no delivery to pass", () => {
      if (passing === 0) server.closeAllConnections();
      return passing === 0;
    });
  const leave = async () => {
    const closed = once(server, "close");
    server.close();
    await cutInQuiet();
    await closed;
  };
  const front: SlackFront = {
    webhookUrl: `https://localhost:${port}${new URL(sinkUrl).pathname}`,
    caFile: authority.cert,
    mishap: () => undefined,
    get attempts() {
      return attempts;
    },
    async pretend(isSlack) {
      server.setSecureContext(isSlack ? good : selfSigned);
      await cutInQuiet();
    },
    cut: () => server.closeAllConnections(),
    leave,
    comeBack: async () => {
      await listen(port);
    },
    close: leave,
  };
  return front;
}

async function pem(files: { cert: string; key: string }): Promise<{ cert: Buffer; key: Buffer }> {
  return { cert: await readFile(files.cert), key: await readFile(files.key) };
}

function forward(sinkUrl: string, request: IncomingMessage, response: ServerResponse): void {
  const { host: _, ...headers } = request.headers;
  const upstream = plainRequest(sinkUrl, { method: request.method ?? "POST", headers });
  upstream.on("response", (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  upstream.on("error", () => response.destroy());
  request.pipe(upstream);
}
