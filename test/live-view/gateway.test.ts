import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test as base, describe, expect } from "vitest";
import { until } from "../support/until.ts";
import { watch } from "./command.ts";
import { status } from "./status.ts";

/** What a call is answered: a body, or an HTTP status. */
type Reply = ReturnType<typeof status> | number;

/** Stands before an ingress and wants a token; gives its replies in turn, the last one for ever. */
interface Gateway {
  url: string;
  replies: Reply[];
  /** Calls with the right token. */
  calls: number;
}

const it = base.extend<{ token: string; gateway: Gateway }>({
  token: "ingress-secret",
  gateway: async ({ token }, use) => {
    const gateway: Gateway = { url: "", replies: [status()], calls: 0 };
    const server = createServer((request, response) => {
      const known = request.headers.authorization === `Bearer ${token}`;
      const reply = gateway.replies[Math.min(gateway.calls, gateway.replies.length - 1)] ?? 500;
      if (known) gateway.calls += 1;
      const code = !known ? 401 : typeof reply === "number" ? reply : 200;
      request.resume();
      response.writeHead(code, { connection: "close" }).end(code === 200 ? JSON.stringify(reply) : "");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    gateway.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await use(gateway);
    server.close();
    server.closeAllConnections();
  },
});

describe("npm run watch with a gateway before the ingress", () => {
  it.for([
    [undefined, "wants a token: set RESTATE_TOKEN (401)"],
    ["wrong-secret", "refuses the token: check RESTATE_TOKEN (401)"],
  ] as const)("that answers 401 (token: %s) says what to do", async ([token, problem], { gateway }) => {
    const { exitCode, stderr } = await watch(
      [gateway.url],
      token === undefined ? {} : { RESTATE_TOKEN: token },
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: `the ingress ${gateway.url} ${problem}` });
  });

  it.for(["two\nlines of-secret", "sécret-你"])(
    "never shows a token it cannot send",
    async (token, { gateway }) => {
      const { exitCode, stderr } = await watch([gateway.url], { RESTATE_TOKEN: token });
      expect({ exitCode, stderr }).toEqual({
        exitCode: 2,
        stderr: "RESTATE_TOKEN must be one word of ASCII characters",
      });
    },
  );

  it("never shows a password in the URL", async () => {
    const { exitCode, stderr } = await watch(["http://user:secret@127.0.0.1:1"]);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: "the ingress URL must have no user or password: set RESTATE_TOKEN",
    });
  });

  it("goes on after it was away", async ({ gateway, token }) => {
    const completed = status({
      state: "completed",
      succeeded: 100,
      failed: 0,
      failures: [],
      next: ["Rollout"],
      message: "Completed.",
    });
    gateway.replies = [status({ failures: [] }), 503, 503, completed];
    const { exitCode, stdout, stderr } = await watch([gateway.url], { RESTATE_TOKEN: token });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout.split("\n").map((each) => each.replace(/^\S+ /, ""))).toEqual([
      expect.stringMatching(/^sentinel:v2 is in progress/),
      'guard: {"rollout_id":"7781234a","wave":3}',
      `! the ingress ${gateway.url} answered 503; trying again`,
      expect.stringMatching(/^sentinel:v2 is completed · 100 of 100 took it/),
      "Completed.",
    ]);
  });

  it.for([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("follows beyond the end, until %s", async ([signal, code], { gateway, token }) => {
    gateway.replies = [status({ state: "completed" })];
    const command = watch([gateway.url, "--follow"], { RESTATE_TOKEN: token });
    await until("it looks again", () => gateway.calls > 1);
    command.kill(signal);
    const { exitCode, stderr } = await command;
    expect({ exitCode, stderr }).toEqual({ exitCode: code, stderr: "" });
  });
});
