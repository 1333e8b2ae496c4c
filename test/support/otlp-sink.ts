import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** A span as an OTLP/HTTP collector got it. */
export interface ReceivedSpan {
  service: string;
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string;
}

export interface OtlpSink {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  url: string;
  spans: readonly ReceivedSpan[];
  requests: number;
  /** What the next requests are answered; "hang": nothing at all. */
  answer: number | "hang";
  close(): Promise<void>;
}

/** A collector that takes traces as http/protobuf. */
export async function startOtlpSink(): Promise<OtlpSink> {
  const spans: ReceivedSpan[] = [];
  const server = createServer((request, response) => {
    void body(request).then((bytes) => {
      sink.requests++;
      if (sink.answer === "hang") return;
      const understood = request.method === "POST" && request.url === "/v1/traces";
      if (understood && sink.answer === 200) spans.push(...spansOf(bytes));
      response.writeHead(understood ? sink.answer : 404, { "content-type": "application/x-protobuf" }).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const sink: OtlpSink = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    requests: 0,
    answer: 200,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return sink;
}

async function body(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** ExportTraceServiceRequest: resource_spans = 1 { resource = 1 { attributes = 1 }, scope_spans = 2 { spans = 2 } }. */
function spansOf(request: Buffer): ReceivedSpan[] {
  return parts(request, 1).flatMap((resourceSpans) => {
    const attributes = parts(resourceSpans, 1).flatMap((resource) => parts(resource, 1));
    const service = attributes.find((attribute) => text(attribute, 1) === "service.name");
    const name = service === undefined ? "" : text(parts(service, 2)[0] ?? Buffer.alloc(0), 1);
    return parts(resourceSpans, 2)
      .flatMap((scopeSpans) => parts(scopeSpans, 2))
      .map((span) => ({
        service: name,
        name: text(span, 5),
        traceId: (parts(span, 1)[0] ?? Buffer.alloc(0)).toString("hex"),
        spanId: (parts(span, 2)[0] ?? Buffer.alloc(0)).toString("hex"),
        parentSpanId: (parts(span, 4)[0] ?? Buffer.alloc(0)).toString("hex"),
      }));
  });
}

function text(message: Buffer, field: number): string {
  return (parts(message, field)[0] ?? Buffer.alloc(0)).toString("utf8");
}

/** The length-delimited values of a field of a protobuf message. */
function parts(message: Buffer, field: number): Buffer[] {
  const found: Buffer[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = message.readUInt8(at++);
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const [number, type] = [tag >>> 3, tag & 7];
    if (type === 0) varint();
    else if (type === 1) at += 8;
    else if (type === 5) at += 4;
    else {
      const length = varint();
      if (number === field) found.push(message.subarray(at, at + length));
      at += length;
    }
  }
  return found;
}
