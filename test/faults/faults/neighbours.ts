import { setTimeout as delay } from "node:timers/promises";
import type { SlackFault } from "../../../src/dry-run/slack-sink.ts";
import type { Fault } from "../harness/fault.ts";

const slack = (name: string, fault: SlackFault): Fault => ({
  name: `Slack: ${name}`,
  losesAnswers: 0,
  async inject({ world }, random) {
    world.stack.slack.failNext(random.between(1, 3), fault);
    return async () => undefined;
  },
});

/** Trouble with MySQL, the Kubernetes API and Slack that is over within seconds. */
export const NEIGHBOUR_FAULTS: Fault[] = [
  {
    name: "MySQL killed",
    losesAnswers: 0,
    possible: ({ world }) => world.stack.mysql.process !== undefined,
    async inject({ world }, random) {
      await world.stack.mysql.process?.signal("SIGKILL");
      await delay(random.between(0, 2_000));
      return async () => world.stack.mysql.process?.start();
    },
  },
  {
    name: "MySQL frozen",
    losesAnswers: 0,
    possible: ({ world }) => world.stack.mysql.process !== undefined,
    async inject({ world }, random) {
      await world.stack.mysql.process?.signal("SIGSTOP");
      await delay(random.between(500, 8_000));
      return async () => world.stack.mysql.process?.signal("SIGCONT");
    },
  },
  {
    name: "Kubernetes API refuses",
    losesAnswers: 0,
    async inject({ proxy }, random) {
      const code = random.pick([429, 500, 503, 504]);
      proxy.mishap = () => ({
        answer: code,
        body: "{}",
        ...(code === 429 ? { headers: { "retry-after": "1" } } : {}),
      });
      await delay(random.between(300, 3_000));
      return async () => {
        proxy.mishap = () => undefined;
      };
    },
  },
  {
    name: "Kubernetes API away",
    losesAnswers: 1,
    async inject({ proxy }, random) {
      proxy.mishap = () => "reset";
      proxy.cut();
      await delay(random.between(300, 3_000));
      return async () => {
        proxy.mishap = () => undefined;
      };
    },
  },
  {
    name: "Kubernetes API hangs",
    losesAnswers: 1,
    async inject({ proxy }, random) {
      proxy.mishap = () => "hang";
      await delay(random.between(300, 3_000));
      return async () => {
        proxy.mishap = () => undefined;
        proxy.cut();
      };
    },
  },
  {
    name: "Kubernetes API loses answers",
    losesAnswers: 3,
    possible: ({ world }) => world.stack.embedded !== undefined,
    async inject({ world }, random) {
      const faults = world.stack.embedded?.faults;
      const times = random.between(1, 3);
      faults?.inject({ kind: "lostAnswer" }, { times, only: ({ verb }) => verb === "patch" });
      return async () => faults?.clear();
    },
  },
  {
    name: "Kubernetes watches dropped",
    losesAnswers: 0,
    possible: ({ world }) => world.stack.embedded !== undefined,
    async inject({ world }, random) {
      const faults = world.stack.embedded?.faults;
      if (random.chance(0.5)) faults?.dropWatches();
      else faults?.expireWatches();
      return async () => undefined;
    },
  },
  slack("answers 500", { status: 500 }),
  slack("asks to wait", { status: 429, retryAfterSeconds: 1 }),
  slack("hangs", "hang"),
  slack("cuts the connection", "reset"),
];
