import { TerminalError } from "@restatedev/restate-sdk";
import { describe, expect, it } from "vitest";
import type { Direction } from "../../src/domain/drive-state.ts";
import type { DeployReply } from "../../src/restate/deploy-schemas.ts";
import { deployResult } from "../../src/rollout/deploy-result.ts";

const ITEM = { id: "sen_0001", at: "1/1" };

function resultOf(direction: Direction, reply: DeployReply | undefined, error?: TerminalError): unknown {
  return deployResult(ITEM, direction)(reply, error);
}

describe("what a Deploy came to", () => {
  it.each<Direction>(["forward", "rollback"])(
    "is nothing at all where it touched nothing (%s)",
    (direction) => {
      const reason = "its rollout launches nothing more";
      const reply: DeployReply = { status: "failed", reason, left: true, untouched: true };
      expect(resultOf(direction, reply)).toEqual({ ...ITEM, is: "untouched" });
    },
  );

  it.each<[Direction, string, string, string]>([
    ["forward", "succeeded", "failed", "skipped"],
    ["rollback", "reverted", "missed", "gone"],
  ])("is one of three otherwise (%s)", (direction, good, bad, gone) => {
    expect(resultOf(direction, { status: "ready", duration_ms: 7 })).toMatchObject({
      is: good,
      durationMs: 7,
    });
    const runs = { rewritten_to: "mirror:v2" };
    expect(resultOf(direction, { status: "ready", ...runs })).toMatchObject({ rewrittenTo: "mirror:v2" });
    expect(resultOf(direction, { status: "failed", reason: "x", ...runs })).toMatchObject({
      rewrittenTo: "mirror:v2",
    });
    expect(resultOf(direction, { status: "failed", reason: "OOMKilled" })).toMatchObject({
      is: bad,
      why: "OOMKilled",
    });
    expect(resultOf(direction, { status: "failed", reason: "archived", skipped: true })).toMatchObject({
      is: gone,
    });
    const noRow = new TerminalError("no row", { errorCode: 404 });
    expect(resultOf(direction, undefined, noRow)).toMatchObject({ is: gone });
    expect(resultOf(direction, undefined, new TerminalError("killed"))).toMatchObject({ is: bad });
  });
});
