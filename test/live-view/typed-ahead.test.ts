import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import type { Keyboard } from "../../src/live-view/keyboard.ts";
import { watch } from "../../src/live-view/watch.ts";
import { until } from "../support/until.ts";
import { status } from "./status.ts";

const PAUSED = status({ state: "paused", next: ["Resume", "Cancel", "RetryFailed", "RollbackAll", "Abort"] });
const QUESTION = "? Resume rollout 7781234a of sentinel:v2 in wave 3? y/n";

/** An ingress that answers Status only while it is not held, and says what else it was asked. */
async function desk() {
  let held = Promise.withResolvers<void>();
  held.resolve();
  const calls: string[] = [];
  const server = createServer(async (request, response) => {
    request.resume();
    const isStatus = request.url?.endsWith("/Status") === true;
    if (isStatus) await held.promise;
    else calls.push(request.url ?? "");
    response.end(JSON.stringify(isStatus ? PAUSED : { invocationId: "inv_1", status: "Accepted" }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const over = new AbortController();
  const shown: string[] = [];
  let typed: string[] = [];
  let told = Promise.withResolvers<void>();
  const keyboard: Keyboard = {
    take: () => typed.splice(0),
    next: () => told.promise,
    wake: () => told.resolve(),
    close: () => undefined,
  };
  const running = watch({
    ingress: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: undefined },
    show: (_, beside) => void shown.push(...(beside?.desk ?? [])),
    ...{ follow: false, screen: false, keyboard, signal: over.signal },
  }).catch(() => undefined);
  await until("the keys to be offered", () => shown.some((line) => line.includes("r resume")));
  return {
    calls,
    shown,
    hold: () => {
      held = Promise.withResolvers();
    },
    release: () => held.resolve(),
    type(keys: string) {
      typed = [...keys];
      told.resolve();
      told = Promise.withResolvers();
    },
    async [Symbol.asyncDispose]() {
      held.resolve();
      over.abort();
      await running;
      server.close();
      server.closeAllConnections();
    },
  };
}

it("a question is shown at once, however long Status takes", async () => {
  await using at = await desk();
  at.hold();
  at.type("r");
  // A question to the ingress is given up after 10 s.
  await until("the question", () => at.shown.includes(QUESTION), 5_000);
  at.type("y");
  at.release();
  await until("it to be sent", () => at.calls.length > 0);
  expect(at.calls).toEqual(["/hydra.v1.SentinelRolloutService/singleton/Resume/send"]);
});

it("what was typed ahead answers no question that nobody has seen", async () => {
  await using at = await desk();
  at.type("ry");
  await until("the question", () => at.shown.includes(QUESTION));
  // It is still there after further looks.
  at.shown.length = 0;
  await until("the question once more", () => at.shown.includes(QUESTION));
  expect(at.calls).toEqual([]);
});
