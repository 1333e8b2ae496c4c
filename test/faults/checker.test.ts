import { describe, expect, it } from "vitest";
import { DRIVES } from "../support/rollout-state.ts";
import { DEPLOYS } from "./checker/deploys.ts";
import { JOURNALS } from "./checker/journals.ts";
import { isCutOf } from "./checker/reasons.ts";
import { INVARIANTS, violationsIn } from "./checker/sight.ts";
import { LEFT, UNDER_WAY, unrest } from "./checker/unrest.ts";
import { DOCTORED } from "./doctored/cases.ts";
import {
  aborted,
  abortedAltogether,
  cameUpLate,
  cancelled,
  deploysAt,
  entryOf,
  hotfixed,
  LAUNCHED_MS,
  limited,
  message,
  neverBegun,
  overBudget,
  patchOf,
  paused,
  pausedByOperator,
  puts,
  recount,
  retried,
  rolledBack,
  rolledBackTogether,
  SECRET,
  settled,
  sightOf,
  soaked,
  type Told,
  verb,
} from "./doctored/told-rollout.ts";

/** What the checker says of it, as it would of what four systems say. */
async function violations(evidence: Told): Promise<string[]> {
  const { history, actions, tables, logs } = evidence;
  const sight = sightOf(evidence);
  const answers: Record<string, readonly object[]> = {
    [UNDER_WAY]: tables.underWay,
    [LEFT]: tables.left,
    [DRIVES]: sight.stored.filter(({ key }) => key === "drive" || key.startsWith("lane/")),
    [DEPLOYS]: tables.deploys,
    [JOURNALS]: tables.journals,
    "SELECT * FROM sys_invocation": tables.sys_invocation,
    "SELECT * FROM state": tables.state,
    "SELECT * FROM sys_journal": tables.sys_journal,
  };
  const sources = {
    sql: async <R>(query: string) => {
      const rows = answers[query];
      if (rows === undefined) throw new Error(`nobody knows what to answer to ${query}`);
      return rows as R[];
    },
    rows: async () => sight.after.rows,
    deployments: async () => sight.after.deployments,
    history: async () => history,
    actions: async () => actions,
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
    expect(await violations(cancelled())).toEqual([]);
    expect(await violations(settled())).toEqual([]);
    expect(await violations(rolledBack(settled))).toEqual([]);
    expect(await violations(rolledBack())).toEqual([]);
    expect(await violations(rolledBack(cancelled))).toEqual([]);
    expect(await violations(neverBegun())).toEqual([]);
    expect(await violations(rolledBackTogether())).toEqual([]);
    expect(await violations(hotfixed())).toEqual([]);
    expect(await violations(pausedByOperator())).toEqual([]);
    expect(await violations(limited())).toEqual([]);
    expect(await violations(retried())).toEqual([]);
    expect(await violations(overBudget())).toEqual([]);
    expect(await violations(aborted())).toEqual([]);
    expect(await violations(abortedAltogether())).toEqual([]);
    expect(await violations(soaked())).toEqual([]);
  });

  it("lets a wave begin while one is out that has just broken, recovered, was acknowledged, or could not be seen", async () => {
    const fromMs = LAUNCHED_MS - 10_000;
    const of = (change: object) => {
      const told = soaked();
      told.sight.broken = new Set(["sen_1"]);
      told.sight.outages = [{ name: "k8s-sen_1", image: told.stored.head.image, fromMs, ...change }];
      return told;
    };
    expect(await violations(of({ fromMs: LAUNCHED_MS - 2_000 }))).toEqual([]);
    expect(await violations(of({ toMs: LAUNCHED_MS - 1 }))).toEqual([]);
    expect(await violations(of({ image: "x/sentinel:v1" }))).toEqual([]);
    const may = of({});
    may.stored.head.limits = { soakSeconds: [3, 3, 3], maxRegressions: 1 };
    expect(await violations(may)).toEqual([]);
    const unseen = of({});
    unseen.sight.troubles.push({
      name: "Kubernetes API away",
      atMs: fromMs,
      losesAnswers: 0,
      crashes: false,
    });
    expect(await violations(unseen)).toEqual([]);
    const resumed = of({});
    resumed.sight.verbs.push(verb("Resume", fromMs + 5_000));
    expect((await violations(resumed)).filter((each) => each.startsWith("q: "))).toEqual([]);
  });

  it("lets a reason be cut in the parts, but not in the history", async () => {
    for (const end of ["", "…"]) {
      const told = paused();
      const full = `ImagePullBackOff: ${"manifest unknown ".repeat(50)}`;
      entryOf(told, "sen_3").why = full.slice(0, 200 - end.length) + end;
      recount(told);
      for (const each of told.history.outcomes) if (each.outcome === "failed") each.reason = full;
      expect(await violations(told)).toEqual([]);
    }
    const full = "x".repeat(300);
    expect(isCutOf(full.slice(0, 200), full)).toBe(true);
    for (const why of ["x".repeat(100), "y".repeat(200), "x".repeat(201), "", undefined]) {
      expect(isCutOf(why, full)).toBe(false);
    }
  });

  it("lets a Deployment be asked what would come of a patch", async () => {
    const told = rolledBack();
    const { url, ...asked } = patchOf("sen_1", "x/sentinel:v7", 11);
    told.sight.patches.push({ ...asked, url: `${url}?dryRun=All` });
    expect(await violations(told)).toEqual([]);
  });

  it("lets a sentinel come up late that has failed", async () => {
    const told = paused();
    puts(told, "sen_3", told.stored.head.image);
    told.logs.push(cameUpLate("sen_3"));
    expect(await violations(told)).toEqual([]);
  });

  it("lets Slack be told that a drive does not answer, and counts it as no phase", async () => {
    const told = paused();
    told.sight.after.slack.splice(2, 0, message("rollout: the drive does not answer"));
    expect(await violations(told)).toEqual([]);
    const late = cancelled();
    late.sight.after.slack.push(message("rollout: the drive does not answer"));
    expect(await violations(late)).toEqual([]);
  });

  it("lets a verb launch that was taken after a Cancel, though it was asked for before", async () => {
    const told = rolledBack(cancelled);
    Object.assign(told.sight.verbs.at(-1) ?? {}, { askedMs: 4, answeredMs: 12 });
    expect(await violations(told)).toEqual([]);
    const other = cancelled();
    // What was cancelled is the rollout before: this one was taken then, and paused.
    other.stored.head.state = "paused";
    for (const each of [other.sight.status, other.history.row]) each.state = "paused";
    other.history.row.ended_at = null;
    Object.assign(other.sight.verbs[0] ?? {}, { askedMs: 4, answeredMs: 12, answer: { rollout_id: "new" } });
    Object.assign(other.sight.verbs[1] ?? {}, { answer: { rollout_id: "old" } });
    other.tables.deploys.push(...deploysAt(8, 100));
    const found = await violations(other);
    expect(found.filter((each) => each.startsWith("k: "))).toEqual([]);
  });

  it("does not take a refused verb for one that launches", async () => {
    const told = cancelled();
    const message = "Resume is not legal while the rollout is cancelled; legal now: Rollout, RollbackAll.";
    told.sight.verbs.push({ ...verb("Resume", 6), status: 409, answer: { message } });
    told.tables.deploys.push(...deploysAt(8, 1));
    expect(await violations(told)).toEqual(["k: 33 Deploys were launched after Cancel had answered"]);
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
