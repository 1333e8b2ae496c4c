import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer, type Socket } from "node:net";

/** Stands before one or more TCP servers: shares connections out among those that answer, and can cut or freeze them. */
export interface TcpRelay {
  port: number;
  /** Ports on loopback; may be changed at any time, for connections to come. */
  targets: number[];
  /** Connections that are open now. */
  readonly open: number;
  /** Resets every connection there is. */
  cut(): void;
  /** Takes connections and bytes and passes nothing on, until thawed. */
  freeze(): void;
  thaw(): void;
  close(): Promise<void>;
}

export async function startTcpRelay(targets: number[]): Promise<TcpRelay> {
  const pairs = new Set<[Socket, Socket]>();
  let next = 0;
  let frozen = false;
  const server = createServer({ pauseOnConnect: true }, (client) => {
    client.on("error", () => undefined);
    void relay(client);
  });

  async function relay(client: Socket): Promise<void> {
    for (let attempt = 0; attempt < state.targets.length; attempt++) {
      const upstream = await reach(state.targets[next++ % state.targets.length] ?? 0);
      if (upstream === undefined) continue;
      const pair: [Socket, Socket] = [client, upstream];
      pairs.add(pair);
      for (const [one, other] of [pair, [upstream, client] as const]) {
        one.on("close", () => {
          pairs.delete(pair);
          other.destroy();
        });
        one.pipe(other);
        if (frozen) one.pause();
      }
      return;
    }
    client.resetAndDestroy();
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const each = (what: (socket: Socket) => void) => {
    for (const pair of pairs) pair.forEach(what);
  };
  const state: TcpRelay = {
    port: (server.address() as AddressInfo).port,
    targets,
    get open() {
      return pairs.size;
    },
    cut: () => each((socket) => socket.resetAndDestroy()),
    freeze() {
      frozen = true;
      each((socket) => socket.pause());
    },
    thaw() {
      frozen = false;
      each((socket) => socket.resume());
    },
    async close() {
      const closed = once(server, "close");
      server.close();
      each((socket) => socket.destroy());
      await closed;
    },
  };
  return state;
}

/** undefined when nobody listens there. */
async function reach(port: number): Promise<Socket | undefined> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  const [connected] = await Promise.race([
    once(socket, "connect").then(
      () => [true],
      () => [false],
    ),
    once(socket, "close").then(() => [false]),
  ]);
  return connected === true ? socket : undefined;
}
