import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { createServer as createServer2 } from "node:http2";
import type { AddressInfo } from "node:net";
import { createEndpointHandler, object } from "@restatedev/restate-sdk";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RestateServer, startRestate } from "../../src/local-stack/restate-server.ts";
import { createAdmin } from "../../src/restate/admin.ts";
import type { AdminAccess } from "../../src/restate/admin-api.ts";
import { register } from "../../src/restate/registration.ts";
import { until } from "../support/until.ts";

const TOKEN = "token-of-the-admin-api";
const SERVICE = "hydra.v1.SentinelRolloutService";

interface Line {
  level: number;
  attempt?: number;
  msg: string;
  reason?: string;
}

/** What is logged goes into `lines`. */
function recorder() {
  const lines: Line[] = [];
  return { lines, logger: pino({}, { write: (line: string) => lines.push(JSON.parse(line)) }) };
}

/** An HTTP server for as long as the test runs. */
async function serving(listener: RequestListener) {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.dispose]: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

it("a registration that fails goes on, and is told of ever more rarely", async () => {
  let attempts = 0;
  using admin = await serving((request, response) => {
    if (request.method === "POST") attempts += 1;
    request.resume();
    response.writeHead(request.method === "POST" && attempts > 600 ? 201 : 500).end("{}");
  });
  const { lines, logger } = recorder();
  const options = { admin: { url: admin.url }, serviceUrl: "http://service:9080", force: false };
  expect(await register(options, logger, AbortSignal.timeout(120_000), { retryMs: 0 })).toBe(true);
  expect(attempts).toBe(601);
  const warnings = lines.filter(({ level }) => level === 40);
  expect(warnings.map(({ attempt }) => attempt)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512]);
  expect(lines.at(-1)?.msg).toBe("registered with Restate");
});

describe("a registration at a real Restate", () => {
  let restate: RestateServer;
  beforeAll(async () => {
    restate = await startRestate();
  });
  afterAll(() => restate.stop());

  /** A version of the service, at a URL of its own, that may become another one. */
  async function version(...handlers: string[]) {
    const of = (names: string[]) =>
      createEndpointHandler({
        services: [
          object({
            name: SERVICE,
            handlers: Object.fromEntries(names.map((name) => [name, async () => name])),
          }),
        ],
      });
    let current = of(handlers);
    const server = createServer2((request, response) => current(request, response));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      becomes: (...others: string[]) => {
        current = of(others);
      },
      [Symbol.dispose]: () => server.close(),
    };
  }

  async function handlers(): Promise<string[]> {
    const response = await fetch(`${restate.admin}/services/${SERVICE}`);
    const { handlers: all } = (await response.json()) as { handlers: { name: string }[] };
    return all.map(({ name }) => name).sort();
  }

  function registering(serviceUrl: string, force: boolean, admin: AdminAccess = { url: restate.admin }) {
    const { lines, logger } = recorder();
    const stop = new AbortController();
    const problems: string[] = [];
    const onProblem = (problem: string) => problems.push(problem);
    const how = { retryMs: 10, onProblem };
    const done = register({ admin, serviceUrl, force }, logger, stop.signal, how);
    return { done, lines, problems, stop: () => stop.abort() };
  }

  it("of a version at a URL of its own needs no force, nor when it starts again", async () => {
    using one = await version("A");
    using two = await version("A", "B");
    for (const { url } of [one, one, two, two]) {
      expect(await registering(url, false).done).toBe(true);
    }
    expect(await handlers()).toEqual(["A", "B"]);
    // The old one starts again, and takes nothing over.
    const { done, lines } = registering(one.url, false);
    expect(await done).toBe(true);
    expect(lines.at(-1)?.msg).toMatch(/^not registered: another version was registered since/);
    expect(await handlers()).toEqual(["A", "B"]);
  });

  it("leaves what is known at a URL to the invocations that began on it, and says what to do", async () => {
    using service = await version("C");
    expect(await registering(service.url, true).done).toBe(true);
    // An operator's own setting is no other version.
    await fetch(`${restate.admin}/services/${SERVICE}`, {
      method: "PATCH",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ inactivity_timeout: "7s" }),
    });
    expect(await registering(service.url, false).done).toBe(true);
    service.becomes("C", "D");
    const attempt = registering(service.url, false);
    const [problem] = await until("it says why", () => attempt.problems.length > 1 && attempt.problems);
    expect(problem).toBe(
      `${service.url} is registered with other handlers, of another version: give this version a URL of its own, or set RESTATE_REGISTER_FORCE=true`,
    );
    expect(attempt.lines[0]).toMatchObject({ level: 40, reason: problem });
    expect(await handlers()).toEqual(["C"]);
    attempt.stop();
    expect(await attempt.done).toBe(false);
    // With force it is as it was before there was a choice.
    expect(await registering(service.url, true).done).toBe(true);
    expect(await handlers()).toEqual(["C", "D"]);
  });

  it("shows the admin API its token, and a redirect never", async () => {
    using service = await version("E");
    const shown: (string | undefined)[] = [];
    using elsewhere = await serving((request, response) => {
      shown.push(request.headers.authorization ?? "nothing");
      request.resume();
      response.end("{}");
    });
    let redirects = false;
    using front = await serving(async (request, response) => {
      const body: Buffer[] = [];
      for await (const chunk of request) body.push(chunk as Buffer);
      const isShown = request.headers.authorization === `Bearer ${TOKEN}`;
      if (redirects || !isShown) {
        const location = `${elsewhere.url}${request.url}`;
        response.writeHead(redirects ? 307 : 401, redirects ? { location } : {}).end();
        return;
      }
      const answer = await fetch(`${restate.admin}${request.url}`, {
        method: request.method ?? "GET",
        headers: { "content-type": "application/json", accept: "application/json" },
        ...(body.length === 0 ? {} : { body: Buffer.concat(body) }),
      });
      response.writeHead(answer.status).end(await answer.text());
    });
    const told: string[] = [];
    for (const [token, problem] of [
      [undefined, "Restate's admin API wants a token: set RESTATE_ADMIN_TOKEN (401)"],
      ["another-token", "Restate's admin API refuses the token: check RESTATE_ADMIN_TOKEN (401)"],
    ] as const) {
      const attempt = registering(service.url, false, { url: front.url, token });
      await until("it is refused", () => attempt.problems.length > 1);
      expect(attempt.problems[0]).toBe(problem);
      await expect(createAdmin({ url: front.url, token })?.silent(["inv_1"])).rejects.toThrow(problem);
      attempt.stop();
      told.push(JSON.stringify(attempt.lines));
    }
    const access = { url: front.url, token: TOKEN };
    expect(await registering(service.url, false, access).done).toBe(true);
    expect(await handlers()).toEqual(["E"]);
    const sent = await fetch(`${restate.ingress}/${SERVICE}/singleton/E/send`, { method: "POST" });
    const { invocationId } = (await sent.json()) as { invocationId: string };
    expect(await createAdmin(access)?.silent([invocationId])).toEqual([]);

    redirects = true;
    const attempt = registering(service.url, false, access);
    await until("it is sent elsewhere", () => attempt.problems.length > 1);
    expect(attempt.problems[0]).toBe("Restate's admin API answered 307: a redirect, which is not followed");
    await expect(createAdmin(access)?.silent(["inv_1"])).rejects.toThrow("which is not followed");
    attempt.stop();
    expect(shown).toEqual([]);
    told.push(JSON.stringify(attempt.lines));
    expect(told.join()).not.toContain(TOKEN);
    expect(told.join()).not.toContain("another-token");
  });
});
