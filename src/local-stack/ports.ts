import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * So far above a port that was chosen somebody listens for a while, for others to see that it was: nothing of it is left
 * when the process is killed.
 */
const MARK_OFFSET = 33_000;
/** A port that was chosen so long ago (ms) is in use by now. */
const CHOSEN_FOR_MS = 120_000;

/**
 * A free TCP port. Chosen at random below the range from which systems take the local ports of outgoing connections:
 * those could take a port between this check and its use. Another stack that starts now does not choose it, too.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(15_000, 32_000);
    if ((await choose(port)) && (await isFree(port))) return port;
  }
}

/** False: somebody has chosen it a moment ago. */
async function choose(port: number): Promise<boolean> {
  const mark = createServer().listen(port + MARK_OFFSET, "127.0.0.1");
  try {
    await once(mark, "listening");
  } catch {
    return false;
  }
  mark.unref();
  setTimeout(() => mark.close(), CHOSEN_FOR_MS).unref();
  return true;
}

/** The port that everybody expects if it is free, else a free one. */
export async function preferPort(preferred: number): Promise<number> {
  return (await isFree(preferred)) ? preferred : freePort();
}

/** Whether nobody listens on `port`, neither on loopback nor on every address. */
export async function isFree(port: number): Promise<boolean> {
  for (const host of ["127.0.0.1", "0.0.0.0", "::1", "::"]) {
    if (!(await canListen(port, host))) return false;
  }
  return true;
}

async function canListen(port: number, host: string): Promise<boolean> {
  const server = createServer().listen(port, host);
  try {
    await once(server, "listening");
  } catch (error) {
    // A machine without IPv6 has no such address: nobody listens there.
    return (error as NodeJS.ErrnoException).code !== "EADDRINUSE" && !isForbidden(error);
  }
  server.close();
  await once(server, "close");
  return true;
}

function isForbidden(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "EACCES";
}
