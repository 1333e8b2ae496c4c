import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createLimiter, type Limiter, SLOTS } from "../../src/kubernetes/limiter.ts";

let limiter: Limiter;
let pauses: number[];
/** What has begun, in order; each goes on until it is ended. */
let begun: { name: string; end: () => void }[];

beforeEach(() => {
  vi.useFakeTimers();
  pauses = [];
  begun = [];
  limiter = createLimiter("east", (ms) => pauses.push(ms));
});
afterEach(() => {
  limiter.close();
  vi.useRealTimers();
});

function ask(
  name: string,
  traffic: "requests" | "feeds" = "requests",
  signal?: AbortSignal,
): Promise<string> {
  const answer = limiter.run(
    traffic,
    () => new Promise<string>((resolve) => begun.push({ name, end: () => resolve(name) })),
    signal,
  );
  // A test that does not look at an answer does not care how it ends.
  answer.catch(() => undefined);
  return answer;
}

const names = () => begun.map(({ name }) => name);
const numbered = (count: number) => Array.from({ length: count }, (_, i) => `r${i}`);
const settle = () => vi.advanceTimersByTimeAsync(0);

async function end(name: string): Promise<void> {
  begun.find((each) => each.name === name)?.end();
  await settle();
}

describe("requests", () => {
  it("begin in the order in which they were asked for, so many at a time", async () => {
    const asked = numbered(SLOTS.requests + 2);
    for (const name of asked) void ask(name);
    await settle();
    expect(names()).toEqual(asked.slice(0, SLOTS.requests));
    await end("r3");
    expect(names()).toEqual(asked.slice(0, SLOTS.requests + 1));
    await end("r0");
    expect(names()).toEqual(asked);
  });

  it("that fail leave their slot to others", async () => {
    const failing = numbered(SLOTS.requests).map(() =>
      limiter.run("requests", () => Promise.reject(new Error("reset"))),
    );
    const results = Promise.allSettled(failing);
    const next = ask("next");
    await settle();
    await end("next");
    expect(await next).toBe("next");
    expect((await results).every(({ status }) => status === "rejected")).toBe(true);
  });

  it("do not hold up the watcher's, nor it them", async () => {
    for (const name of numbered(SLOTS.requests + 1)) void ask(name);
    void ask("deployments", "feeds");
    void ask("pods", "feeds");
    await settle();
    expect(names().slice(-2)).toEqual(["deployments", "pods"]);
    expect(names()).not.toContain(`r${SLOTS.requests}`);
  });

  it("whose turn does not come in time are told so; those that have begun may take their time", async () => {
    for (const name of numbered(SLOTS.requests)) void ask(name);
    const late = expect(ask("late")).rejects.toMatchObject({
      name: "TransientKubernetesError",
      clusterWide: true,
      message: "cluster east is busy or does not answer: the request was not sent",
      retryAfterMs: undefined,
    });
    await vi.advanceTimersByTimeAsync(10_000);
    await late;
    await end("r0");
    expect(names()).not.toContain("late");
    await vi.advanceTimersByTimeAsync(60_000);
    const first = ask("first");
    await settle();
    await end("first");
    expect(await first).toBe("first");
  });

  it("can be given up while they wait, by their caller and by the end of everything", async () => {
    const caller = new AbortController();
    for (const name of numbered(SLOTS.requests)) void ask(name);
    const given = expect(ask("given up", "requests", caller.signal)).rejects.toThrow("enough");
    const waiting = expect(ask("waiting")).rejects.toThrow("the service stops");
    caller.abort(new Error("enough"));
    await given;
    limiter.close();
    await waiting;
    await end("r0");
    expect(names()).toEqual(numbered(SLOTS.requests));
  });
});

describe("a pause", () => {
  it("holds back everything for as long as asked, and a little longer", async () => {
    limiter.pause(3_000);
    for (const name of ["a", "b"]) void ask(name);
    void ask("pods", "feeds");
    await vi.advanceTimersByTimeAsync(2_999);
    expect(names()).toEqual([]);
    await vi.advanceTimersByTimeAsync(602);
    expect(names()).toEqual(["a", "pods"]);
    expect(pauses).toHaveLength(1);
    expect(pauses[0]).toBeGreaterThanOrEqual(3_000);
    expect(pauses[0]).toBeLessThanOrEqual(3_600);
  });

  it("is a second where the API server does not say", async () => {
    limiter.pause();
    void ask("a");
    await vi.advanceTimersByTimeAsync(999);
    expect(names()).toEqual([]);
    await vi.advanceTimersByTimeAsync(202);
    expect(names()).toEqual(["a"]);
  });

  it("is followed by one request at a time, and by one more for each that succeeds", async () => {
    limiter.pause(1_000);
    for (const name of numbered(20)) void ask(name);
    await vi.advanceTimersByTimeAsync(1_200);
    expect(names()).toHaveLength(1);
    await end("r0");
    expect(names()).toHaveLength(3);
    await end("r1");
    expect(names()).toHaveLength(5);
    limiter.pause(1_000);
    for (const { end } of begun) end();
    await vi.advanceTimersByTimeAsync(1_200);
    expect(names()).toHaveLength(6);
    expect(pauses).toHaveLength(1);
  });

  it("that was asked for again lasts until the later end", async () => {
    limiter.pause(5_000);
    limiter.pause(1_000);
    void ask("a");
    await vi.advanceTimersByTimeAsync(4_999);
    expect(names()).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_002);
    expect(names()).toEqual(["a"]);
  });

  it("that is too long to wait for is handed on to the caller", async () => {
    limiter.pause(60_000);
    const refused = await ask("a").catch((error: unknown) => error);
    expect(refused).toMatchObject({
      name: "TransientKubernetesError",
      message: "cluster east asked for a pause: the request was not sent",
    });
    expect((refused as { retryAfterMs: number }).retryAfterMs).toBeGreaterThanOrEqual(60_000);
  });
});
