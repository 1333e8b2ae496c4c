/**
 * Loaded into the service's process before its own code (`node --import`), by this suite alone: kills the process at a
 * chosen step of a handler, as `kill -9` would. Which one is written in a file, so that it can be chosen while the
 * process runs, and fires once over all restarts and replicas.
 */
import { createHash } from "node:crypto";
import { appendFileSync, readFileSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** Written by `failpoints.ts`. */
type Order = Armed | { each: "both" | number };

/** Dies once. */
interface Armed {
  /** Tells this order from the one before. */
  id: string;
  /** `before` or `after`, and a point like `Deploy/run read the sentinel's row`, or `*` for any. */
  at: string[];
  /** Lets so many pass first. */
  skip: number;
}

type Method = (this: Context, ...args: unknown[]) => unknown;
interface Context {
  isProcessing(): boolean;
  request(): { target: { handler: string } };
}

const directory = process.env.FAILPOINTS ?? "";
const armedFile = join(directory, "armed");
const seen = new Set<string>();
let present = "";
let passed = 0;

/** Makes this another build of the service: its steps have other names, so it cannot replay the first one's journals. */
const build = process.env.ANOTHER_BUILD;

/** A command that was issued reaches the server within so long (ms), and what it asks for has begun there. */
const UNDER_WAY_MS = 3;

function dieIfArmed(point: string, side: "before" | "after"): void {
  const armed = read();
  if (armed === undefined) return;
  if ("each" in armed) dieOnceAtEach(armed.each, point, side);
  else dieOnce(armed, point, side);
}

function dieOnce(armed: Armed, point: string, side: "before" | "after"): void {
  if (!armed.at.includes(`${side} ${point}`) && !armed.at.includes(`${side} *`)) return;
  if (armed.id !== present) {
    present = armed.id;
    passed = 0;
  }
  if (passed++ < armed.skip) return;
  try {
    unlinkSync(armedFile);
  } catch {
    return; // Another replica was faster.
  }
  die(`${side} ${point}`);
}

/** Steps with a name of their own: what is between them reaches the server together with one of them. */
const NAMED = /^\w+\/(run|call|send|sleep) ./;

/** @param sides a seed: at a quarter of the steps, before or after, as it says */
function dieOnceAtEach(sides: "both" | number, point: string, side: "before" | "after"): void {
  if (!NAMED.test(point)) return;
  if (sides !== "both" && digest(`${sides} ${point}`) % 8 !== (side === "before" ? 0 : 1)) return;
  const here = `${side} ${point}`;
  if (!readFileSync(join(directory, "fired"), "utf8").split("\n").includes(here)) die(here);
}

function digest(text: string): number {
  return createHash("sha256").update(text).digest().readUInt32LE();
}

function die(here: string): void {
  appendFileSync(join(directory, "fired"), `${here}\n`);
  process.kill(process.pid, "SIGKILL");
}

function read(): Order | undefined {
  try {
    return JSON.parse(readFileSync(armedFile, "utf8")) as Order;
  } catch {
    return undefined;
  }
}

/** One name for a step of all sentinels, waves and counts. */
function pointOf(context: Context, kind: string, name: string): string {
  const point = `${context.request().target.handler}/${kind} ${name.replaceAll(/\d+/g, "#")}`;
  if (!seen.has(point)) {
    seen.add(point);
    appendFileSync(join(directory, "seen"), `${point}\n`);
  }
  return point;
}

const sdk = import.meta.resolve("@restatedev/restate-sdk");
const { ContextImpl } = (await import(new URL("./context_impl.js", sdk).href)) as {
  ContextImpl: { prototype: Record<string, Method> };
};

function wrap(method: string, around: (original: Method) => Method): void {
  const original = ContextImpl.prototype[method];
  if (original === undefined) throw new Error(`the SDK's context has no ${method} any more`);
  ContextImpl.prototype[method] = around(original);
}

/** The effect is what the closure does; a replayed one does nothing. */
wrap(
  "run",
  (original) =>
    function (...args) {
      // ctx.date.now() is a run without a name.
      const at = args.findIndex((arg) => typeof arg === "function");
      const name = typeof args[0] === "string" ? args[0] : "";
      const point = pointOf(this, "run", name);
      if (name !== "" && build !== undefined) args[0] = `${name} (${build})`;
      const action = args[at] as () => unknown;
      args[at] = async () => {
        dieIfArmed(point, "before");
        const result = await action();
        dieIfArmed(point, "after");
        return result;
      };
      return original.apply(this, args);
    },
);

/** The effect is in the server, a moment after the command was issued. */
function wrapCommand(method: string, nameOf: (args: unknown[]) => string, kind = method): void {
  wrap(
    method,
    (original) =>
      function (...args) {
        const isNew = this.isProcessing();
        const point = pointOf(this, kind, nameOf(args));
        if (isNew) dieIfArmed(point, "before");
        const result = original.apply(this, args);
        if (isNew) void delay(UNDER_WAY_MS).then(() => dieIfArmed(point, "after"));
        return result;
      },
  );
}

const callName = ([call]: unknown[]) => {
  const { name, method } = call as { name?: string; method: string };
  return name ?? method;
};
wrapCommand("genericCall", callName, "call");
wrapCommand("genericSend", callName, "send");
wrapCommand("sleep", ([, name]) => String(name ?? ""));
wrapCommand("set", ([key]) => String(key));
wrapCommand("clear", ([key]) => String(key));
wrapCommand("awakeable", () => "");
wrapCommand("resolveAwakeable", () => "");
