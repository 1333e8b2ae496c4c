import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startStack } from "../../src/local-stack/stack.ts";
import { type BadRequest, GUARDED, oneOfEachKind, VERBS } from "../support/bad-bodies.ts";
import { NEW, ROLLOUT, World } from "../support/world.ts";

const SERVICE = "hydra.v1.SentinelRolloutService";
const SENTINEL = "hydra.v1.SentinelService";
const SENTENCE = /^[A-Z][^\n\r]{9,299}\.$/;

let world: World;
/** Everything that a request may not change, byte for byte. */
let before: string;

// In a paused rollout every verb but Rollout would do something if its request were let through.
beforeAll(async () => {
  world = new World(await startStack({ sentinels: 4, env: { FAIL_FAST_SECONDS: "1" } }));
  await world.fault("sen_0001", "CreateContainerConfigError", NEW);
  const { body } = await world.verb("Rollout", { image: NEW, wave_percentages: [50, 100] });
  expect(body).toMatchObject({ state: "paused", succeeded: 1, failed: 1 });
  await world.quiet();
  before = await everything();
});
afterAll(() => world.close());

async function everything(): Promise<string> {
  const state = await world.sql(
    "SELECT service_name, service_key, key, value_utf8 FROM state ORDER BY service_name, service_key, key",
  );
  const deployments = [...(await world.deployments())].sort(([a], [b]) => a.localeCompare(b));
  const { messages, attempts } = world.stack.slack;
  return JSON.stringify({ state, rows: await world.rows(), deployments, messages, attempts }, null, 1);
}

async function nothingChanged(): Promise<void> {
  await world.quiet();
  expect(await everything()).toBe(before);
}

interface Refused {
  status: number;
  message: string;
}

/** As a script would send it: no client library that tidies the path or the body up. */
function post(
  path: string,
  body: string | Buffer,
  headers: Record<string, string> = JSON_BODY,
): Promise<Refused> {
  const { hostname, port } = new URL(world.stack.ingress);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, method: "POST", headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, message: messageOf(text) }));
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

const JSON_BODY = { "content-type": "application/json" };

function messageOf(text: string): string {
  try {
    return String(JSON.parse(text).message);
  } catch {
    return text;
  }
}

function pathOf(handler: string): string {
  return VERBS.includes(handler) ? `/${ROLLOUT}/${handler}` : `/${SENTINEL}/sen_0002/${handler}`;
}

async function allAreRefused(requests: BadRequest[]): Promise<void> {
  for (const { handler, body, says } of requests) {
    const { status, message } = await post(pathOf(handler), body);
    const what = `${handler} ${body.slice(0, 200)}\n→ ${status} ${message}`;
    expect(status, what).toBe(400);
    expect(message, what).toMatch(SENTENCE);
    for (const said of says) expect(message, what).toContain(said);
  }
}

describe("a bad request", () => {
  // That every one of them is refused is a matter of the schemas: test/restate/body.test.ts.
  it("of each kind gets a sentence that names field, value and expectation, and changes nothing", async () => {
    await allAreRefused(oneOfEachKind());
    await nothingChanged();
  });
});

/** The path of the key, as it is sent, and how the sentence shows it. */
const WRONG_KEYS: [path: string, shown: string][] = [
  ["Singleton", '"Singleton"'],
  ["SINGLETON", '"SINGLETON"'],
  ["singleton%20", '"singleton "'],
  ["%20singleton", '" singleton"'],
  ["singleton%00", '"singleton\\u0000"'],
  ["singleton%2F", '"singleton/"'],
  ["a%2Fb", '"a/b"'],
  ["", '""'],
  ["%22", '"\\""'],
  ["%F0%9F%9A%80", '"🚀"'],
  ["sen_0001", '"sen_0001"'],
  ["..", '".."'],
  ["x".repeat(2_000), `"${"x".repeat(60)}`],
  ["%F0%9F%9A%80".repeat(100), "🚀"],
];

describe("a key but singleton", () => {
  it("is refused by every verb, however it is written", async () => {
    for (const [path, shown] of WRONG_KEYS) {
      for (const verb of VERBS) {
        const body = verb === "Rollout" || verb === "Plan" ? { image: NEW } : {};
        const { status, message } = await post(`/${SERVICE}/${path}/${verb}`, JSON.stringify(body));
        expect(status, `${path} ${verb}: ${message}`).toBe(400);
        expect(message).toMatch(SENTENCE);
        expect(message).toContain("The key must be singleton, got ");
        expect(message).toContain(shown);
        expect(message).not.toContain("\ufffd");
      }
    }
    await nothingChanged();
  });

  it("in other letters by percent is singleton all the same", async () => {
    const { status } = await post(`/${SERVICE}/%73ingleton/Status`, "{}");
    expect(status).toBe(200);
  });
});

describe("a request that is well formed", () => {
  it("and not legal now is a 409 that names the state and what is legal", async () => {
    const { status, message } = await post(`/${ROLLOUT}/Rollout`, JSON.stringify({ image: "x:v1" }));
    expect(status).toBe(409);
    expect(message).toBe(
      "Rollout is not legal while the rollout is paused; legal now: Resume, RetryFailed, Cancel, RollbackAll, Abort.",
    );
    await nothingChanged();
  });

  it("and about another rollout, or another wave, is a 409 that names both", async () => {
    const { rollout_id } = await world.status();
    const other = rollout_id.replace(/^./, (first) => (first === "0" ? "1" : "0"));
    for (const verb of GUARDED) {
      for (const [seen, saw] of [
        [{ rollout_id: other, wave: 1 }, `wave 1 of rollout ${other}; it is wave 1 of rollout ${rollout_id}`],
        [{ rolloutId: other }, `rollout ${other}; it is wave 1 of rollout ${rollout_id}`],
        [{ rollout_id, wave: 2 }, `wave 2 of rollout ${rollout_id}; it is wave 1`],
        [{ wave: 2 }, `wave 2 of rollout ${rollout_id}; it is wave 1`],
      ] as const) {
        const { status, message } = await post(`/${ROLLOUT}/${verb}`, JSON.stringify(seen));
        expect(status, message).toBe(409);
        expect(message).toMatch(SENTENCE);
        expect(message).toContain(`You saw ${saw}. ${verb} changed nothing`);
      }
    }
    await nothingChanged();
  });

  it("for a sentinel that does not exist is a 404 that names it", async () => {
    for (const [path, id] of [
      ["sen_9999", "sen_9999"],
      ["SEN_0001", "SEN_0001"],
      ["sen_0001%20", "sen_0001 "],
      ["sen_000%25", "sen_000%"],
      ["%27%20OR%201%3D1", "' OR 1=1"],
      ["", ""],
    ]) {
      const { status, message } = await post(`/${SENTINEL}/${path}/Deploy`, JSON.stringify({ image: NEW }));
      expect({ status, message }).toEqual({ status: 404, message: `There is no sentinel ${id}.` });
    }
    await nothingChanged();
  });

  it("for a service, a handler or a path that does not exist is a 4xx that says so", async () => {
    for (const path of [
      `/${ROLLOUT}/rollout`,
      `/${ROLLOUT}/Rollback`,
      `/${ROLLOUT}/`,
      `/${SERVICE}`,
      `/${SERVICE}/Resume`,
      `/${SERVICE.toLowerCase()}/singleton/Resume`,
      "/",
    ]) {
      const { status, message } = await post(path, '{"type":"cancel"}');
      expect(status, path).toBeGreaterThanOrEqual(400);
      expect(status, path).toBeLessThan(500);
      expect(message).toMatch(/^[^\n]{9,300}$/);
    }
    await nothingChanged();
  });
});

describe("a body that is", () => {
  it("empty, without a content type, is {}: refused where a field is required", async () => {
    for (const verb of ["Rollout", "Plan"]) {
      const { status, message } = await post(`/${ROLLOUT}/${verb}`, "", {});
      expect({ status, message }).toEqual({
        status: 400,
        message: "The field image is required: it must be a string.",
      });
    }
    expect((await post(`/${ROLLOUT}/Status`, "", {})).status).toBe(200);
    expect((await post(`/${SENTINEL}/sen_0002/NotifyReady`, "", {})).status).toBe(200);
    await nothingChanged();
  });

  it("empty, but called JSON, is refused with words that a person can read", async () => {
    for (const handler of [...VERBS, "Deploy", "NotifyReady"]) {
      const { status, message } = await post(pathOf(handler), "");
      expect(status).toBe(400);
      expect(message).toMatch(/^[^\n]{9,300}$/);
      expect(message).toMatch(/empty|body|content-type/i);
    }
    await nothingChanged();
  });

  it("of another content type is read as JSON all the same, and is checked the same", async () => {
    for (const type of ["application/x-www-form-urlencoded", "text/plain", "application/octet-stream"]) {
      const headers = { "content-type": type };
      const bad = await post(`/${ROLLOUT}/Cancel`, '{"force": true}', headers);
      expect(bad).toEqual({
        status: 400,
        message: 'The field "force" is unknown; expected rollout_id, wave, comment.',
      });
      expect((await post(`/${ROLLOUT}/Status`, "{}", headers)).status).toBe(200);
    }
    await nothingChanged();
  });

  it("no UTF-8, or nested without end, is refused like any other", async () => {
    const deep = (times: number) => "[".repeat(times) + "]".repeat(times);
    const notUtf8 = Buffer.concat([
      Buffer.from('{"image":"x'),
      Buffer.from([0xff, 0xfe, 0xc3]),
      Buffer.from(':v1"}'),
    ]);
    for (const body of [
      notUtf8,
      deep(100_000),
      `{"image":${deep(100_000)}}`,
      `{"image":"x:v1","wave_percentages":${deep(100_000)}}`,
      `{"${"a".repeat(100_000)}":1}`,
      JSON.stringify(Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`field${i}`, i]))),
      JSON.stringify({ image: "x:v1", wave_percentages: Array.from({ length: 100_000 }, (_, i) => i) }),
    ]) {
      const { status, message } = await post(`/${ROLLOUT}/Rollout`, body);
      expect(status, `${body.slice(0, 40)}: ${message}`).toBe(400);
      expect(message).toMatch(SENTENCE);
    }
    await nothingChanged();
  });

  it("of 12 MB is refused with words that a person can read, and the service stays up", async () => {
    for (const handler of ["Rollout", "Cancel", "Deploy"]) {
      const { status, message } = await post(
        pathOf(handler),
        JSON.stringify({ image: "x".repeat(12_000_000) }),
      );
      expect(status, message).toBeGreaterThanOrEqual(400);
      expect(status, message).toBeLessThan(500);
      expect(message).toMatch(/^[^\n]{9,300}$/);
    }
    expect((await world.status()).state).toBe("paused");
    expect((await fetch(`${world.stack.health}/readyz`)).status).toBe(200);
    await nothingChanged();
  });
});
