import { describe, expect, it } from "vitest";
import { GuardError, UnnamedError } from "../../src/domain/guard.ts";
import { IllegalOperationError } from "../../src/domain/legality.ts";
import type { ClusterHealth } from "../../src/kubernetes/health.ts";
import { BadRequestError } from "../../src/restate/body.ts";
import { asTerminalError, ConflictError } from "../../src/restate/errors.ts";
import { RollbackResponse } from "../../src/restate/rollback-schemas.ts";
import { RolloutResponse, StatusResponse } from "../../src/restate/rollout-schemas.ts";
import { rollbackResponse, rolloutResponse, statusResponse } from "../../src/rollout/responses.ts";
import {
  abandon,
  begin,
  beginRollback,
  cancel,
  failed,
  interrupt,
  MACHINES,
  type Play,
  pause,
  played,
  ready,
  reverted,
} from "../domain/machines.ts";

type Story = (play: Play) => unknown;
const sightOf = ({ rollout, drive }: Play) => ({ rollout, drive });
const statusAfter = (story: Story) =>
  statusResponse(sightOf(played(story)), 50_000, { deployTimeoutMs: 600_000 });
const second: Story = (play) => play.second();
const cancelled: Story = (play) => [play.second(), play.do(cancel())];
const killed: Story = (play) => [play.second(), play.do(abandon("rollout-1"))];

describe("the responses", () => {
  it.each(Object.entries(MACHINES))("while it is %s are those of the published schema", (_, machine) => {
    const play = machine();
    const response = rolloutResponse(play.view);
    expect(RolloutResponse.strict().parse(response)).toEqual(response);
    const status = statusResponse(sightOf(play), 50_000);
    expect(StatusResponse.strict().parse(status)).toEqual(status);
  });

  it("have the field names of the runbook", () => {
    const play = played((each) => each.begun().report([failed("a", "ImagePullBackOff: manifest unknown")]));
    expect(rolloutResponse(play.view)).toEqual({
      state: "paused",
      phase: "paused",
      pause_kind: "failure",
      never_attempted: 0,
      rollout_id: "id of rollout-1",
      image: "sentinel:v2",
      wave: 1,
      waves: 2,
      total: 3,
      succeeded: 0,
      failed: 1,
      skipped: 0,
      in_flight: 0,
      waiting: 2,
      taken_over: 0,
      skips: [],
      failures: [{ sentinel_id: "a", reason: "ImagePullBackOff: manifest unknown" }],
      next: ["Resume", "RetryFailed", "Cancel", "Abort", "Freeze"],
      guard: { rollout_id: "id of rollout-1", wave: 1 },
      soak_until: null,
      soak_seconds_left: null,
      rolls_back: false,
      regressed: 0,
      regressions: [],
      as_of: "1970-01-01T00:00:50.000Z",
      message: expect.stringMatching(
        /^Paused in wave 1 of 2: .*\. This tells of rollout id of rollout-1 as of 1970-01-01T00:00:50\.000Z\.$/,
      ),
    });
  });
});

describe("Status", () => {
  it("before the first rollout is idle", () => {
    expect(statusResponse({ rollout: undefined, drive: undefined }, 0)).toMatchObject({
      state: "idle",
      started_at: null,
      wave_started_at: null,
      reverted: 0,
      waiting_for: "",
      next: ["Rollout"],
    });
  });

  it("tells in ISO 8601 when the rollout and the wave began", () => {
    expect(statusAfter((play) => play.drives(begin()))).toMatchObject({
      started_at: "1970-01-01T00:00:50.000Z",
      wave_started_at: "1970-01-01T00:00:50.000Z",
    });
  });

  it("tells the sizes of the waves, and how many Deploys are in flight, also after a Cancel and a kill", () => {
    expect(statusAfter(second)).toMatchObject({ wave_sizes: [1, 2], in_flight: 2, waiting: 0 });
    expect(statusAfter((play) => play.second().report([failed("b")]))).toMatchObject({
      in_flight: 1,
      failed: 1,
    });
    expect(statusAfter(cancelled)).toMatchObject({ wave_sizes: [1, 2], in_flight: 2 });
    expect(statusAfter(killed)).toMatchObject({ in_flight: 0, waiting: 2 });
    expect(statusAfter((play) => [cancelled(play), play.drives(beginRollback()).open(0)])).toMatchObject({
      in_flight: 3,
      succeeded: 0,
    });
  });

  const late = (n: string) => `${n} in flight to settle, at the latest until 00:10`;
  const cases: [waitingFor: string, story: Story][] = [
    ["2 sentinels of wave 2/2 to come up", second],
    ["1 sentinel of wave 2/2 to come up", (play) => play.second().report([failed("b")])],
    ["an operator: Resume, Cancel or RollbackAll", killed],
    ["an operator: Resume, RetryFailed or Cancel", (play) => play.begun().report([failed("a")])],
    [
      `1 sentinel to return to the previous image, and ${late("2 Deploys")}`,
      (play) => [cancelled(play), play.drives(beginRollback())],
    ],
    [late("2 Deploys"), cancelled],
    [late("1 Deploy"), (play) => [play.second().report([ready("b")]), play.do(cancel())]],
    // The wave may have begun long before its drive was stopped: no latest moment can be told.
    ["2 Deploys in flight to settle", (play) => [play.second(), play.do(interrupt("rollout-1"))]],
    ["", (play) => [killed(play), play.do(cancel())]],
    ["", (play) => play.second().report([ready("b"), ready("c")])],
    [
      "1 sentinel to return to the previous image",
      (play) => {
        play.second().report([ready("c"), failed("b")]);
        const rollback = play.drives(beginRollback());
        rollback.open(0);
        rollback.report([reverted("c")]);
      },
    ],
  ];
  it.each(cases)("waits for: %s", (waitingFor, story) => {
    expect(statusAfter(story).waiting_for).toBe(waitingFor);
  });

  it("names a drive that does not answer, with its invocation and the two things to do", () => {
    const play = played(second);
    const silent = [{ invocationId: "rollout-1", sinceMs: 0, why: "it is paused" }];
    const said =
      /The drive rollout-1 does not answer: it is paused\. Resume the invocation in Restate .*Cancel/;
    play.do({ type: "silent", rolloutId: play.head.rolloutId, silent });
    expect(statusResponse(sightOf(play), 50_000).message).toMatch(said);
  });

  it("names one in the same words that has said nothing for too long, and those beside it", () => {
    const timeout = { deployTimeoutMs: 600_000 };
    const status = (story: Story, nowMs: number) =>
      statusResponse(sightOf(played(story)), nowMs, timeout).message;
    const latest = 50_000 + 2 * timeout.deployTimeoutMs + 60_000;
    const said =
      /The drive rollout-1 does not answer: it has not answered since 1970-01-01T00:00:50\.000Z\. Unless MySQL is away, resume the invocation in Restate .*Cancel/;
    expect(status(second, latest - 1)).not.toContain("does not answer");
    expect(status(second, latest)).toMatch(said);
    const both = (play: Play) => {
      cancelled(play);
      play.drives(beginRollback()).open(0);
    };
    expect(status(both, latest)).toMatch(/The drive rollout-1 does not answer: .*\. Nor does rollback-1\.$/);
  });
});

describe("a soak", () => {
  const untilMs = 50_000 + 600_000;
  const health = {
    ...{ updated: { total: 3, unhealthy: 1 }, notUpdated: { total: 0, unhealthy: 0 } },
    ...{ regions: {}, unseen: [] },
  };
  const broken = { id: "a", sinceMs: 40_000, why: "OOMKilled" };
  const seen = (play: Play, but: { regressed?: (typeof broken)[]; recovered?: string[] }) =>
    play.do({
      ...{ type: "health", rolloutId: play.head.rolloutId, regressed: [], recovered: [], health, ...but },
    });
  /** Two waves of 10 minutes each. */
  const soaking = (play: Play, maxRegressions = 5) => {
    const driver = play.drives({ ...begin(), limits: { soakSeconds: [600, 600], maxRegressions } });
    driver.open(0);
    driver.report([ready("a")]);
    return driver;
  };
  const status = (story: Story) => statusResponse(sightOf(played(story)), 50_000);

  it("is told with its end, and is what the rollout waits for", () => {
    const said = status((play) => soaking(play));
    expect(said).toMatchObject({
      ...{ state: "in_progress", phase: "soaking", pause_kind: null },
      ...{ soak_until: new Date(untilMs).toISOString(), soak_seconds_left: null },
      ...{ regressed: 0, regressions: [], health: null },
      waiting_for: "wave 1/2 to soak until 1970-01-01T00:10:50.000Z, 0 regressed",
    });
    expect(said.message).toBe("Wave 1 of 2 soaks until 00:10 UTC: 1 of 3 sentinels took sentinel:v2.");
    expect(StatusResponse.strict().parse(said)).toEqual(said);
  });

  it("counts and names those that broke, and who has recovered", () => {
    const story = (play: Play) => [soaking(play), seen(play, { regressed: [broken] })];
    const one = { sentinel_id: "a", since: "1970-01-01T00:00:40.000Z", reason: "OOMKilled" };
    const first = status(story);
    expect(first).toMatchObject({ regressed: 1, regressions: [{ ...one, recovered: false }] });
    expect(first.waiting_for).toMatch(/, 1 regressed$/);
    expect(first.message).toContain("1 of 3 sentinels took sentinel:v2, 1 regressed.");
    const later = status((play) => [story(play), seen(play, { recovered: ["a"] })]);
    expect(later.regressions).toEqual([{ ...one, recovered: true }]);
    expect(later.message).toContain(", 1 regressed (all recovered).");
  });

  it("tells how those stand that took the image, and the others, by region", () => {
    const { updated, notUpdated } = health;
    const regions = { "us-east": { updated, notUpdated } };
    const sight = sightOf(played((play) => soaking(play)));
    const said = statusResponse(sight, 50_000, { health: { ...health, regions, unseen: ["eu"] } });
    expect(said.health).toEqual({
      ...{ updated, not_updated: notUpdated },
      ...{ regions: [{ region: "us-east", updated, not_updated: notUpdated }], unseen: ["eu"] },
    });
    expect(StatusResponse.strict().parse(said)).toEqual(said);
  });

  it("that an operator pauses keeps what is left of it, which Resume goes on with", () => {
    const said = status((play) => {
      soaking(play);
      play.now += 360_500;
      play.do(pause());
    });
    expect(said).toMatchObject({
      ...{ state: "paused", soak_until: null, soak_seconds_left: 240 },
      waiting_for: "an operator: Resume, Cancel or RollbackAll",
    });
    expect(said.message).toMatch(
      /^Paused in wave 1 of 2, with 4 min of its soak left: .* Resume: soak the 4 min left of wave 1, then go on with wave 2\. /,
    );
  });

  it("that a regression ends says what broke, whose fault it is likely to be, and what is left", () => {
    const said = status((play) => [soaking(play, 0), seen(play, { regressed: [broken] })]);
    expect(said).toMatchObject({ state: "paused", pause_kind: "regression", soak_seconds_left: 600 });
    expect(said.message).toContain(
      "Paused in wave 1 of 2, with 10 min of its soak left: 1 of 1 that took the image regressed (budget 0); updated: 1 of 3 unhealthy",
    );
  });

  it("begins only once Resume has finished the wave, and of a failed wave in whole", () => {
    const failedFirst: Story = (play) => {
      const driver = play.drives({ ...begin(), limits: { soakSeconds: [600, 600] } });
      driver.open(0);
      driver.report([failed("a")]);
    };
    expect(status(failedFirst).message).toContain(
      "Resume: soak wave 1 for 10 min, then go on with wave 2; the 1 failed is not retried.",
    );
    const killedFirst: Story = (play) => {
      play.drives({ ...begin(), limits: { soakSeconds: [600, 600] } }).open(0);
      play.do(abandon("rollout-1"));
    };
    expect(status(killedFirst).message).toContain(
      "Resume: deploy the 1 of this wave without a result, then soak it for 10 min, then go on with wave 2.",
    );
  });
});

describe("a cluster that is away", () => {
  const clusters: ClusterHealth[] = [
    { cluster: "us-east", reachable: true },
    {
      cluster: "eu-west",
      reachable: false,
      sinceMs: Date.UTC(2026, 0, 31, 2, 15),
      reason: "fetch failed (ECONNREFUSED)",
    },
  ];
  const named = "eu-west is unreachable since 2026-01-31T02:15:00.000Z: fetch failed (ECONNREFUSED)";
  const status = (story: Story) => statusResponse(sightOf(played(story)), 50_000, { clusters });

  it("is named in what a rollout waits for", () => {
    const { waiting_for, message } = status(second);
    expect(waiting_for).toBe(`2 sentinels of wave 2/2 to come up; cluster ${named}`);
    expect(message).toMatch(/^Wave 2 of 2 is rolling out: .*\. Cluster /);
    expect(message).toContain(`. Cluster ${named}.`);
    expect(status((play) => [cancelled(play), play.drives(beginRollback())]).waiting_for).toContain(
      `; cluster ${named}`,
    );
  });

  it("is named in the message also where nothing waits for it", () => {
    const before = statusResponse({ rollout: undefined, drive: undefined }, 0, { clusters });
    expect(before).toMatchObject({
      state: "idle",
      waiting_for: "",
      message: `No rollout has run yet. Cluster ${named}.`,
    });
    expect(status((play) => [killed(play), play.do(cancel())])).toMatchObject({ waiting_for: "" });
    expect(status(killed).waiting_for).toBe("an operator: Resume, Cancel or RollbackAll");
  });
});

describe("RollbackAll", () => {
  const OF = { rolloutId: "r1", wave: 2, image: "sentinel:v2", sinceMs: 5_000 };
  const report = {
    invocationId: "rollback-1",
    reverted: 3,
    targets: 3,
    skipped: 0,
    moved: 0,
    failures: [],
    skips: [],
  };
  const failure = { id: "sen_1", reason: "Deploy did not finish: killed" };

  it.each([
    [{}, "Rolled back: 3 of 3 sentinels reverted."],
    [{ reverted: 0, targets: 0 }, "Rolled back: 0 of 0 sentinels reverted."],
    [
      { targets: 4, failures: [failure] },
      "Rolled back: 3 of 4 sentinels reverted; call RollbackAll again to retry the other 1.",
    ],
    [
      { targets: 6, skipped: 2, moved: 1 },
      "Rolled back: 3 of 6 sentinels reverted, 2 skipped as no longer running, 1 left alone on another image since.",
    ],
    [
      { targets: 6, moved: 1 },
      "Rolled back: 3 of 6 sentinels reverted, 1 left alone on another image since; call RollbackAll again to retry the other 2.",
    ],
    [
      { targets: 5, interruption: "killed" },
      "The rollback was interrupted: 3 of 5 sentinels reverted; call RollbackAll again for the rest.",
    ],
  ])("%j", (but, message) => {
    const response = rollbackResponse({ ...report, ...but }, OF);
    expect(response).toMatchObject({
      state: "cancelled",
      reverted: { ...report, ...but }.reverted,
      message: `${message} This tells of rollout r1 as of 1970-01-01T00:00:05.000Z.`,
    });
    expect(RollbackResponse.strict().parse(response)).toEqual(response);
  });

  it("has the guard of the rollout that was rolled back", () => {
    expect(rollbackResponse(report, OF).guard).toEqual({ rollout_id: "r1", wave: 2 });
  });

  it("names who did not revert", () => {
    expect(rollbackResponse({ ...report, failures: [failure] }, OF).failures).toEqual([
      { sentinel_id: "sen_1", reason: failure.reason },
    ]);
  });
});

describe("errors", () => {
  it.each([
    [400, new BadRequestError("bad")],
    [409, new ConflictError("not now")],
    [409, new IllegalOperationError("Cancel", "idle")],
    [409, new GuardError("wave 2", "it is wave 3", "Cancel")],
    [400, new UnnamedError("Cancel")],
  ])("that are a caller's end as %i with their message, and are not retried", (code, error) => {
    expect(asTerminalError(error)).toMatchObject({ code, message: error.message });
  });

  it.each([[new Error("connection lost")], [new TypeError("bug")], ["text"], [undefined]])(
    "of any other kind are retried: %s",
    (error) => {
      expect(asTerminalError(error)).toBeUndefined();
    },
  );
});
