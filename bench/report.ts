import { bound, type Measurement, reached } from "./case.ts";
import { median, rounded } from "./numbers.ts";

/** One object with all values, and nothing else. */
export function asJson(measurements: readonly Measurement[]): string {
  const cases = measurements.map(({ case: name, runs, unit, must, aim }) => ({
    case: name,
    value: rounded(median(runs)),
    unit,
    runs: runs.map(rounded),
    must: bound(must),
    aim: bound(aim),
  }));
  return `${JSON.stringify({ cases })}\n`;
}

/** For a person. */
export function asTable(measurements: readonly Measurement[]): string {
  const lines = measurements.map((each) => {
    const value = median(each.runs);
    const sign = "atMost" in each.must ? "≤" : "≥";
    const verdict = reached(value, each.aim) ? "aim" : reached(value, each.must) ? "must" : "missed";
    return [
      each.case,
      `${rounded(value)} ${each.unit}`,
      `${sign} ${bound(each.must)}`,
      `${sign} ${bound(each.aim)}`,
      verdict,
      each.note,
    ];
  });
  const table = [["case", "median", "must", "aim", "reached", ""], ...lines];
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((line) => line[column]?.length ?? 0)),
  );
  return table
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}
