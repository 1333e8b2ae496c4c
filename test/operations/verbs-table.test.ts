import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { isLegal, type LEGAL } from "../../src/domain/legality.ts";
import type { Operation } from "../../src/domain/state.ts";
import { PAGE, verbsTable, withTable } from "../docs/verbs-table.ts";

it("the table of states and verbs is what the code does", () => {
  const page = readFileSync(PAGE, "utf8");
  expect(page).toBe(withTable(page));
});

it("and a verb is refused where it is not legal, and only there", () => {
  const [head = "", , ...rows] = verbsTable().trimEnd().split("\n");
  const cells = (row: string) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.replaceAll("`", "").trim());
  const states = cells(head).slice(1) as (keyof typeof LEGAL)[];
  for (const [verb = "", ...results] of rows.map(cells)) {
    const legal = states.filter((_, i) => results[i] !== "409");
    expect({ verb, legal }).toEqual({
      verb,
      legal: states.filter((state) => isLegal(verb as Operation, state)),
    });
  }
});
