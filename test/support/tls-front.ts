import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request as plainRequest } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Certificate } from "./certificates.ts";

/** Who may come in; undefined: whoever. */
export interface Terms {
  /** Value of the header `authorization`. */
  authorization?: string | undefined;
  /** Issued its client certificate. */
  clientAuthority?: Certificate | undefined;
}

export interface TlsFront {
  /** `https://localhost:<port>` */
  url: string;
  terms: Terms;
  /** The `authorization` of each request, in the order in which they came, taken or not. */
  authorizations: (string | undefined)[];
  /** Connections that were opened. */
  connections: number;
  /** From now on it shows this certificate and goes by these terms. Connections that are there go on, until they are cut. */
  change(certificate: Certificate, terms?: Terms): void;
  cut(): void;
  close(): Promise<void>;
}

/** An API server's TLS and authentication, before the plain HTTP of `upstream`. */
export async function startTlsFront(
  upstream: string,
  certificate: Certificate,
  terms: Terms = {},
): Promise<TlsFront> {
  const context = (shown: Certificate, { clientAuthority }: Terms) => ({
    cert: readFileSync(shown.cert),
    key: readFileSync(shown.key),
    ...(clientAuthority === undefined ? {} : { ca: readFileSync(clientAuthority.cert) }),
  });
  const server = createServer(
    { ...context(certificate, terms), requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      const { authorization, clientAuthority } = front.terms;
      front.authorizations.push(request.headers.authorization);
      const isStranger = clientAuthority !== undefined && !(request.socket as TLSSocket).authorized;
      if (isStranger || (authorization !== undefined && request.headers.authorization !== authorization)) {
        response.writeHead(401, { "content-type": "application/json" });
        response.end(JSON.stringify({ kind: "Status", code: 401, message: "Unauthorized" }));
        return;
      }
      const { host: _, authorization: __, ...headers } = request.headers;
      const forwarded = plainRequest(`${upstream}${request.url}`, {
        method: request.method ?? "GET",
        headers,
      });
      forwarded.on("response", (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        response.flushHeaders();
        answer.pipe(response);
        answer.on("error", () => response.destroy());
      });
      forwarded.on("error", () => response.destroy());
      response.on("close", () => forwarded.destroy());
      request.pipe(forwarded);
    },
  );
  server.on("secureConnection", () => front.connections++);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const front: TlsFront = {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    terms,
    authorizations: [],
    connections: 0,
    change(shown, next = front.terms) {
      front.terms = next;
      server.setSecureContext(context(shown, next));
    },
    cut: () => server.closeAllConnections(),
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return front;
}
