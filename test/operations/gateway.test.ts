import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { execa } from "execa";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "../../src/local-stack/ports.ts";
import {
  GRANT_HEADER,
  REVERTS_HEADER,
  ROLLOUT_ID_HEADER,
  SCRAPE_HEADER,
  SETTLE_HEADER,
  UNRECORDED_HEADER,
  WAVE_HEADER,
} from "../../src/restate/contract.ts";
import { documentedCommands } from "../docs/commands.ts";
import { createAuthority, issue } from "../support/certificates.ts";
import { until } from "../support/until.ts";
import { startGateway } from "./nginx.ts";

/** The established TCP connections of this machine (proc_pid_net(5)), as far as they are told of here. */
async function connections(): Promise<{ local: number; remote: number; timer: string }[]> {
  const rows = (await readFile("/proc/net/tcp", "utf8")).trim().split("\n").slice(1);
  const portOf = (address = "") => Number.parseInt(address.split(":")[1] ?? "", 16);
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, , , state]) => state === "01")
    .map(([, local, remote, , , timer = ""]) => ({
      local: portOf(local),
      remote: portOf(remote),
      timer: timer.startsWith("02:") ? "keepalive" : timer,
    }));
}

const ROLLOUT = "/hydra.v1.SentinelRolloutService/singleton";
const TOKEN = "operator-token-1";
/** As `openssl rand -hex 32` makes it, as long as may be, and with all that an expression would understand. */
const TOKENS = {
  bob: "0123456789abcdef".repeat(4),
  carol: "Ab9_".repeat(64),
  dave: "a.b+c/d=(e|f)[g]{h}^$*?~",
  "sentinel-rollout": "of-the-replicas",
};

describe("deploy/gateway/nginx.conf", () => {
  let directory: string;
  let ca: string;
  let port: number;
  let gateway: Awaited<ReturnType<typeof startGateway>>;
  /** What reached the ingress. */
  const seen: { method: string; url: string; headers: IncomingHttpHeaders }[] = [];
  /** A token that was made as the documentation says. */
  let made = "";
  let held: ServerResponse[] | undefined;
  const ingress = createServer((incoming, response) => {
    seen.push({ method: incoming.method ?? "", url: incoming.url ?? "", headers: incoming.headers });
    incoming.resume();
    // A Rollout answers when it is over.
    if (incoming.url === `${ROLLOUT}/Rollout` && held !== undefined) held.push(response);
    else response.end("{}");
  });

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "gateway-"));
    const authority = await createAuthority(directory);
    const { cert, key } = await issue(directory, authority, "server", "localhost");
    ca = authority.cert;
    await writeFile(join(directory, "tls.crt"), await readFile(cert));
    await writeFile(join(directory, "tls.key"), await readFile(key));
    const tokens = Object.entries({ alice: TOKEN, ...TOKENS });
    const lines = tokens.map(([name, token]) => `"~^\\Q${token}\\E$" ${name};\n`);
    const documented = documentedCommands().find(({ text }) => text.startsWith("printf"))?.text ?? "";
    const { stdout: erins } = await execa("bash", ["-c", documented.replace("alice", "erin")]);
    made = /Q([0-9a-f]{64})\\E/.exec(erins)?.[1] ?? "";
    await writeFile(join(directory, "tokens"), [...lines, `${erins}\n`, '"Bearer of-the-old-form" eve;\n']);
    ingress.listen(0, "127.0.0.1");
    await once(ingress, "listening");
    port = await freePort();
    gateway = await startGateway(directory, port, `127.0.0.1:${(ingress.address() as AddressInfo).port}`);
  });
  beforeEach(() => void seen.splice(0));
  afterAll(async () => {
    await gateway?.stop();
    ingress.closeAllConnections();
    ingress.close();
    await rm(directory, { recursive: true });
  });

  async function call(
    method: string,
    path: string,
    headers: Record<string, string> = { authorization: `Bearer ${TOKEN}` },
  ): Promise<number> {
    const asked = request({ host: "localhost", port, method, path, headers, ca: await readFile(ca) });
    asked.end(method === "POST" ? "{}" : undefined);
    const [response] = await once(asked, "response");
    response.resume();
    await once(response, "end");
    return response.statusCode;
  }

  /** The status of the first answer to a client that keeps to no rule. It writes, and reads until the gateway hangs up. */
  async function raw(...texts: string[]): Promise<string> {
    const socket = connect({ host: "localhost", servername: "localhost", port, ca: await readFile(ca) });
    await once(socket, "secureConnect");
    for (const text of texts) socket.write(text);
    let answer = "";
    socket.on("data", (part) => {
      answer += part;
    });
    // It may be cut off while it still writes.
    socket.on("error", () => undefined);
    await new Promise((resolve) => socket.once("close", resolve));
    return /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? answer;
  }

  function head(line: string, ...headers: string[]): string {
    const all = [`${line} HTTP/1.1`, "Host: localhost", `Authorization: Bearer ${TOKEN}`, ...headers];
    return `${all.join("\r\n")}\r\n\r\n`;
  }

  it.each([
    ...["Rollout", "Resume", "Cancel", "RollbackAll", "Pause", "Abort", "RetryFailed", "Freeze", "Unfreeze"],
    ...["Status", "Plan", "History", "Rollout/send", "Resume/send"],
  ])("lets %s through by POST, without the token, in the name of its owner", async (handler) => {
    const mallory = { "x-operator": "mallory", "x-started-by": "mallory" };
    const forged = { authorization: `Bearer ${TOKEN}`, ...mallory, "idempotency-key": "k" };
    expect(await call("POST", `${ROLLOUT}/${handler}`, forged)).toBe(200);
    expect(seen).toMatchObject([{ method: "POST", url: `${ROLLOUT}/${handler}` }]);
    expect(seen[0]?.headers).toMatchObject({
      "x-operator": "alice",
      "x-started-by": "alice",
      "idempotency-key": "k",
    });
    expect(JSON.stringify(seen)).not.toContain(TOKEN);
  });

  it("lets no caller pass a Deploy off as one of a rollout, or as its revert", async () => {
    const forged = {
      authorization: `Bearer ${TOKEN}`,
      [ROLLOUT_ID_HEADER]: "a rollout",
      [WAVE_HEADER]: "1",
      [REVERTS_HEADER]: "ghcr.io/unkeyed/sentinel:v1.2.3",
      [UNRECORDED_HEADER]: "1",
      [GRANT_HEADER]: "1/1/1700000000000",
      [SETTLE_HEADER]: "settle-sen_1-1-1",
      [SCRAPE_HEADER]: "1",
      "x-restate-anything": "1",
    };
    for (const path of ["Deploy", "Deploy/send", "NotifyReady", "NotifyReady/send"]) {
      expect(await call("POST", `/hydra.v1.SentinelService/sen_1/${path}`, forged)).toBe(200);
    }
    expect(seen).toHaveLength(4);
    const internal = Object.keys(forged);
    for (const { headers } of seen) {
      expect(internal.filter((name) => headers[name] !== undefined)).toEqual([]);
    }
  });

  it("hands on what a caller has to say, and what the replicas alone may", async () => {
    const said = {
      "content-type": "application/json; charset=utf-8",
      accept: "application/json",
      traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      tracestate: "a=b",
      "idempotency-key": "k-1",
    };
    const replicas = { [SETTLE_HEADER]: "settle-sen_1-1-1", [SCRAPE_HEADER]: "1" };
    const authorization = `Bearer ${TOKENS["sentinel-rollout"]}`;
    expect(await call("POST", `${ROLLOUT}/Status`, { authorization, ...said, ...replicas })).toBe(200);
    const name = { "x-operator": "sentinel-rollout", "x-started-by": "sentinel-rollout" };
    const expected = { ...said, ...replicas, ...name, "content-length": "2" };
    expect(seen[0]?.headers).toMatchObject(expected);
    expect(Object.keys(seen[0]?.headers ?? {}).sort()).toEqual(
      [
        ...Object.keys(expected),
        "host",
        ...("connection" in (seen[0]?.headers ?? {}) ? ["connection"] : []),
      ].sort(),
    );
  });

  it.each(Object.entries(TOKENS))("knows %s by the exact token", async (name, token) => {
    const knock = (authorization: string) => call("POST", `${ROLLOUT}/Status`, { authorization });
    expect(await knock(`Bearer ${token}`)).toBe(200);
    expect(seen[0]?.headers["x-operator"]).toBe(name);
    const swapped = token.replace(/[a-z]/gi, (c) =>
      c === c.toUpperCase() ? c.toLowerCase() : c.toUpperCase(),
    );
    for (const wrong of [swapped, token.slice(1), `${token}x`, `x${token}`, `${token} `.padEnd(300, "x")]) {
      expect(await knock(`Bearer ${wrong}`), wrong).toBe(401);
    }
    expect(seen).toHaveLength(1);
  });

  it("knows the token that was made as the documentation says", async () => {
    expect(await call("POST", `${ROLLOUT}/Status`, { authorization: `Bearer ${made}` })).toBe(200);
    expect(seen[0]?.headers["x-operator"]).toBe("erin");
  });

  it("lets nobody operate the fleet by following a link", async () => {
    for (const method of ["GET", "HEAD", "PUT", "DELETE"]) {
      expect(await call(method, `${ROLLOUT}/Cancel`)).toBe(403);
    }
    expect(seen).toEqual([]);
  });

  it.each([
    {},
    { authorization: "Bearer wrong" },
    { authorization: "Bearer " },
    { authorization: `Bearer ${TOKEN}x` },
    { authorization: TOKEN },
    // A line as before would be compared without regard to case.
    { authorization: "Bearer of-the-old-form" },
  ])("lets nobody in without a token: %j", async (headers) => {
    for (const path of [`${ROLLOUT}/Cancel`, "/hydra.v1.SentinelService/sen_1/Deploy"]) {
      expect(await call("POST", path, headers)).toBe(401);
    }
    expect(await call("GET", "/restate/invocation/inv_1/attach", headers)).toBe(401);
    expect(seen).toEqual([]);
  });

  it.each([
    "/",
    "/hydra.v1.SentinelRolloutService/other/Rollout",
    `${ROLLOUT}/Change`,
    `${ROLLOUT}/Transition`,
    `${ROLLOUT}/Lane`,
    `${ROLLOUT}/Launches`,
    "/hydra.v1.SentinelRolloutNotifier/slack/Deliver",
    `${ROLLOUT}/../../hydra.v1.SentinelRolloutNotifier/slack/Deliver`,
    "/restate/invocation/inv_1/kill",
    "/restate/awakeables/prom_1/resolve",
  ])("has no %s", async (path) => {
    expect(await call("POST", path)).toBe(404);
    expect(seen).toEqual([]);
  });

  it.each([
    // Forwarded as it is, the ingress would read another path than the gateway did.
    "/restate/a/prom_1/resolve/..%2f..%2f..%2f..%2frestate%2finvocation%2finv_1%2fattach",
    "/restate/awakeables/prom_1/resolve/../../../invocation/inv_1/attach",
    "/restate/awakeables/prom_1/resolve/%2e%2e/%2e%2e/%2e%2e/invocation/inv_1/attach",
    "/restate/awakeables/prom_1/resolve/..%2f..%2f..%2fhydra.v1.SentinelRolloutService/singleton/Status",
    `/hydra.v1.SentinelRolloutService/singleton/Change/../Status`,
    `/hydra.v1.SentinelRolloutService/singleton/Change/%2e%2e/Status`,
    "/hydra.v1.SentinelService/sen_1%2fDeploy%2f../../Deploy",
    "/hydra.v1.SentinelService/../Deploy",
    "/hydra.v1.SentinelService/%2e%2e/Deploy",
    "/hydra.v1.SentinelService/a%2Fb/Deploy",
    "/hydra.v1.SentinelService/sen_1%00/Deploy",
    "/hydra.v1.SentinelService/sen_1%0d%0ax-grant:1/Deploy",
    "/hydra.v1.SentinelService//Deploy",
    `/hydra.v1.SentinelService/${"a".repeat(64)}/Deploy`,
    `/${ROLLOUT}/Status`,
    `${ROLLOUT}//Status`,
    `${ROLLOUT}/./Status`,
    `${ROLLOUT}/Status/`,
    `${ROLLOUT}/Status%20`,
    `${ROLLOUT}/Status;a=b`,
    `${ROLLOUT}/Status#fragment`,
    `${ROLLOUT}/St%61tus`,
    `${ROLLOUT}/status`,
    `${ROLLOUT}\\Status`,
    `${ROLLOUT}/Rollout/send?delay=10m`,
    `${ROLLOUT}/Rollout?`,
    `${ROLLOUT}/Rollout%3Fdelay=10m`,
    `http://elsewhere${ROLLOUT}/Change`,
    "*",
    "..",
  ])("lets nothing of %s through", async (target) => {
    for (const method of ["POST", "GET"])
      expect(await raw(head(`${method} ${target}`, "Connection: close", "Content-Length: 0"))).toMatch(
        /^4\d\d$/,
      );
    expect(seen).toEqual([]);
  });

  it("sends on a body as it is, and never a second request within it", async () => {
    const hidden = head(`POST ${ROLLOUT}/Change`, "Content-Length: 0");
    const chunks = `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`;
    const last = head("GET /the-end", "Connection: close");
    for (const [headers, body] of [
      [["Transfer-Encoding: chunked"], chunks],
      [[`Content-Length: ${hidden.length}`], hidden],
      [["Content-Length: 0"], hidden],
      [["Transfer-Encoding: chunked", "Content-Length: 4"], chunks],
      [["Content-Length: 4", "Content-Length: 0"], chunks],
      [["Transfer-Encoding: xchunked", "Content-Length: 4"], chunks],
      [["Transfer-Encoding : chunked", "Content-Length: 4"], chunks],
    ] as const) {
      await raw(head(`POST ${ROLLOUT}/Status`, ...headers), body, last);
    }
    expect(seen.length).toBeGreaterThan(1);
    expect(new Set(seen.map(({ method, url }) => `${method} ${url}`))).toEqual(
      new Set([`POST ${ROLLOUT}/Status`]),
    );
  });

  it.runIf(process.platform === "linux")(
    "keeps both connections of a call alive that takes hours",
    async () => {
      held = [];
      const answer = call("POST", `${ROLLOUT}/Rollout`);
      await until("the call waits", () => held?.length === 1);
      const upstream = (ingress.address() as AddressInfo).port;
      // While something that was sent is not acknowledged another timer runs.
      await until("both have a keep-alive timer", async () => {
        const own = (await connections()).filter(
          ({ local, remote }) => local === port || remote === upstream,
        );
        return own.length >= 2 && own.every(({ timer }) => timer === "keepalive");
      });
      for (const response of held) response.end("{}");
      held = undefined;
      expect(await answer).toBe(200);
    },
  );

  it("takes a request that names the host as one to itself", async () => {
    expect(
      await raw(
        head(`POST https://localhost:${port}${ROLLOUT}/Status`, "Connection: close", "Content-Length: 0"),
      ),
    ).toBe("200");
    expect(seen).toMatchObject([{ method: "POST", url: `${ROLLOUT}/Status` }]);
  });

  it("shows what came of a call that was only sent", async () => {
    expect(await call("GET", "/restate/invocation/inv_1/attach")).toBe(200);
    expect(await call("POST", "/restate/invocation/inv_1/output")).toBe(403);
    expect(seen.map(({ url }) => url)).toEqual(["/restate/invocation/inv_1/attach"]);
  });

  it("is trusted by the service through NODE_EXTRA_CA_CERTS, and by nothing else", async () => {
    const notify = `
      import { createIngress } from "./src/restate/ingress.ts";
      await createIngress({ restateUrl: "https://localhost:${port}", restateToken: "${TOKEN}" }).notifyReady("sen_1", "x:1");`;
    const wakeUp = (env: Record<string, string>) =>
      execa(process.execPath, ["--input-type=module-typescript", "-e", notify], { env, reject: false });
    expect(await wakeUp({})).toMatchObject({ exitCode: 1 });
    expect(seen).toEqual([]);
    expect(await wakeUp({ NODE_EXTRA_CA_CERTS: ca })).toMatchObject({ exitCode: 0, stderr: "" });
    expect(seen).toMatchObject([{ method: "POST", url: "/hydra.v1.SentinelService/sen_1/NotifyReady/send" }]);
  });
});
