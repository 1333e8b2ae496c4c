import { once } from "node:events";
import { createServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { createEndpointHandler, type ObjectContext, object } from "@restatedev/restate-sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { call, countRunning, endInvocation, readState, send } from "../../src/local-stack/restate-api.ts";
import { type RestateServer, startRestate } from "../../src/local-stack/restate-server.ts";
import { isAlive } from "../support/processes.ts";
import { until } from "../support/until.ts";

const counter = object({
  name: "Counter",
  handlers: {
    add: async (ctx: ObjectContext, by: number) => {
      const sum = ((await ctx.get<number>("sum")) ?? 0) + by;
      ctx.set("sum", sum);
      return sum;
    },
    wait: (ctx: ObjectContext) => ctx.awakeable<void>().promise,
  },
});

let endpoint: Http2Server;
let serviceUrl: string;
let restate: RestateServer;

beforeAll(async () => {
  endpoint = createServer(createEndpointHandler({ services: [counter], logger: () => undefined }));
  endpoint.listen(0, "127.0.0.1");
  await once(endpoint, "listening");
  serviceUrl = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}`;
  restate = await startRestate();
  await restate.register(serviceUrl);
});
afterAll(async () => {
  await restate?.stop();
  endpoint?.close();
});

describe("a private Restate server", () => {
  test("serves the handlers of a registered service and shows their state", async () => {
    const first = await call<number>(restate.ingress, "Counter/a/add", 2);
    expect(first).toEqual({ status: 200, body: 2 });
    expect(await readState(restate.admin, "Counter", "a", "sum")).toBe(2);
    expect(await readState(restate.admin, "Counter", "b", "sum")).toBeUndefined();
  });

  test("comes back after a kill -9 with its services, its state and its addresses", async () => {
    await call(restate.ingress, "Counter/kept/add", 40);
    await restate.process.signal("SIGKILL");
    await expect(call(restate.ingress, "Counter/kept/add", 1)).rejects.toThrow();
    await restate.process.start();
    expect((await call(restate.ingress, "Counter/kept/add", 2)).body).toBe(42);
  });

  test("ends an invocation that was cancelled or killed", async () => {
    for (const how of ["cancel", "kill"] as const) {
      const id = await send(restate.ingress, `Counter/${how}/wait`);
      await until("the invocation to run", async () => (await countRunning(restate.admin)) === 1);
      await endInvocation(restate.admin, id, how);
      await until("the invocation to end", async () => (await countRunning(restate.admin)) === 0);
    }
  });

  test("names the service that it cannot reach", async () => {
    const failure = restate.register("http://127.0.0.1:1");
    await expect(failure).rejects.toThrow("Restate could not register http://127.0.0.1:1");
  });

  test("tells browsers to call localhost", async () => {
    const version = await (await fetch(`${restate.admin}/version`)).json();
    expect(version).toMatchObject({
      ingress_endpoint: `${restate.ingress.replace("127.0.0.1", "localhost")}/`,
    });
  });
});

test("two run at once, and are gone when stopped", async () => {
  const servers = await Promise.all([startRestate(), startRestate({ inactivityTimeout: "0s" })]);
  const pids = servers.map((server) => server.process.pid ?? 0);
  expect(await Promise.all(pids.map(isAlive))).toEqual([true, true]);
  await Promise.all(servers.map((server) => server.stop()));
  expect(await Promise.all(pids.map(isAlive))).toEqual([false, false]);
});

test("one that cannot start shows the end of its log", async () => {
  const failure = startRestate({ env: { RESTATE_DEFAULT_NUM_PARTITIONS: "many" } });
  await expect(failure).rejects.toThrow(/restate-server exited while starting.*found string "many"/s);
});
