import { expect, it } from "vitest";
import { showOn } from "../../src/live-view/show.ts";
import type { StatusResponse } from "../../src/restate/rollout-schemas.ts";
import { status } from "./status.ts";

/** What is written without a terminal, a line for each of these, but when. */
function written(...seen: StatusResponse[]): string[] {
  const lines: string[] = [];
  const out = { isTTY: false, write: (text: string) => lines.push(text) } as unknown as NodeJS.WriteStream;
  const show = showOn(out);
  for (const each of seen) show(each);
  return lines.map((line) => line.replace(/^\S+ /, "").trimEnd());
}

it("without a terminal the beginning of a soak is a line of its own, and its countdown is none", () => {
  const soaking = (seconds: number) =>
    status({
      phase: "soaking",
      soak_until: new Date(Date.now() + seconds * 1_000).toISOString(),
      in_flight: 0,
    });
  const lines = written(status(), status(), soaking(600), soaking(599), soaking(598));
  expect(lines.filter((line) => line.startsWith("sentinel:v2"))).toEqual([
    expect.stringMatching(/^sentinel:v2 is in progress · .* · 10 in flight$/),
    expect.stringMatching(/^sentinel:v2 is soaking · .* · soaks (10m00s|9m59s) more$/),
  ]);
});

it("without a terminal who breaks is named once, and once more when it has recovered", () => {
  const one = { sentinel_id: "sen_1", since: "2026-01-31T02:01:05.123Z", reason: "OOMKilled" };
  const broken = status({ regressed: 1, regressions: [{ ...one, recovered: false }] });
  const well = status({ regressed: 1, regressions: [{ ...one, recovered: true }] });
  const lines = written(status(), broken, broken, well, well);
  expect(lines.filter((line) => line.includes("sen_1"))).toEqual([
    "↓ sen_1  since 02:01:05: OOMKilled",
    "↑ sen_1  since 02:01:05: OOMKilled (recovered)",
  ]);
});
