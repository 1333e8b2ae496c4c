import { connect } from "node:http2";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

export interface EndpointAnswer {
  status: number;
  text: string;
}

/** Asks the endpoint as Restate would: HTTP/2 without TLS. An answer that comes before the body is read ends it. */
export async function askEndpoint(
  endpoint: string,
  path: string,
  headers: Record<string, string> = {},
  body: Iterable<Uint8Array> = [],
  method = "POST",
): Promise<EndpointAnswer> {
  const session = connect(endpoint);
  try {
    return await new Promise<EndpointAnswer>((resolve, reject) => {
      session.once("error", reject);
      const stream = session.request({ ":method": method, ":path": path, ...headers });
      let status = 0;
      let text = "";
      stream.setEncoding("utf8");
      stream.once("response", (answer) => {
        status = answer[":status"] ?? 0;
      });
      stream.on("data", (chunk: string) => {
        text += chunk;
      });
      const answered = () => (status === 0 ? reject(new Error("no answer")) : resolve({ status, text }));
      stream.once("end", answered);
      stream.once("close", answered);
      stream.once("error", (error) => (status === 0 ? reject(error) : answered()));
      if (method === "GET") stream.end();
      else pipeline(Readable.from(body), stream).catch(() => undefined);
    });
  } finally {
    session.destroy();
  }
}
