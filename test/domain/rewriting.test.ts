import { expect, it } from "vitest";
import { cancel, failed, NOW, Play, ready } from "./machines.ts";

const MIRROR = "mirror.test/sentinel:v2";
const rewritten = (id: string) => ({ ...ready(id), rewrittenTo: MIRROR });

/** What was told of a rewriting, by whichever change. */
const told = (play: Play) => (play.last?.notifications ?? []).filter(({ kind }) => kind === "rewritten");

it("what admission makes of the image is told with the first result that tells it, and never again", () => {
  const play = new Play();
  const driver = play.second();
  driver.report([{ ...failed("b"), rewrittenTo: MIRROR }]);
  expect(told(play)).toMatchObject([{ to: MIRROR, progress: { image: "sentinel:v2", wave: 2 } }]);
  expect(play.head.rewrittenTo).toBe(MIRROR);
  driver.report([rewritten("c")]);
  expect(told(play)).toEqual([]);
});

it("is told by what was in flight when it was cancelled, too", () => {
  const play = new Play();
  const driver = play.second();
  play.do(cancel());
  driver.report([rewritten("b")]);
  expect(told(play)).toHaveLength(1);
  expect(play.head).toMatchObject({ state: "cancelled", rewrittenTo: MIRROR, sinceMs: NOW });
});

it("is not told where no admission touches the image", () => {
  const play = new Play();
  play.second().report([ready("b"), ready("c")]);
  expect(play.head).not.toHaveProperty("rewrittenTo");
});
