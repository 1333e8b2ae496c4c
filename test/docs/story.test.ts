import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Stack, startStack } from "../../src/local-stack/stack.ts";
import { documentedCommands } from "./commands.ts";
import { ELSEWHERE } from "./elsewhere.ts";
import { shell } from "./shell.ts";

/** A documented command, in the order in which they make sense, and what it then says. */
interface Step {
  command: RegExp;
  says: RegExp;
  /** Default: 0. */
  exitCode?: number;
}

const ROLLOUT = "hydra\\.v1\\.SentinelRolloutService/singleton";
const verb = (name: string) =>
  new RegExp(
    `^curl -X POST "\\$RESTATE_URL/${ROLLOUT}/${name}" (?!.*<rollout id>|.*x-operator|.*max_failures|.*soak_seconds|.*"comment")`,
  );
const guarded = (name: string) =>
  new RegExp(`^curl -X POST "\\$RESTATE_URL/${ROLLOUT}/${name}" .*"<rollout id>", "wave": 2`);
const named = (name: string) =>
  new RegExp(`^curl -X POST "\\$RESTATE_URL/${ROLLOUT}/${name}" .*-H "x-operator: alice"`);
const PAUSED = /"state":"paused".*"sentinel_id":"sen_0005"/;

// The fifth sentinel of twenty does not come up on the new image.
const STORY: Step[] = [
  { command: /^npm run db:migrate( -- --with-sentinels)?$/, says: /migrations applied/ },
  { command: /^curl "http:\/\/localhost:9081\/readyz"$/, says: /"mysql"|ready|ok/ },
  { command: /^curl "http:\/\/localhost:9081\/metrics"$/, says: /^process_cpu_seconds_total/m },
  { command: verb("Plan"), says: /"total":20,"waves":\[\{"wave":1,"size":1/ },
  { command: verb("Status"), says: /"state":"idle"/ },
  { command: verb("Rollout"), says: PAUSED },
  { command: /^npm run --silent watch$/, says: /paused/, exitCode: 1 },
  { command: /^npx restate invocations list --service /, says: /^/ },
  { command: /^npx restate sql "SELECT id, target, status/, says: /rows|target|ID/i },
  { command: /^npx restate kv get hydra\S+ singleton$/, says: /paused/ },
  { command: guarded("Resume"), says: /"state":"completed".*"failed":1/ },
  { command: verb("Rollout"), says: PAUSED },
  { command: verb("Resume"), says: /"state":"completed".*"failed":1/ },
  { command: verb("Rollout"), says: PAUSED },
  { command: named("Resume"), says: /"state":"completed".*"failed":1/ },
  { command: verb("History"), says: /"actions":\[\{.*"operator":"alice","comment":"known flake"/ },
  { command: verb("Rollout/send"), says: /"invocationId":"inv_/ },
  { command: /^curl "\$RESTATE_URL\/restate\/invocation\/<invocationId>\/attach"/, says: PAUSED },
  { command: /^curl "\$RESTATE_URL\/restate\/invocation\/<invocationId>\/output"/, says: PAUSED },
  { command: named("Freeze"), says: /"frozen":\{"reason":"year-end closing","by":"alice"/ },
  { command: named("Unfreeze"), says: /"frozen":null/ },
  { command: verb("Cancel"), says: /"state":"cancelled"/ },
  { command: verb("RollbackAll"), says: /"state":"cancelled"/ },
  {
    command: /^curl -X POST "\$RESTATE_URL\/hydra\.v1\.SentinelService\/sen_0017\/Deploy"/,
    says: /"status":"ready"/,
  },
  { command: /^kubectl -n sentinel get deployments$/, says: /^sentinel-0020 /m },
  { command: /^kubectl -n sentinel rollout history deployment sentinel-0001$/, says: /REVISION/ },
  {
    command: /^kubectl -n sentinel rollout status deployment sentinel-0001/,
    says: /successfully rolled out/,
  },
  {
    command: /^kubectl -n sentinel describe deployment sentinel-0001$/,
    says: /ghcr\.io\/unkeyed\/sentinel:/,
  },
  { command: /^kubectl -n sentinel get pods -l unkey\.com\/sentinel\.id=sen_0001$/, says: /Running/ },
  { command: /^kubectl -n sentinel annotate .* sentinel-rollout\.dev\/fault=NeverReady$/, says: /annotated/ },
  { command: /^kubectl -n sentinel annotate .* sentinel-rollout\.dev\/fault=slow:6 /, says: /annotated/ },
  { command: /^kubectl -n sentinel annotate .* sentinel-rollout\.dev\/fault-$/, says: /annotated/ },
];

const documented = documentedCommands();

describe("every command of the documentation", () => {
  it("is run by a test, or listed with the reason why not", () => {
    const known = [...STORY, ...ELSEWHERE].map(({ command }) => command);
    const unknown = documented.filter(({ text }) => !known.some((command) => command.test(text)));
    expect(unknown).toEqual([]);
  });

  it("is still there, and so is what runs it", () => {
    expect(STORY.filter(({ command }) => !documented.some(({ text }) => command.test(text)))).toEqual([]);
    for (const { runBy } of ELSEWHERE) expect(runBy === undefined || existsSync(runBy)).toBe(true);
  });
});

describe("the commands of the documentation, on a stack", () => {
  let stack: Stack;
  let invocationId = "";
  let rolloutId = "";
  beforeAll(async () => {
    stack = await startStack({
      sentinels: 20,
      faults: [{ sentinelId: "sen_0005", fault: "NeverReady" }],
      embedded: { clockRate: 30 },
    });
  });
  afterAll(() => stack?.stop());

  it.each(STORY.map((step) => [String(step.command), step] as const))(
    "%s",
    async (_, { command, says, exitCode = 0 }) => {
      // All that are worded so, in whichever file.
      const texts = new Set(documented.filter(({ text }) => command.test(text)).map(({ text }) => text));
      for (const text of texts) {
        const filled = text.replace("<invocationId>", invocationId).replace("<rollout id>", rolloutId);
        const done = await shell(stack)(filled);
        expect(done).toMatchObject({ exitCode, output: expect.stringMatching(says) });
        invocationId = /"invocationId":"(inv_\w+)"/.exec(done.output)?.[1] ?? invocationId;
        rolloutId = /"rollout_id":"([\w-]+)"/.exec(done.output)?.[1] ?? rolloutId;
      }
    },
  );
});
