import { fork } from "node:child_process";
import { once } from "node:events";
import { announce } from "../src/local-stack/leftovers.ts";

/** Functions that another process answers. */
// biome-ignore lint/suspicious/noExplicitAny: the arguments are those of whatever function is meant
type Functions = Record<string, (...given: any[]) => unknown>;

export type Remote<F extends Functions> = {
  [K in keyof F]: (...given: Parameters<F[K]>) => Promise<Awaited<ReturnType<F[K]>>>;
} & { readonly pid: number; stop(): Promise<void> };

interface Question {
  id: number;
  name: string;
  given: unknown[];
}

type Reply = { id: number; value: unknown } | { id: number; problem: string };

/** In the other process: answers until the asking one is gone. */
export function answering(functions: Functions): void {
  process.on("disconnect", () => process.exit(0));
  process.on("message", ({ id, name, given }: Question) => {
    Promise.resolve()
      .then(() => functions[name]?.(...given))
      .then(
        (value) => process.send?.({ id, value }),
        (error: unknown) => process.send?.({ id, problem: String(error) }),
      );
  });
}

/** Starts a module in a process of its own. */
export async function startRemote<F extends Functions>(module: URL): Promise<Remote<F>> {
  const child = fork(module, { detached: true, stdio: ["ignore", "ignore", "inherit", "ipc"] });
  await once(child, "spawn");
  const pid = child.pid as number;
  const gone = announce({ kind: "process", pid });
  const waiting = new Map<number, (reply: Reply) => void>();
  const exited = once(child, "exit").then(() => {
    gone();
    for (const [id, resolve] of waiting) resolve({ id, problem: `${module.pathname} has exited` });
  });
  child.on("message", (reply: Reply) => {
    waiting.get(reply.id)?.(reply);
    waiting.delete(reply.id);
  });
  let ids = 0;
  const ask = async (name: string, given: unknown[]) => {
    const id = ++ids;
    const { promise, resolve } = Promise.withResolvers<Reply>();
    waiting.set(id, resolve);
    child.send({ id, name, given } satisfies Question);
    const reply = await promise;
    if ("problem" in reply) throw new Error(reply.problem);
    return reply.value;
  };
  const own = {
    pid,
    stop: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
  return new Proxy(own as Remote<F>, {
    get: (target, name: string) =>
      name in target ? target[name] : name === "then" ? undefined : (...given: unknown[]) => ask(name, given),
  });
}
