import { expect, it } from "vitest";
import { played, ready } from "./machines.ts";
import type { Speaker } from "./speaker.ts";

const relieve = (number: number, invocationId = "rollout-1") =>
  ({ type: "relieve", rolloutId: "id of rollout-1", invocationId, number }) as const;

it("a watchdog takes over from the one before it, and is told so again if that was not heard", () => {
  const play = played((each) => each.second());
  expect(play.do(relieve(1)).answer.accepted).toBe(true);
  expect(play.drive?.forward?.watchdog).toBe(1);
  expect(play.do(relieve(1)).answer.accepted, "asked again").toBe(true);
  expect(play.do(relieve(2)).answer.accepted).toBe(true);
  expect(play.do(relieve(1)).answer.accepted, "one that is left over").toBe(false);
  expect(play.drive?.forward?.watchdog).toBe(2);
});

it("nobody takes over where somebody else drives, or nobody", () => {
  let driver: Speaker | undefined;
  const play = played((each) => {
    driver = each.second();
  });
  expect(play.do(relieve(1, "another")).answer.accepted).toBe(false);
  expect(play.do({ ...relieve(1), rolloutId: "another" }).answer.accepted).toBe(false);
  driver?.report([ready("b"), ready("c")]);
  expect(play.do(relieve(1)).answer.accepted).toBe(false);
});
