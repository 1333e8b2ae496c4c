import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "../../src/dry-run/ports.ts";
import {
  GRANT_HEADER,
  REVERTS_HEADER,
  ROLLOUT_ID_HEADER,
  UNRECORDED_HEADER,
  WAVE_HEADER,
} from "../../src/restate/names.ts";
import { createAuthority, issue } from "../support/certificates.ts";
import { runsNginx, startGateway } from "./nginx.ts";

const ROLLOUT = "/hydra.v1.SentinelRolloutService/singleton";
const TOKEN = "operator-token-1";

describe.runIf(runsNginx)("deploy/gateway/nginx.conf", () => {
  let directory: string;
  let ca: string;
  let port: number;
  let gateway: Awaited<ReturnType<typeof startGateway>>;
  /** What reached the ingress. */
  const seen: { method: string; url: string; headers: IncomingHttpHeaders }[] = [];
  const ingress = createServer((incoming, response) => {
    seen.push({ method: incoming.method ?? "", url: incoming.url ?? "", headers: incoming.headers });
    incoming.resume();
    response.end("{}");
  });

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "gateway-"));
    const authority = await createAuthority(directory);
    const { cert, key } = await issue(directory, authority, "server", "localhost");
    ca = authority.cert;
    await writeFile(join(directory, "tls.crt"), await readFile(cert));
    await writeFile(join(directory, "tls.key"), await readFile(key));
    await writeFile(join(directory, "tokens"), `"Bearer ${TOKEN}" alice;\n`);
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

  it.each(["Rollout", "Resume", "Cancel", "RollbackAll", "Status", "Plan", "History", "Rollout/send"])(
    "lets %s through by POST, without the token, in the name of its owner",
    async (handler) => {
      const forged = { authorization: `Bearer ${TOKEN}`, "x-started-by": "mallory", "idempotency-key": "k" };
      expect(await call("POST", `${ROLLOUT}/${handler}`, forged)).toBe(200);
      expect(seen).toMatchObject([{ method: "POST", url: `${ROLLOUT}/${handler}` }]);
      expect(seen[0]?.headers).toMatchObject({ "x-started-by": "alice", "idempotency-key": "k" });
      expect(JSON.stringify(seen)).not.toContain(TOKEN);
    },
  );

  it("lets no caller pass a Deploy off as one of a rollout, or as its revert", async () => {
    const forged = {
      authorization: `Bearer ${TOKEN}`,
      [ROLLOUT_ID_HEADER]: "a rollout",
      [WAVE_HEADER]: "1",
      [REVERTS_HEADER]: "ghcr.io/unkeyed/sentinel:v1.2.3",
      [UNRECORDED_HEADER]: "1",
      [GRANT_HEADER]: "1/1/1700000000000",
    };
    for (const path of ["Deploy", "Deploy/send"]) {
      expect(await call("POST", `/hydra.v1.SentinelService/sen_1/${path}`, forged)).toBe(200);
    }
    expect(seen).toHaveLength(2);
    const internal = Object.keys(forged).filter((name) => name !== "authorization");
    for (const { headers } of seen) {
      expect(internal.filter((name) => headers[name] !== undefined)).toEqual([]);
    }
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
