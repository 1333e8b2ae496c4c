import { A_MOMENT_MS, type Fault } from "../harness/fault.ts";
import type { Random } from "../harness/random.ts";
import type { SlackMishap } from "../harness/slack-front.ts";
import { around, hasSurroundings } from "../harness/surroundings.ts";

/** Every delivery meets with it until it is healed. */
function onDeliveries(name: string, mishap: (random: Random) => SlackMishap): Fault {
  return {
    name: `Slack ${name}`,
    losesAnswers: 0,
    possible: hasSurroundings,
    lastsMs: A_MOMENT_MS,
    async inject(arena, random) {
      const { slack } = around(arena);
      slack.mishap = () => mishap(random);
      return async () => {
        slack.mishap = () => undefined;
        slack.cut();
      };
    },
  };
}

const PAGE = "<!doctype html><title>Sign in</title>";
const GARBAGE: SlackMishap[] = [
  "noise",
  { answer: 200, body: PAGE },
  { answer: 302, headers: { location: "/login" } },
  { answer: 403, body: PAGE },
  { answer: 404, body: "Not Found" },
  { answer: 429, headers: { "retry-after": "soon" } },
  { answer: 500, body: "\u0000\ud800" },
  { answer: 999 },
];

export const slackFaults: Fault[] = [
  onDeliveries("errs", (random) => ({ answer: random.pick([500, 502, 503]) })),
  onDeliveries("throttles", () => ({ answer: 429, headers: { "retry-after": "1" } })),
  onDeliveries("hangs", () => "hang"),
  onDeliveries("resets connections", () => "reset"),
  onDeliveries("answers garbage", (random) => random.pick(GARBAGE)),
  {
    name: "Slack away",
    losesAnswers: 0,
    possible: hasSurroundings,
    lastsMs: A_MOMENT_MS,
    async inject(arena) {
      const { slack } = around(arena);
      await slack.leave();
      return () => slack.comeBack();
    },
  },
  {
    name: "Slack shows a certificate that nobody knows",
    losesAnswers: 0,
    possible: hasSurroundings,
    lastsMs: A_MOMENT_MS,
    async inject(arena) {
      const { slack } = around(arena);
      await slack.pretend(false);
      return () => slack.pretend(true);
    },
  },
];
