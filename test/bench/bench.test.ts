import { execa } from "execa";
import { expect, it } from "vitest";

interface Result {
  cases: { case: string; value: number; unit: string; runs: number[]; must: number; aim: number }[];
}

/** Those that differ in how they measure, one stack each; `peer` needs kubectl. */
const CASES = ["overhead", "huge", "latency", "cancel", "places", "api cost", "state", "plan"];
const LINES = [
  "overhead",
  ...["huge", "huge memory", "huge status", "huge value", "huge head", "huge journal", "huge restart"],
  "latency",
  ...["cancel", "cancel fence", "cancel calm"],
  "places",
  ...["api cost", "api cost sql"],
  ...["state", "state written"],
  ...["plan", "plan rollout"],
];

it("the benchmarks run, and tell their results as one JSON object", { timeout: 300_000 }, async () => {
  const arguments_ = ["bench/cli.ts", "--size", "small", "--json", "--case", CASES.join(",")];
  const { stdout } = await execa(process.execPath, arguments_);
  const { cases } = JSON.parse(stdout) as Result;
  expect(cases.map((each) => each.case)).toEqual(LINES);
  for (const each of cases) {
    expect(Object.keys(each)).toEqual(["case", "value", "unit", "runs", "must", "aim"]);
    // Nothing is launched after a Cancel that answered at a quiet moment.
    if (each.case === "cancel fence") expect(each.value).toBeGreaterThanOrEqual(0);
    else expect(each.value).toBeGreaterThan(0);
    expect(each.runs).toHaveLength(1);
  }
});
