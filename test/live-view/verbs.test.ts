import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { test as base, describe, expect } from "vitest";
import { act, operatorName } from "../../src/live-view/verbs.ts";

interface Call {
  call: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** An ingress that takes whatever is sent, and tells the outcomes in turn, the last one for ever. */
interface Front {
  url: string;
  calls: Call[];
  sent: { status: number; body: object };
  outcomes: { status: number; body: object }[];
}

const it = base.extend<{ front: Front }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest wants to see what a fixture uses
  front: async ({}, use) => {
    const front: Front = {
      url: "",
      calls: [],
      sent: { status: 202, body: { invocationId: "inv_1", status: "Accepted" } },
      outcomes: [{ status: 470, body: { message: "not ready" } }],
    };
    const server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      front.calls.push({ call: `${request.method} ${request.url}`, headers: request.headers, body });
      const outcome = front.outcomes.length > 1 ? front.outcomes.shift() : front.outcomes[0];
      const { status, body: answer } = request.method === "POST" ? front.sent : (outcome ?? front.sent);
      response.writeHead(status, { connection: "close" }).end(JSON.stringify(answer));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    front.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await use(front);
    server.close();
    server.closeAllConnections();
  },
});

const GUARD = { rollout_id: "7781234a", wave: 3 };
const never = new AbortController().signal;
const press = (front: Front, verb: string, operator?: string) =>
  act({ url: `${front.url}/`, token: "ingress-secret" }, verb, GUARD, never, operator);

describe("a verb of a key", () => {
  it.for(["Pause", "Resume", "Cancel", "Abort", "RetryFailed"])(
    "%s is sent once, with the guard, the token and who sits there",
    async (verb, { front }) => {
      front.outcomes = [{ status: 200, body: { message: "Done so." } }];
      expect(await press(front, verb, "alice")).toBe(`${verb}: Done so.`);
      expect(front.calls.map(({ call, body }) => `${call} ${body}`)).toEqual([
        `POST /hydra.v1.SentinelRolloutService/singleton/${verb}/send {"rollout_id":"7781234a","wave":3}`,
        "GET /restate/invocation/inv_1/output ",
      ]);
      expect(front.calls[0]?.headers).toMatchObject({
        "x-operator": "alice",
        "content-type": "application/json",
      });
      for (const { headers } of front.calls) expect(headers.authorization).toBe("Bearer ingress-secret");
    },
  );

  it("that answers at the end of the rollout is not waited for", async ({ front }) => {
    expect(await press(front, "Resume", "alice")).toBe("Resume was taken: inv_1.");
    expect(front.calls.filter(({ call }) => call.startsWith("POST"))).toHaveLength(1);
  });

  it("that is refused a moment later says so in the service's words", async ({ front }) => {
    const message = "You saw wave 3 of rollout 7781234a; it is wave 4.";
    front.outcomes = [
      { status: 470, body: {} },
      { status: 409, body: { code: 409, message } },
    ];
    expect(await press(front, "Resume", "alice")).toBe(`Resume was refused (409): ${message}`);
  });

  it("that the ingress refuses says so, and is not sent again", async ({ front }) => {
    front.sent = { status: 404, body: { message: "service handler 'Pause' not found" } };
    expect(await press(front, "Pause", "alice")).toBe(
      "Pause was refused (404): service handler 'Pause' not found",
    );
    expect(front.calls).toHaveLength(1);
  });

  it("whose outcome a gateway does not tell was taken", async ({ front }) => {
    front.outcomes = [{ status: 403, body: {} }];
    expect(await press(front, "Cancel", "alice")).toBe("Cancel was taken: inv_1.");
  });

  it("without an answer may have been taken", async () => {
    const url = "http://127.0.0.1:1";
    expect(await act({ url, token: "ingress-secret" }, "Cancel", GUARD, never)).toMatch(
      /^Cancel: the ingress \S+ does not answer \(.+\)\. Whether it was taken is not known\.$/,
    );
  });
});

describe("who sits at the terminal", () => {
  it("is a header's worth of text", () => {
    expect(operatorName({ USER: "alice" })).toBe("alice");
    expect(operatorName({ USER: "j\u00f6rg\r\nx-evil: 1" })).toBe("j?rg??x-evil: 1");
    expect(operatorName({ USER: "x".repeat(500) })).toHaveLength(64);
    expect(operatorName({})).toMatch(/^[\x20-\x7e]+$/);
  });
});
