import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createDrain } from "../../src/endpoint/drain.ts";

const QUIET_MS = 500;
const GRACE_MS = 5_000;
const MOMENT_MS = 1;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function setUp() {
  const drain = createDrain(QUIET_MS);
  const { interceptor } = drain.hook({ request: {} as never });
  const step = () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    return { ran: interceptor?.run?.("a step", () => promise), resolve, reject };
  };
  const isQuiet = vi.fn();
  const begin = () => void drain.quiet(GRACE_MS).then(isQuiet);
  return { drain, step, begin, isQuiet };
}

describe("a stop waits", () => {
  it("for what the last steps found to be told, where none runs", async () => {
    const { drain, begin, isQuiet } = setUp();
    expect(drain.draining).toBe(false);
    begin();
    expect(drain.draining).toBe(true);
    await vi.advanceTimersByTimeAsync(QUIET_MS - MOMENT_MS);
    expect(isQuiet).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(MOMENT_MS);
    expect(isQuiet).toHaveBeenCalledOnce();
  });

  it("for every step that runs, and for the next one of the same attempt", async () => {
    const { step, begin, isQuiet } = setUp();
    const [patch, write] = [step(), step()];
    begin();
    await vi.advanceTimersByTimeAsync(2 * QUIET_MS);
    patch.resolve();
    await vi.advanceTimersByTimeAsync(2 * QUIET_MS);
    write.resolve();
    await vi.advanceTimersByTimeAsync(QUIET_MS - MOMENT_MS);
    const look = step();
    await vi.advanceTimersByTimeAsync(2 * QUIET_MS);
    expect(isQuiet).not.toHaveBeenCalled();
    look.resolve();
    await vi.advanceTimersByTimeAsync(QUIET_MS);
    expect(isQuiet).toHaveBeenCalledOnce();
  });

  it("not for a step that has failed, whose failure is the handler's", async () => {
    const { step, begin, isQuiet } = setUp();
    const { ran, reject } = step();
    begin();
    reject(new Error("refused"));
    await expect(ran).rejects.toThrow("refused");
    await vi.advanceTimersByTimeAsync(QUIET_MS);
    expect(isQuiet).toHaveBeenCalledOnce();
  });

  it("no longer than it may", async () => {
    const { step, begin, isQuiet } = setUp();
    step();
    begin();
    await vi.advanceTimersByTimeAsync(GRACE_MS - MOMENT_MS);
    expect(isQuiet).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(MOMENT_MS);
    expect(isQuiet).toHaveBeenCalledOnce();
  });
});
