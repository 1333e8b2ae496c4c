import { once } from "node:events";
import { createServer } from "node:http2";
import {
  createEndpointHandler,
  handlers as h,
  type ObjectContext,
  type ObjectSharedContext,
  object,
  type RestatePromise,
} from "@restatedev/restate-sdk";
import { pino } from "pino";
import { connectClusters } from "../../src/kubernetes/clusters.ts";
import { SentinelObject } from "../../src/restate/contract.ts";
import { benchFleet } from "../fleet.ts";
import { answering } from "../remote.ts";
import { writeRows } from "./rows.ts";

// The baseline: nothing but Restate. A driver calls as many objects as there are sentinels, with the same window, and
// each takes as many durable steps as a Deploy does, without MySQL or Kubernetes.

/** The durable steps of one call. */
export interface Steps {
  runs: number;
  sets: number;
  clears: number;
}

const Work = object({
  name: "bench.Work",
  handlers: {
    work: h.object.exclusive({}, async (ctx: ObjectContext, steps: Steps) => {
      for (let i = 0; i < steps.sets; i++) ctx.set(`key ${i}`, "a value as long as an awakeable's id is");
      for (let i = 0; i < steps.runs; i++) await ctx.run(`step ${i}`, () => ({ step: i, atMs: Date.now() }));
      for (let i = 0; i < steps.clears; i++) ctx.clear(`key ${i}`);
      return { status: "ready" };
    }),
  },
});

const Driver = object({
  name: "bench.Driver",
  handlers: {
    drive: h.object.shared(
      {},
      async (ctx: ObjectSharedContext, { calls, window, steps, round, image }: FanOut): Promise<void> => {
        const inFlight: RestatePromise<unknown>[] = [];
        const ids = image === undefined ? [] : benchFleet(calls).map(({ id }) => id);
        for (let i = 0; i < calls; i++) {
          if (i >= window) await inFlight[i - window];
          inFlight.push(
            image === undefined
              ? ctx.objectClient(Work, `${round} ${i}`).work(steps)
              : ctx.objectClient(SentinelObject, ids[i] ?? "").Deploy({ image }),
          );
        }
        for (const call of inFlight.slice(-window)) await call;
      },
    ),
  },
});

/** What every change of a rollout waits for: its turn on one object. */
const Turn = object({
  name: "bench.Turn",
  handlers: {
    turn: h.object.exclusive({}, async (ctx: ObjectContext) => {
      ctx.set("turns", ((await ctx.get<number>("turns")) ?? 0) + 1);
    }),
  },
});

/** Values as large as those that a rollout's records touch, read and written anew, by a driver that waits for each record. */
const State = object({
  name: "bench.State",
  handlers: {
    write: h.object.exclusive({}, async (ctx: ObjectContext, values: number[]) => {
      const before = values.map((_, i) => ctx.get<string>(`value ${i}`));
      for (const [i, bytes] of values.entries()) {
        const value = await before[i];
        ctx.set(`value ${i}`, value?.length === bytes ? value : "x".repeat(bytes));
      }
    }),
    record: h.object.shared(
      {},
      async (ctx: ObjectSharedContext, { times, values }: Records): Promise<void> => {
        for (let i = 0; i < times; i++)
          await ctx.objectClient<typeof State>({ name: "bench.State" }, ctx.key).write(values);
      },
    ),
  },
});

export interface Records {
  times: number;
  /** The bytes of each value. */
  values: number[];
}

export interface Patches {
  kubeconfigFile: string;
  namespace: string;
  names: string[];
  image: string;
}

/** Patches Deployments and sees them converge on a watch, and nothing else; resolves to its own CPU time in ms. */
async function patchAll({ kubeconfigFile, namespace, names, image }: Patches): Promise<number> {
  const clusters = await connectClusters({
    kubeContexts: new Map(),
    kubeNamespace: namespace,
    kubeContainer: "sentinel",
    kubeconfigFile,
  });
  const [cluster] = clusters.all;
  if (cluster === undefined) throw new Error("the kubeconfig has no cluster");
  const left = new Set(names);
  const [synced, converged] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const watch = cluster.watch(
    {
      onSynced: synced.resolve,
      onChange: (seen) => {
        if (seen.image !== image || seen.observedGeneration < seen.generation) return;
        left.delete(seen.name);
        if (left.size === 0) converged.resolve();
      },
      onDelete: () => undefined,
    },
    pino({ level: "silent" }),
  );
  await synced.promise;
  const from = process.cpuUsage();
  await Promise.all(names.map((name) => cluster.patch(name, { image, changeCause: "bench" })));
  await converged.promise;
  const { user, system } = process.cpuUsage(from);
  await watch.stop();
  await clusters.close();
  return (user + system) / 1_000;
}

export interface FanOut {
  calls: number;
  /** Most calls in flight. */
  window: number;
  steps: Steps;
  round: number;
  /** The calls are Deploys of this image. */
  image?: string;
}

export const handlers = {
  patchAll,
  writeRows,
  async listen(): Promise<number> {
    const server = createServer(
      createEndpointHandler({ services: [Work, Driver, Turn, State], logger: () => undefined }),
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  },
};

answering(handlers);
