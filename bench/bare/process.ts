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
import { answering } from "../remote.ts";

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
      async (ctx: ObjectSharedContext, { calls, window, steps, round }: FanOut): Promise<void> => {
        const inFlight: RestatePromise<unknown>[] = [];
        for (let i = 0; i < calls; i++) {
          if (i >= window) await inFlight[i - window];
          inFlight.push(ctx.objectClient(Work, `${round} ${i}`).work(steps));
        }
        for (const call of inFlight.slice(-window)) await call;
      },
    ),
  },
});

export interface FanOut {
  calls: number;
  /** Most calls in flight. */
  window: number;
  steps: Steps;
  round: number;
}

export const handlers = {
  async listen(): Promise<number> {
    const server = createServer(createEndpointHandler({ services: [Work, Driver], logger: () => undefined }));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  },
};

answering(handlers);
