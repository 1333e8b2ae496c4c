import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * A free TCP port. Chosen at random below the range from which systems take the local ports of outgoing connections:
 * those could take a port between this check and its use, and so could another stack that starts now.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(15_000, 32_000);
    if (await isFree(port)) return port;
  }
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
