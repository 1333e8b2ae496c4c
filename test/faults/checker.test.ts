import { describe, expect, it } from "vitest";
import { INVARIANTS, violationsIn } from "./checker/sight.ts";
import { unrest } from "./checker/unrest.ts";
import { DOCTORED } from "./doctored/cases.ts";
import { neverBegun, paused, rolledBack, SECRET, type Told } from "./doctored/told-rollout.ts";

/** What the checker says of it, as it would of what four systems say. */
async function violations(evidence: Told): Promise<string[]> {
  const { sight, history, tables, logs } = evidence;
  const sources = {
    sql: async <R>(query: string) => {
      const table = Object.keys(tables).find((name) => query.includes(`FROM ${name}`));
      return tables[table as keyof typeof tables] as R[];
    },
    rows: async () => sight.after.rows,
    deployments: async () => sight.after.deployments,
    history: async () => history,
    logs: () => logs,
  };
  const secrets = { password: SECRET };
  return [
    ...(await unrest(sources, false)),
    ...(await violationsIn(sight, sources, { secrets, verbs: sight.verbs, logFiles: ["service.log"] })),
  ];
}

describe("the checker", () => {
  it("has nothing to say of a rollout that is as it should be", async () => {
    expect(await violations(paused())).toEqual([]);
    expect(await violations(rolledBack())).toEqual([]);
    expect(await violations(neverBegun())).toEqual([]);
  });

  it("is tried with each invariant", () => expect(Object.keys(DOCTORED)).toHaveLength(INVARIANTS + 1));

  const all = Object.entries(DOCTORED).flatMap(([invariant, cases]) =>
    cases.map(([what, doctor, of = paused]) => [invariant, what, doctor, of] as const),
  );
  it.each(all)("%s: %s is reported, and nothing else is", async (invariant, _, doctor, of) => {
    const evidence = of();
    doctor(evidence);
    const found = await violations(evidence);
    expect(found).not.toEqual([]);
    expect(found.filter((each) => !each.startsWith(`${invariant}: `))).toEqual([]);
  });
});
