import { execa } from "execa";
import { expect, it } from "vitest";

interface Result {
  cases: { case: string; value: number; unit: string; runs: number[]; must: number; aim: number }[];
}

/** Those that differ in how they measure, one stack each; `peer` needs kubectl. */
const CASES = ["overhead", "latency", "api cost", "state", "plan"];

it("the benchmarks run, and tell their results as one JSON object", { timeout: 240_000 }, async () => {
  const arguments_ = ["bench/cli.ts", "--size", "small", "--json", "--case", CASES.join(",")];
  const { stdout } = await execa(process.execPath, arguments_);
  const { cases } = JSON.parse(stdout) as Result;
  const names = cases.map((each) => each.case);
  expect(names).toEqual([...CASES.slice(0, 3), "api cost sql", "state", "plan", "plan rollout"]);
  for (const each of cases) {
    expect(Object.keys(each)).toEqual(["case", "value", "unit", "runs", "must", "aim"]);
    expect(each.value).toBeGreaterThan(0);
    expect(each.runs).toHaveLength(1);
  }
});
