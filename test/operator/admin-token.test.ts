import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { startStack } from "../../src/local-stack/stack.ts";
import { until } from "../support/until.ts";
import { NEW, World } from "../support/world.ts";

const TOKEN = "token-of-the-admin-api";

const fronts: Server[] = [];
afterEach(() => {
  for (const front of fronts.splice(0)) front.close().closeAllConnections();
});

/** Stands before an address, wants a token if one is given, and keeps what it was sent. */
async function front(target: string, token?: string) {
  const seen: string[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { method = "GET", url = "", headers } = request;
    seen.push(JSON.stringify({ method, url, headers, body }));
    if (token !== undefined && headers.authorization !== `Bearer ${token}`) {
      response.writeHead(401).end();
      return;
    }
    const { host: _, connection: __, "content-length": ___, "transfer-encoding": ____, ...rest } = headers;
    const answer = await fetch(`${target}${url}`, {
      method,
      headers: rest as Record<string, string>,
      ...(body === "" ? {} : { body }),
    });
    response.writeHead(answer.status, { "content-type": "application/json" }).end(await answer.text());
  });
  fronts.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

it("the service shows the token of the admin API to the admin API, and to nobody else", async () => {
  let admin: Awaited<ReturnType<typeof front>> | undefined;
  let ingress: Awaited<ReturnType<typeof front>> | undefined;
  const stack = await startStack({
    sentinels: 3,
    async adjustEnv(built) {
      admin = await front(built.RESTATE_ADMIN_URL ?? "", TOKEN);
      ingress = await front(built.RESTATE_URL ?? "");
      return { RESTATE_ADMIN_URL: admin.url, RESTATE_ADMIN_TOKEN: TOKEN, RESTATE_URL: ingress.url };
    },
  });
  const world = new World(stack);
  try {
    // It has registered itself, and its drive is asked about while a slow sentinel holds it up.
    await until("it is ready", async () => (await fetch(`${stack.health}/readyz`)).ok);
    await world.fault("sen_0001", "slow:5");
    expect((await world.verb("Rollout", { image: NEW })).body).toMatchObject({ state: "completed" });
    await until("the admin API was asked about the drive", () =>
      admin?.seen.some((each) => each.includes("/query")),
    );
    expect(admin?.seen.every((each) => each.includes(`Bearer ${TOKEN}`))).toBe(true);
    expect(ingress?.seen.length).toBeGreaterThan(0);
    expect(ingress?.seen.join()).not.toContain(TOKEN);
    expect(JSON.stringify(stack.service.logs())).not.toContain(TOKEN);
    expect(await (await fetch(`${stack.health}/metrics`)).text()).not.toContain(TOKEN);
    expect(JSON.stringify(await world.sql("SELECT * FROM sys_journal"))).not.toContain(TOKEN);
  } finally {
    await world.close();
  }
});
