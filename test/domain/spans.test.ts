import { describe, expect, it } from "vitest";
import { clock, duration, span } from "../../src/domain/spans.ts";

const MINUTE = 60_000;

describe("durations", () => {
  it.each([
    [0, "0s"],
    [-5, "0s"],
    [499, "0s"],
    [8_000, "8s"],
    [59_499, "59s"],
    [59_500, "1m00s"],
    [125_000, "2m05s"],
    [59 * MINUTE + 59_499, "59m59s"],
    [60 * MINUTE, "1h00m"],
    [92 * MINUTE, "1h32m"],
    [92 * MINUTE + 59_000, "1h32m"],
    [30 * 60 * MINUTE, "30h00m"],
  ])("of %i ms read %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});

describe("a span", () => {
  it.each([
    [0, "0 s"],
    [-5, "0 s"],
    [1, "1 s"],
    [45_000, "45 s"],
    [10 * MINUTE, "10 min"],
    [4 * MINUTE + 12_000, "4 min 12 s"],
    [90 * MINUTE, "1 h 30 min"],
    [24 * 60 * MINUTE, "24 h"],
  ])("of %i ms reads %s", (ms, text) => {
    expect(span(ms)).toBe(text);
  });
});

it.each([
  ["2026-01-31T13:20:59.999Z", "13:20 UTC"],
  ["2026-01-31T00:00:00.000Z", "00:00 UTC"],
  ["2026-12-31T23:59:59.999Z", "23:59 UTC"],
])("the clock at %s reads %s", (iso, text) => {
  expect(clock(Date.parse(iso))).toBe(text);
});
