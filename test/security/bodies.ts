import { once } from "node:events";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { until } from "../support/until.ts";

const CHUNK = Buffer.alloc(1_000_000, "a");

/** A JSON object of so many megabytes, in pieces. */
export function* largeBody(megabytes: number): Iterable<Uint8Array> {
  yield Buffer.from('{"image":"');
  for (let i = 0; i < megabytes; i++) yield CHUNK;
  yield Buffer.from('"}');
}

/** Uploads as curl does: asks first, sends while it is let, and ends with the answer or when it is cut off. */
export async function upload(
  origin: string,
  path: string,
  megabytes: number,
): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  let answer = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => {
    answer += chunk;
  });
  // The answer may come long before the body's end, and the connection go with it.
  socket.on("error", () => undefined);
  const length = megabytes * CHUNK.length + '{"image":""}'.length;
  socket.write(
    `POST ${path} HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\nexpect: 100-continue\r\n\r\n`,
  );
  const body = Readable.from(largeBody(megabytes));
  try {
    await until("a first answer", () => socket.destroyed || answer.includes("\r\n\r\n"));
    if (answer.startsWith(GO_ON)) body.pipe(socket, { end: false });
    await until("an answer", () => socket.destroyed || isWhole(answer));
  } finally {
    body.destroy();
    socket.destroy();
  }
  const [head = "", text = ""] = final(answer).split("\r\n\r\n");
  return { status: Number(head.split(" ")[1]), text };
}

const GO_ON = "HTTP/1.1 100";

function final(answer: string): string {
  return answer.startsWith(GO_ON) ? answer.slice(answer.indexOf("\r\n\r\n") + 4) : answer;
}

function isWhole(answer: string): boolean {
  const [head = "", text] = final(answer).split("\r\n\r\n");
  const length = /content-length: (\d+)/i.exec(head)?.[1];
  return text !== undefined && Buffer.byteLength(text) >= Number(length ?? Infinity);
}
