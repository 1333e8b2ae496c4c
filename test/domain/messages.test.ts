import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { slackMessage } from "../../src/domain/messages.ts";
import type { Notification, Progress, RollbackScope } from "../../src/domain/notification.ts";
import type { Block, SlackMessage } from "../../src/domain/slack-text.ts";
import type { Failure } from "../../src/domain/state.ts";

const MINUTE = 60_000;
const IMAGE = "ghcr.io/unkeyed/sentinel:v1.2.3";
const progress: Progress = {
  rolloutId: "5f0c",
  image: IMAGE,
  wave: 3,
  waves: 5,
  waveSize: 20,
  total: 100,
  succeeded: 24,
  failed: 1,
  skipped: 0,
  elapsedMs: 92 * MINUTE,
  waveElapsedMs: 125_000,
};
const failure = { id: "sen_17", reason: "ImagePullBackOff: manifest unknown" };

const CHANGES = {
  started: { kind: "started", waveSizes: [1, 4, 20, 25, 50], progress },
  "wave started": { kind: "wave started", progress },
  "wave completed": { kind: "wave completed", progress },
  rewritten: { kind: "rewritten", to: "mirror.test/sentinel:v1.2.3", progress },
  paused: {
    kind: "paused",
    reason: "wave 3/5: 1 of 20 sentinels failed",
    failures: [failure],
    progress,
    resume: { left: 0, failed: 1 },
    rollback: { took: 24, inFlight: 0, unknown: 0 },
  },
  retrying: { kind: "retrying", retries: 3, progress },
  resumed: { kind: "resumed", progress, resume: { left: 0, failed: 1 } },
  cancelled: { kind: "cancelled", progress, inFlight: 6 },
  settled: { kind: "settled", progress, lost: 0 },
  silent: { kind: "silent", invocationId: "inv_1a2b", why: "it is paused", rollingBack: false, progress },
  regressed: {
    kind: "regressed",
    regressions: [{ id: "sen_3", sinceMs: 1_785_000_000_000, why: "OOMKilled" }],
    regressed: 2,
    progress,
  },
  unseen: { kind: "unseen", clusters: ["eu-1"], progress },
  completed: { kind: "completed", failures: [failure], progress },
  "rollback started": {
    kind: "rollback started",
    progress,
    scope: { took: 17, inFlight: 0, unknown: 0 },
  },
  "rollback completed": {
    kind: "rollback completed",
    reverted: 23,
    targets: 24,
    failed: 1,
    failures: [failure],
    durationMs: 125_000,
    progress,
  },
} as const satisfies { [K in Notification["kind"]]: Notification & { kind: K } };

const changes = Object.values(CHANGES) as Notification[];

/** Everything that a reader of the blocks sees. */
function textsOf({ blocks }: SlackMessage): string[] {
  return blocks.flatMap((block: Block) => {
    if (block.type === "context") return block.elements.map(({ text }) => text);
    const fields = block.type === "section" ? (block.fields ?? []) : [];
    return [...(block.text === undefined ? [] : [block.text]), ...fields].map(({ text }) => text);
  });
}

function headerOf({ blocks }: SlackMessage): string {
  const [first] = blocks;
  return first?.type === "header" ? first.text.text : "";
}

describe("every phase change", () => {
  const expected: [Notification["kind"], header: string, seen: string[]][] = [
    ["started", "Sentinel rollout started", ["*Sentinels*\n100", "*Waves*\n1, 4, 20, 25, 50"]],
    [
      "wave started",
      "Sentinel rollout: wave 3/5 started",
      ["*Sentinels in this wave*\n20", "24 of 100 (24 %)"],
    ],
    ["wave completed", "Sentinel rollout: wave 3/5 completed", ["24 of 100 (24 %)", "*Took*\n2m05s"]],
    [
      "rewritten",
      "Sentinel rollout: admission rewrites the image",
      ["*Runs as*\n`mirror.test/sentinel:v1.2.3`"],
    ],
    [
      "paused",
      "Sentinel rollout paused in wave 3/5",
      [
        "24 of 100 (24 %)",
        "*Failed*\n1",
        "*Running for*\n1h32m",
        "*Why:* wave 3/5: 1 of 20 sentinels failed",
      ],
    ],
    [
      "resumed",
      "Sentinel rollout resumed",
      ["24 of 100 (24 %)", "*Now:* go on with wave 4; the 1 failed is not retried"],
    ],
    [
      "cancelled",
      "Sentinel rollout cancelled in wave 3/5",
      ["24 of 100 (24 %)", "*Ran for*\n1h32m", "The 6 Deploys in flight settle by themselves"],
    ],
    [
      "settled",
      "Sentinel rollout cancelled: all in flight have settled",
      ["*On the new image*\n24 of 100 (24 %)", "*Failed*\n1"],
    ],
    [
      "silent",
      "Sentinel rollout: the drive does not answer",
      ["24 of 100 (24 %)", "*Invocation:* inv_1a2b", "*Why:* it is paused", "stop with *Cancel*"],
    ],
    ["completed", "Sentinel rollout completed", ["24 of 100 (24 %)", "*Failed*\n1", "*Took*\n1h32m"]],
    ["regressed", "Sentinel rollout: 2 regressed so far", ["`sen_3` since", "OOMKilled", "(+1 more)"]],
    [
      "unseen",
      "Sentinel rollout: not all of wave 3/5 was seen to soak",
      ["eu-1 does not answer: whether sentinels there have broken is not known"],
    ],
    [
      "retrying",
      "Sentinel rollout: retrying in wave 3/5",
      ["24 of 100 (24 %)", "*Failed*\n1", "deploy 3 failed sentinels again"],
    ],
    [
      "rollback started",
      "Sentinel rollback started",
      ["*To revert*\n17", "failed sentinels are not touched"],
    ],
    [
      "rollback completed",
      "Sentinel rollback completed",
      ["23 of 24 (96 %)", "*Not reverted*\n1", "*Took*\n2m05s", "Call *RollbackAll* again"],
    ],
  ];

  it.each(expected)(
    "%s: header, numbers, image, and a plain text that says the same",
    (kind, header, seen) => {
      const message = slackMessage(CHANGES[kind]);
      const all = textsOf(message).join("\n\n");
      expect(headerOf(message)).toBe(header);
      for (const part of [...seen, IMAGE, "rollout 5f0c"]) expect(all).toContain(part);
      expect(message.text.startsWith(header)).toBe(true);
      for (const number of all.match(/\d+ of \d+ \(\d+ %\)/g) ?? []) expect(message.text).toContain(number);
      expect(message.text).toContain(IMAGE);
    },
  );

  it("is covered by the table above", () => {
    expect(expected.map(([kind]) => kind).sort()).toEqual(Object.keys(CHANGES).sort());
  });

  it.each(["paused", "completed", "rollback completed"] as const)("%s names who failed, and why", (kind) => {
    const all = textsOf(slackMessage(CHANGES[kind])).join("\n");
    expect(all).toContain("• `sen_17` ImagePullBackOff: manifest unknown");
    expect(all).not.toContain("more)");
  });

  it("paused tells the three next steps, and no other does", () => {
    const steps = ["• *Resume*", "• *Cancel*", "• *RollbackAll*"];
    for (const change of changes) {
      const all = textsOf(slackMessage(change)).join("\n");
      expect(steps.filter((step) => all.includes(step))).toEqual(change.kind === "paused" ? steps : []);
    }
  });

  it("paused says what Resume will do in this very state", () => {
    const interrupted = { ...CHANGES.paused, progress: { ...progress, failed: 0 }, failures: [] };
    const said = slackMessage({ ...interrupted, resume: { left: 12, failed: 0 } });
    expect(textsOf(said).join("\n")).toContain(
      "• *Resume* – deploy the 12 of this wave without a result, then go on with wave 4\n",
    );
  });

  it("paused offers a retry where somebody failed, and nowhere else", () => {
    const textOf = (failed: number) =>
      textsOf(slackMessage({ ...CHANGES.paused, progress: { ...progress, failed } })).join("\n");
    expect(textOf(3)).toContain("• *RetryFailed* – deploy the 3 failed again\n");
    expect(textOf(0)).not.toContain("RetryFailed");
  });

  it("paused offers no RollbackAll where nothing took the image", () => {
    const nothing = { ...CHANGES.paused, rollback: { took: 0, inFlight: 0, unknown: 0 } };
    expect(textsOf(slackMessage(nothing)).join("\n")).not.toContain("RollbackAll");
  });

  it("resumed says what an interruption left to be deployed first", () => {
    const all = textsOf(slackMessage({ ...CHANGES.resumed, resume: { left: 1, failed: 0 } })).join("\n");
    expect(all).toContain("*Now:* deploy the 1 of this wave without a result, then go on with wave 4");
  });

  it("cancelled is the last word where nothing was in flight, and says so", () => {
    const all = textsOf(slackMessage({ ...CHANGES.cancelled, inFlight: 0 })).join("\n");
    expect(all).not.toContain("in flight");
    expect(textsOf(slackMessage({ ...CHANGES.cancelled, inFlight: 1 })).join("\n")).toContain(
      "The 1 Deploy in flight settles by itself",
    );
  });

  it("settled counts what has no result because its drive is gone", () => {
    const message = slackMessage({ ...CHANGES.settled, lost: 12, why: "the drive was killed" });
    expect(headerOf(message)).toBe("Sentinel rollout cancelled: not all results are known");
    const all = textsOf(message).join("\n");
    expect(all).toContain("12 Deploys in flight have no result: the drive was killed");
    expect(all).toContain("RollbackAll");
  });

  it("settled after a rollback that was cut short counts who runs the image now", () => {
    const message = slackMessage({ ...CHANGES.settled, progress: { ...progress, reverted: 20 } });
    expect(textsOf(message)).toEqual(
      expect.arrayContaining(["*On the new image*\n4 of 100 (4 %)", "*Reverted*\n20"]),
    );
  });

  it("rollback started counts what it will do, late ones included", () => {
    const to = (scope: RollbackScope) =>
      textsOf(slackMessage({ ...CHANGES["rollback started"], scope })).find((text) => text.includes("*To"));
    expect(to({ took: 7, inFlight: 140, unknown: 0 })).toBe(
      "*To revert*\n7, and up to 140 in flight as they settle",
    );
    expect(to({ took: 7, inFlight: 1, unknown: 8 })).toBe(
      "*To revert*\n7, and up to 1 in flight as it settles, and up to 8 without a result, as their rows tell",
    );
    expect(to({ took: 0, stay: 3, inFlight: 0, unknown: 0 })).toBe(
      "*To revert*\n0, and 3 that could not be reverted before",
    );
    expect(to({ took: 0, inFlight: 0, unknown: 1 })).toBe(
      "*To revert*\n0, and up to 1 without a result, as its row tells",
    );
  });

  it("rollback completed says that it was cut short, and is quiet about a retry that nobody needs", () => {
    const interrupted = slackMessage({ ...CHANGES["rollback completed"], interruption: "killed" });
    expect(headerOf(interrupted)).toBe("Sentinel rollback interrupted");
    expect(textsOf(interrupted)).toContain("*Why:* killed");
    const whole = { ...CHANGES["rollback completed"], reverted: 24, failed: 0, failures: [] };
    expect(textsOf(slackMessage(whole)).join("\n")).not.toContain("again");
  });

  it("of nothing is no division by zero", () => {
    const none = { ...CHANGES["rollback completed"], reverted: 0, targets: 0, failed: 0, failures: [] };
    expect(textsOf(slackMessage(none))).toContain("*Reverted*\n0 of 0");
  });
});

describe("a soak", () => {
  const completed = CHANGES["wave completed"];
  const soak = { untilMs: 13 * 60 * MINUTE + 20 * MINUTE + 5_000, ms: 10 * MINUTE };

  it("is told where its wave is completed: how long, and until when", () => {
    expect(headerOf(slackMessage({ ...completed, soak }))).toBe(
      "Sentinel rollout: wave 3/5 completed, soaking 10 min until 13:20 UTC",
    );
  });

  it("of a wave whose sentinels have broken already counts them", () => {
    expect(textsOf(slackMessage({ ...completed, soak, regressed: 2 }))).toContain("*Regressed so far*\n2");
    expect(textsOf(slackMessage({ ...completed, soak })).join("\n")).not.toContain("Regressed");
  });

  it("that was interrupted is resumed with what is left of it", () => {
    const resume = { left: 0, failed: 0, soakMs: 4 * MINUTE, soakIsRest: true } as const;
    const change = { ...CHANGES.resumed, progress: { ...progress, failed: 0 }, resume };
    expect(textsOf(slackMessage(change))).toContain(
      "*Now:* soak the 4 min left of wave 3, then go on with wave 4",
    );
  });
});

describe("a pause by regressions", () => {
  const reason =
    "wave 3/5: 3 of 25 that took the image regressed (budget 0); updated: 3 of 25 unhealthy; not yet updated: 0 of 75 unhealthy: probably the image";
  const regressions = [
    { id: "sen_3", sinceMs: 13 * 60 * MINUTE, why: "OOMKilled: 3 restarts" },
    { id: "sen_7", sinceMs: 14 * 60 * MINUTE, why: "CrashLoopBackOff <!here>", recovered: true as const },
  ];
  const paused = {
    ...CHANGES.paused,
    ...{ why: "regression", reason, failures: [], regressions, regressed: 2 },
    ...{ progress: { ...progress, failed: 0 }, resume: { left: 0, failed: 0 } },
  } as const satisfies Notification;
  const seen = (change: Notification) => textsOf(slackMessage(change)).join("\n");

  it("names the newest, since when, why, and who has recovered; and says whether it was the image", () => {
    expect(seen(paused)).toContain(`*Why:* ${reason}`);
    expect(seen(paused)).toContain(
      "*Regressed:*\n• `sen_3` since 13:00 UTC: OOMKilled: 3 restarts\n• `sen_7` since 14:00 UTC: CrashLoopBackOff &lt;!here&gt; – recovered",
    );
    expect(seen(paused)).not.toContain("more)");
  });

  it("counts those that are not named", () => {
    expect(seen({ ...paused, regressed: 50 })).toContain("recovered\n(+48 more)");
  });

  it("says that a rollback begins by itself, and who can keep it from that", () => {
    const all = seen({ ...paused, rollsBack: true });
    expect(all).toContain(
      "*Next:* *RollbackAll* begins by itself, as the rollout asks for, and reverts the 24 that took it. Whoever calls another verb before it has begun decides instead:\n• *Resume* – go on with wave 4\n• *Cancel* – ",
    );
    expect(all).not.toContain("• *RollbackAll*");
    expect(seen(paused)).not.toContain("by itself");
  });

  it("says so also where nothing took the image", () => {
    const rollback = { took: 0, inFlight: 0, unknown: 0 };
    expect(seen({ ...paused, rollback, rollsBack: true })).toContain("as the rollout asks for. Whoever");
  });
});

describe("who had it happen, and why", () => {
  const told = { by: "alice", comment: "known\n\nflake" };
  const TOLD = ["started", "resumed", "cancelled", "rollback started"] as const;

  it.each(TOLD)("%s says so", (kind) => {
    const without = slackMessage(CHANGES[kind]);
    const message = slackMessage({ ...CHANGES[kind], ...told });
    expect(headerOf(message)).toBe(`${headerOf(without)} by alice`);
    expect(message.text).toContain("by alice · ");
    expect(textsOf(message)).toContain("*Comment:* known flake");
    expect(textsOf(without).join("\n")).not.toContain("Comment");
  });

  it.each(TOLD)("%s mentions nobody by it, and is cut", (kind) => {
    const by = `<!channel>${"&<".repeat(200)}`;
    const message = slackMessage({ ...CHANGES[kind], by, comment: `<@U1> ${"x".repeat(500)}` });
    for (const text of [...textsOf(message), message.text]) {
      expect(text).not.toMatch(/[<>]/);
      expect(text).not.toMatch(/&(?!amp;|lt;|gt;)/);
    }
    expect(headerOf(message).length).toBeLessThanOrEqual(150);
    expect(headerOf(message)).toMatch(/ by &lt;!channel&gt;.*…$/);
    const comment = textsOf(message).find((text) => text.startsWith("*Comment:*"));
    expect(comment?.length).toBeLessThan(320);
  });
});

describe("a share in percent", () => {
  const shown = (succeeded: number, total: number) =>
    textsOf(slackMessage({ kind: "wave started", progress: { ...progress, succeeded, total } })).find(
      (text) => text.startsWith("*On the new image*"),
    );
  it.each([
    [1, 60, "1 of 60 (2 %)"],
    [3, 60, "3 of 60 (5 %)"],
    [29, 100, "29 of 100 (29 %)"],
    [0, 60, "0 of 60 (0 %)"],
    [60, 60, "60 of 60 (100 %)"],
    [999, 1_000, "999 of 1000 (99 %)"],
    [1, 1_000, "1 of 1000 (1 %)"],
    [99_999, 100_000, "99999 of 100000 (99 %)"],
  ])("%i of %i is rounded to the nearest, but 0 %% and 100 %% only when true: %s", (some, all, text) => {
    expect(shown(some, all)).toBe(`*On the new image*\n${text}`);
  });
});

it("skipped sentinels are counted where there are any", () => {
  const textOf = (skipped: number) =>
    slackMessage({ kind: "completed", progress: { ...progress, skipped }, failures: [] }).text;
  expect(textOf(2)).toContain("Skipped, no longer running: 2");
  expect(textOf(0)).not.toContain("Skipped");
});

describe("failures", () => {
  const failing = (failures: Failure[], failed: number) =>
    textsOf(slackMessage({ ...CHANGES.paused, failures, progress: { ...progress, failed } })).join("\n");
  const five = ["a", "b", "c", "d", "e"].map((id) => ({ id, reason: "CrashLoopBackOff" }));

  it("beyond those named are counted", () => {
    expect(failing(five, 5)).not.toContain("more)");
    expect(failing(five, 6)).toContain("`e` CrashLoopBackOff\n(+1 more)");
    expect(failing(five, 500)).toContain("(+495 more)");
  });

  it("are one line each, whatever a pod has to say", () => {
    const all = failing([{ id: "a", reason: "exec:\n\tno such file\n\nexit 1" }], 1);
    expect(all).toContain("• `a` exec: no such file exit 1\n");
  });

  it("with endless reasons are cut, and the count of the others stays", () => {
    const endless = five.map(({ id }) => ({ id: id.repeat(64), reason: "<&>".repeat(4_000) }));
    const all = failing(endless, 500);
    expect(all).toContain("(+495 more)");
    expect(all).toContain("…");
    for (const { id } of endless) expect(all).toContain(`\`${id}\``);
  });
});

it("what came from elsewhere cannot mention anybody or make a link: & < > are escaped", () => {
  const change: Notification = {
    ...CHANGES.paused,
    reason: "<!channel> a & b",
    failures: [{ id: "<@U1>", reason: "<http://x|click>" }],
    progress: { ...progress, image: "a<b>&c:v1", rolloutId: "<id>" },
  };
  const message = slackMessage(change);
  const texts = [...textsOf(message), message.text];
  expect(texts.join("\n")).toContain("&lt;!channel&gt; a &amp; b");
  expect(texts.join("\n")).toContain("`&lt;@U1&gt;` &lt;http://x|click&gt;");
  for (const text of texts) {
    expect(text).not.toMatch(/[<>]/);
    expect(text).not.toMatch(/&(?!amp;|lt;|gt;)/);
  }
});

describe("Slack's limits", () => {
  const anyText = fc.oneof(
    fc.string({ unit: "binary", maxLength: 400 }),
    fc.constantFrom("x".repeat(10_000), "&".repeat(10_000), "🙂".repeat(5_000), "a\n".repeat(5_000), ""),
    fc.nat(400).map((n) => `${"x".repeat(n)}${"<🙂".repeat(200)}`),
  );
  const anyFailures = fc.array(fc.record({ id: fc.string({ maxLength: 64 }), reason: anyText }), {
    maxLength: 5,
  });
  const anyProgress = fc.record({
    rolloutId: fc.uuid(),
    image: fc.oneof(fc.constant(`${"a".repeat(252)}:v1`), fc.string({ maxLength: 255 })),
    wave: fc.integer({ min: 1, max: 100 }),
    waves: fc.constant(100),
    waveSize: fc.nat(1_000_000),
    total: fc.nat(1_000_000),
    succeeded: fc.nat(1_000_000),
    failed: fc.integer({ min: 500, max: 1_000_000 }),
    skipped: fc.nat(1_000_000),
    elapsedMs: fc.nat(),
    waveElapsedMs: fc.nat(),
  });

  it("are kept by every message, whatever is in it", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...changes),
        anyProgress,
        anyText,
        anyFailures,
        (change, numbers, reason, failures) => {
          const waveSizes = Array.from({ length: 100 }, () => 123_456);
          const regressions = failures.map(({ id }) => ({ id, sinceMs: numbers.elapsedMs, why: reason }));
          const huge = {
            ...{ ...change, progress: numbers, reason, failures, waveSizes, interruption: reason },
            ...{ regressions, regressed: 1_000_000 },
          };
          withinLimits(slackMessage(huge as Notification));
        },
      ),
      { numRuns: 500 },
    );
  });

  function withinLimits(message: SlackMessage): void {
    expect(message.blocks.length).toBeLessThanOrEqual(50);
    expect(message.text.length).toBeLessThanOrEqual(3_000);
    for (const text of [message.text, ...textsOf(message)]) {
      expect(text.length).toBeGreaterThan(0);
      expect(text.isWellFormed()).toBe(true);
      expect(text).not.toMatch(/&(?!amp;|lt;|gt;)/);
    }
    for (const block of message.blocks) {
      if (block.type === "header") expect(block.text.text.length).toBeLessThanOrEqual(150);
      if (block.type !== "section") continue;
      expect(block.text?.text.length ?? 0).toBeLessThanOrEqual(3_000);
      expect(block.fields?.length ?? 0).toBeLessThanOrEqual(10);
      for (const field of block.fields ?? []) expect(field.text.length).toBeLessThanOrEqual(2_000);
    }
  }
});
