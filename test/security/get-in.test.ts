import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../src/local-stack/leftovers.ts";
import { startStack } from "../../src/local-stack/stack.ts";
import { NEW, ROLLOUT, World } from "../support/world.ts";
import { largeBody, upload } from "./bodies.ts";
import { askEndpoint } from "./endpoint.ts";
import { createIdentity, fresh } from "./identity.ts";

const CANARY = "canary-token-4f1d";
const INVOKE = "/invoke/hydra.v1.SentinelRolloutService/Cancel";
const PROTOCOL = { "content-type": "application/vnd.restate.invocation.v5" };

const identity = createIdentity();
let world: World;
let keys: Awaited<ReturnType<typeof temporaryDirectory>>;
/** Everything that nobody who has not got in may change. */
let before: string;

// A real restate-server signs, and the service takes what is signed and nothing else.
beforeAll(async () => {
  keys = await temporaryDirectory();
  const pem = join(keys.path, "identity.pem");
  await writeFile(pem, identity.privateKeyPem, { mode: 0o600 });
  world = new World(
    await startStack({
      sentinels: 3,
      env: { RESTATE_IDENTITY_KEYS: identity.publicKey, RESTATE_TOKEN: CANARY },
      restate: { env: { RESTATE_REQUEST_IDENTITY_PRIVATE_KEY_PEM_FILE: pem } },
    }),
  );
  const { body } = await world.verb("Rollout", { image: NEW, wave_percentages: [50, 100] });
  expect(body).toMatchObject({ state: "completed", succeeded: 3 });
  await world.quiet();
  before = await everything();
});
afterAll(async () => {
  await world.close();
  await keys.remove();
});

async function everything(): Promise<string> {
  const state = await world.sql(
    "SELECT service_name, service_key, key, value_utf8 FROM state ORDER BY 1, 2, 3",
  );
  const images = [...(await world.images())].sort();
  return JSON.stringify([state, await world.rows(), images, world.stack.slack.attempts]);
}

async function nothingChanged(): Promise<void> {
  await world.quiet();
  expect(await everything()).toBe(before);
}

describe("with RESTATE_IDENTITY_KEYS the endpoint", () => {
  const now = () => Math.floor(Date.now() / 1_000);
  const other = createIdentity();
  const tampered = (headers: Record<string, string>): Record<string, string> => {
    const [head = "", claims = "", signature = ""] = (headers["x-restate-jwt-v1"] ?? "").split(".");
    const more = { ...JSON.parse(Buffer.from(claims, "base64url").toString()), exp: now() + 9_999 };
    const forged = Buffer.from(JSON.stringify(more)).toString("base64url");
    return { ...headers, "x-restate-jwt-v1": `${head}.${forged}.${signature}` };
  };
  const refused: [what: string, headers: () => Record<string, string>][] = [
    ["no signature", () => ({})],
    ["the scheme unsigned", () => ({ "x-restate-signature-scheme": "unsigned" })],
    ["an unknown scheme", () => ({ ...identity.signed(fresh(INVOKE)), "x-restate-signature-scheme": "v2" })],
    ["a scheme without a token", () => ({ "x-restate-signature-scheme": "v1" })],
    ["a token that is none", () => ({ "x-restate-signature-scheme": "v1", "x-restate-jwt-v1": "a.b.c" })],
    ["another key", () => other.signed(fresh(INVOKE))],
    ["another key under our name", () => other.signed(fresh(INVOKE), { kid: identity.publicKey })],
    ["the algorithm none", () => identity.signed(fresh(INVOKE), { alg: "none" })],
    [
      "an algorithm that takes the public key for a password",
      () => identity.signed(fresh(INVOKE), { alg: "HS256" }),
    ],
    [
      "a token that has run out",
      () => identity.signed({ aud: INVOKE, nbf: now() - 7_200, exp: now() - 3_600 }),
    ],
    ["a token of the future", () => identity.signed({ aud: INVOKE, nbf: now() + 3_600, exp: now() + 7_200 })],
    ["a token that was changed", () => tampered(identity.signed(fresh(INVOKE)))],
  ];

  it.each(refused)("refuses %s", async (_, headers) => {
    const answer = await askEndpoint(world.stack.endpoint, INVOKE, { ...PROTOCOL, ...headers() });
    expect(answer).toEqual({ status: 401, text: '{"message":"Unauthorized"}' });
  });

  it("does not even say which handlers there are, and decodes nothing", async () => {
    for (const path of ["/discover", "/serdes/hydra.v1.SentinelService/decode/x", "/invoke/a/b"]) {
      const { status, text } = await askEndpoint(world.stack.endpoint, path, {}, [], "GET");
      expect({ path, status, text }).toEqual({ path, status: 401, text: '{"message":"Unauthorized"}' });
    }
  });

  it("takes what restate-server signed, and nothing has changed but by that", async () => {
    const answer = await askEndpoint(
      world.stack.endpoint,
      "/discover",
      { ...identity.signed(fresh("/discover")), accept: "application/vnd.restate.endpointmanifest.v4+json" },
      [],
      "GET",
    );
    expect(answer.status).toBe(200);
    expect((await world.verb("Status")).status).toBe(200);
    await nothingChanged();
  });
});

it("handlers that are nobody's business are refused by the ingress, however they are called", async () => {
  const hidden = [
    ...["Change", "Lane", "Launches", "LeftBehind", "Load", "Transition", "Watch"].map(
      (name) => `${ROLLOUT}/${name}`,
    ),
    "hydra.v1.SentinelService/sen_0001/Settle",
    "hydra.v1.SentinelService/sen_0001/Heal",
    "hydra.v1.SentinelRolloutHistory/an-id/Record",
    "hydra.v1.SentinelRolloutNotifier/slack/Deliver",
    "hydra.v1.SentinelRolloutNotifier/another/Deliver",
  ];
  for (const path of hidden) {
    for (const how of ["", "/send"]) {
      for (const method of ["POST", "GET"]) {
        const body = method === "GET" ? {} : { body: '{"type":"cancel"}' };
        const headers = { "content-type": "application/json", "x-restate-ingress": "private" };
        const response = await fetch(`${world.stack.ingress}/${path}${how}`, { method, headers, ...body });
        const text = await response.text();
        expect(response.status, `${method} ${path}${how}: ${text}`).toBe(400);
        expect(text).toContain("not public");
      }
    }
  }
  await nothingChanged();
});

describe("a body of 100 MB", () => {
  const residentMb = async () => {
    const status = await readFile(`/proc/${world.stack.service.process.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024;
  };

  it.each(["Rollout", "Cancel"])("to the ingress (%s) is a 4xx that a person can read", async (verb) => {
    const { status, text } = await upload(world.stack.ingress, `/${ROLLOUT}/${verb}`, 100);
    expect(status, text).toBeGreaterThanOrEqual(400);
    expect(status, text).toBeLessThan(500);
    expect(text).toMatch(/^[^\n]{9,300}$/);
    await nothingChanged();
  });

  it("to the endpoint is refused unread, again and again, in the same memory", async () => {
    const refuse = async (bodies: number) => {
      for (let i = 0; i < bodies; i++) {
        const { status } = await askEndpoint(world.stack.endpoint, INVOKE, PROTOCOL, largeBody(100));
        expect(status).toBe(401);
      }
    };
    // The very first one makes room for what is on its way (about 80 MB until V8 collects it); that room is used again.
    await refuse(5);
    const before = await residentMb();
    await refuse(10);
    expect((await residentMb()) - before).toBeLessThan(100);
    await nothingChanged();
  });

  it("to the health port is refused, and the probes still answer", async () => {
    const { status } = await upload(world.stack.health, "/readyz", 100);
    expect(status).toBe(405);
    expect((await fetch(`${world.stack.health}/readyz`)).status).toBe(200);
  });
});

describe("the health port", () => {
  it("reveals no password, no address, no webhook and no token", async () => {
    const { stack } = world;
    const [database, webhook] = [new URL(stack.databaseUrl), new URL(stack.slack.webhookUrl)];
    const addresses = [database, webhook, new URL(stack.ingress), new URL(stack.admin)].map(
      ({ host }) => host,
    );
    const secrets = [CANARY, identity.publicKey, webhook.pathname, stack.kubeconfig, ...addresses];
    if (database.password !== "") secrets.push(database.password);
    for (const path of ["/healthz", "/readyz", "/metrics", "/", "/metrics?debug=1", "/readyz/..%2f"]) {
      for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
        const response = await fetch(`${world.stack.health}${path}`, { method });
        const text = `${JSON.stringify([...response.headers])}\n${await response.text()}`;
        for (const secret of secrets) expect(text, `${method} ${path}`).not.toContain(secret);
        if (method !== "GET" && method !== "HEAD") expect(response.status).toBe(405);
      }
    }
  });

  it("has nothing but its three pages", async () => {
    for (const path of [
      "/",
      "/health",
      "/env",
      "/debug/pprof",
      "/..",
      "/%2e%2e/package.json",
      "//metrics",
      "/metrics/",
    ]) {
      expect((await fetch(`${world.stack.health}${path}`)).status, path).toBe(404);
    }
  });
});

it("nothing of all that is in the log but one line each, with no secret", async () => {
  const lines = (await readFile(world.stack.service.logFile, "utf8"))
    .split("\n")
    .filter((line) => line !== "");
  for (const line of lines) expect(() => JSON.parse(line), line).not.toThrow();
  const { password } = new URL(world.stack.databaseUrl);
  for (const secret of [CANARY, password, new URL(world.stack.slack.webhookUrl).pathname]) {
    expect(lines.join("\n")).not.toContain(secret);
  }
});
