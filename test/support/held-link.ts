import { createConnection, createServer, type Socket } from "node:net";
import { freePort } from "../../src/local-stack/ports.ts";
import { type Stack, type StackOptions, startStack } from "../../src/local-stack/stack.ts";
import { until } from "./until.ts";

/**
 * Stands between Restate and the service, and can hold back what the service says from a certain command on: Restate has
 * then all that came before, and nothing after. What it is for: an invocation that was answered, and did not get to act
 * on the answer.
 */
export interface HeldLink {
  /** From the first command with this text in it nothing of the service reaches Restate on that connection. */
  holdFrom(text: string): void;
  /** Waits until such a command came. */
  held(): Promise<void>;
  /** Lets what was held back go on. */
  release(): void;
  /** Loses what was held back: every connection is cut, and new ones hold nothing. */
  cut(): void;
  close(): Promise<void>;
}

async function startHeldLink(port: number, target: number): Promise<HeldLink> {
  const sockets = new Set<Socket>();
  let wanted: string | undefined;
  let holding: { socket: Socket; chunks: Buffer[]; onto: Socket } | undefined;
  const server = createServer((restate) => {
    const service = createConnection(target, "127.0.0.1");
    for (const socket of [restate, service]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        restate.destroy();
        service.destroy();
      });
    }
    restate.pipe(service);
    service.on("data", (chunk: Buffer) => {
      if (holding === undefined && wanted !== undefined && chunk.includes(wanted)) {
        holding = { socket: service, chunks: [], onto: restate };
      }
      if (holding?.socket === service) holding.chunks.push(chunk);
      else restate.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const link: HeldLink = {
    holdFrom(text) {
      wanted = text;
    },
    async held() {
      await until(`the service to say "${wanted}"`, () => holding !== undefined);
    },
    release() {
      const { chunks = [], onto } = holding ?? {};
      [wanted, holding] = [undefined, undefined];
      for (const chunk of chunks) onto?.write(chunk);
    },
    cut() {
      [wanted, holding] = [undefined, undefined];
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      link.cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return link;
}

/** A stack whose service Restate reaches through such a link. */
export async function startHeldStack(options: StackOptions): Promise<{ stack: Stack; link: HeldLink }> {
  let link: HeldLink | undefined;
  const stack = await startStack({
    ...options,
    adjustEnv: async ({ PORT }) => {
      const port = await freePort();
      link = await startHeldLink(port, Number(PORT));
      return { SERVICE_URL: `http://127.0.0.1:${port}` };
    },
  });
  if (link === undefined) throw new Error("there is no link");
  return { stack, link };
}
