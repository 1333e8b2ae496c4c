import { readFileSync } from "node:fs";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { find } from "../../src/local-stack/mysql-binaries.ts";
import { pathOf } from "./imports.ts";

const RULES = pathOf("deploy/monitoring/alerts.yaml");
const TESTS = pathOf("deploy/monitoring/alerts.test.yaml");
const promtool = find("promtool");

interface Rule {
  alert: string;
}
interface Case {
  alert_rule_test: { alertname: string; exp_alerts: unknown[] }[];
}

const rules: Rule[] = parse(readFileSync(RULES, "utf8")).groups.flatMap(
  ({ rules }: { rules: Rule[] }) => rules,
);
const cases: Case[] = parse(readFileSync(TESTS, "utf8")).tests;

describe("deploy/monitoring/alerts.yaml", () => {
  it.each(rules.map(({ alert }) => alert))(
    "%s has a case in which it fires, and one in which it does not",
    (alert) => {
      const known = cases.flatMap(({ alert_rule_test }) => alert_rule_test);
      const fires = known
        .filter(({ alertname }) => alertname === alert)
        .map((each) => each.exp_alerts.length > 0);
      expect(new Set(fires)).toEqual(new Set([true, false]));
    },
  );

  it("has a row for each alert in docs/monitoring.md, and no other", () => {
    const documented =
      readFileSync(pathOf("docs/monitoring.md"), "utf8").match(/^\| `SentinelRollout\w+` \|/gm) ?? [];
    expect(documented.map((row) => row.slice(3, -3))).toEqual(rules.map(({ alert }) => alert));
  });

  it("is valid, and every case holds, in Prometheus' own words", async () => {
    if (promtool === undefined) throw new Error("promtool is not on the PATH: npm run test:all brings it");
    expect((await execa(promtool, ["check", "rules", RULES])).stdout).toContain("SUCCESS");
    expect((await execa(promtool, ["test", "rules", TESTS])).stdout).toContain("SUCCESS");
  });
});
