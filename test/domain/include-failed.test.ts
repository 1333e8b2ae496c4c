import { describe, expect, it } from "vitest";
import { slackMessage } from "../../src/domain/messages.ts";
import type { Notification } from "../../src/domain/notification.ts";
import {
  abandon,
  abort,
  beginRollback,
  failed,
  moved,
  Play,
  ready,
  retryFailed,
  reverted,
} from "./machines.ts";

/** Two waves: `a` took the image, `b` and `c` are in the second one. */
function failedOnes(): Play {
  const play = new Play();
  play.second().report([failed("b"), failed("c")]);
  return play;
}

const back: ReturnType<typeof beginRollback> = { ...beginRollback(), includeFailed: true };

function rolling(play: Play, event = back) {
  const rollback = play.drives(event);
  rollback.open(0);
  return rollback;
}

const textOf = (notifications: readonly Notification[]) =>
  notifications.map((notification) => slackMessage(notification).text).join("\n");

describe("a rollback that returns the failed ones, too", () => {
  it("counts them among those that took the image, from the first moment on", () => {
    const play = failedOnes();
    const rollback = rolling(play);
    expect(play.numbers).toMatchObject({ took: 3, failed: 0, reverted: 0 });
    rollback.report([reverted("c"), reverted("b"), reverted("a")]);
    expect(play.head).toMatchObject({ state: "cancelled" });
    expect(play.numbers).toMatchObject({ took: 3, failed: 0, reverted: 3 });
    expect(play.view).toMatchObject({ failed: 0, failures: [], next: ["Rollout"] });
  });

  it("is gone on with by a RollbackAll that does not say it again, and is offered for them", () => {
    const play = failedOnes();
    rolling(play).report([reverted("c")]);
    play.do(abandon("rollback-1"));
    expect(play.view).toMatchObject({ state: "cancelled", next: ["Rollout", "RollbackAll"] });
    const again = rolling(play, beginRollback("rollback-2"));
    again.report([reverted("b"), reverted("a")]);
    expect(play.last?.answer.driver?.rollback).toMatchObject({ reverted: 2, targets: 2 });
    expect(play.numbers).toMatchObject({ took: 3, failed: 0, reverted: 3 });
  });

  it("is taken back by a RollbackAll that says so", () => {
    const play = failedOnes();
    rolling(play).report([reverted("c")]);
    play.do(abandon("rollback-1"));
    rolling(play, { ...beginRollback("rollback-2"), includeFailed: false }).report([reverted("a")]);
    expect(play.numbers).toMatchObject({ took: 2, failed: 1, reverted: 2 });
  });

  it("tells of a failed one that somebody has moved, and is not offered for it again", () => {
    const play = failedOnes();
    rolling(play).report([moved("c"), reverted("b"), reverted("a")]);
    expect(play.view.message).toContain(
      "2 of 3 sentinels reverted, 1 no longer running or on another image since",
    );
    expect(play.view.next).toEqual(["Rollout"]);
  });

  it("says so also where all of them are being deployed again", () => {
    const play = failedOnes();
    const retry = play.drives(retryFailed());
    retry.open(1);
    const { notifications } = play.do({ ...abort(), includeFailed: true });
    expect(textOf(notifications)).toContain("failed ones, too");
  });
});

describe("Abort", () => {
  it("does not tell that anything is kept, nor of a count that never comes", () => {
    const play = new Play();
    play.second().report([ready("b")]);
    const text = textOf(play.do(abort()).notifications);
    expect(text).toContain("Nothing more is launched; the rollback begins at once.");
    expect(text).not.toMatch(/keep it|count follows/);
    play.speakers[0]?.report([ready("c")]);
    expect(play.last?.notifications).toEqual([]);
  });

  it("is offered where only failed ones are left", () => {
    const play = new Play();
    play.begun().report([failed("a")]);
    expect(play.view.next).toEqual(["Resume", "RetryFailed", "Cancel", "Abort", "Freeze"]);
  });
});
