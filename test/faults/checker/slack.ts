import type { Sight } from "./sight.ts";
import type { SlackMessage } from "./sources.ts";

/** What may follow what; a rollout begins with `started`. */
const FOLLOWS: Record<string, string[]> = {
  "rollout started": ["wave started"],
  "wave started": ["wave completed", "paused", "cancelled"],
  "wave completed": ["wave started", "completed"],
  paused: ["resumed", "cancelled", "rollback started"],
  resumed: ["wave started", "wave completed", "paused", "cancelled", "completed"],
  cancelled: ["settled", "rollback started"],
  settled: ["rollback started"],
  "rollback started": ["rollback completed", "rollback interrupted"],
  "rollback completed": ["rollback started"],
  // What was in flight at the Cancel settles after it.
  "rollback interrupted": ["settled", "rollback started"],
  completed: [],
};

/** No phase: it is about a drive that is paused in Restate, or backs off. */
const ASIDE = "rollout: the drive does not answer";

/** Nobody drives any more after these. */
const ENDS = ["paused", "settled", "completed", "rollback completed", "rollback interrupted"];

/** Their count stays the truth, unless another word follows. */
const COUNTS = ["paused", "cancelled", "settled", "completed"];

/** How a rollout ends in Slack, by the state it is in. */
const LAST: Record<string, string[]> = {
  completed: ["completed"],
  paused: ["paused"],
  cancelled: ["cancelled", "settled", "rollback completed", "rollback interrupted"],
};

/** f: each phase change is in Slack once (at most once more per crash of the service), and in order. */
export function phaseChangesAreTold({ before, after, state, troubles, verbs }: Sight): string[] {
  const told = after.slack.slice(before.slack.length);
  const violations: string[] = [];
  const holds = (is: boolean, text: string) => is || violations.push(`f: ${text}`);
  const strangers = told.filter(({ rolloutId }) => rolloutId !== state.rolloutId);
  holds(strangers.length === 0, `messages of another rollout: ${headers(strangers)}`);
  const once = told.filter((message, n) => message.text !== told[n - 1]?.text);
  const crashes = troubles.filter((trouble) => trouble.crashes).length;
  const again = told.length - once.length;
  holds(again <= crashes, `${again} messages were sent again, after ${crashes} crashes: ${headers(told)}`);

  const phases = once.filter(({ header }) => kindOf(header) !== ASIDE);
  const kinds = phases.map(({ header }) => kindOf(header));
  holds(kindOf(once[0]?.header ?? "") === "rollout started", `it begins with ${once[0]?.header}`);
  kinds.slice(1).forEach((kind, n) => {
    const earlier = kinds[n] ?? "";
    holds(FOLLOWS[earlier]?.includes(kind) === true, `${phases[n + 1]?.header} follows ${phases[n]?.header}`);
  });
  once.slice(1).forEach(({ header }, n) => {
    const earlier = once[n]?.header ?? "";
    const isLate = kindOf(header) === ASIDE && ENDS.includes(kindOf(earlier));
    holds(!isLate, `${header} follows ${earlier}, when nobody drives`);
  });
  const waves = phases
    .filter(({ header }) => kindOf(header) === "wave started")
    .map(({ header }) => waveOf(header));
  const expected = state.waves.slice(0, state.currentWave + 1).map((_, n) => n + 1);
  holds(
    String(waves) === String(expected),
    `the waves that are told of are ${waves}, those begun ${expected}`,
  );
  const last = kinds.at(-1) ?? "";
  holds(LAST[state.state]?.includes(last) === true, `it is ${state.state}, and Slack's last word is ${last}`);
  if (COUNTS.includes(last)) {
    const said = /On the new image: (\d+) of (\d+)/
      .exec(phases.at(-1)?.text ?? "")
      ?.slice(1)
      .join(" of ");
    const right = `${state.told.succeeded - state.told.reverted} of ${state.told.total}`;
    holds(said === right, `Slack's last count is ${said} on the new image, and ${right} are`);
  }
  for (const [verb, kind] of [
    ["Resume", "resumed"],
    ["Cancel", "cancelled"],
    ["RollbackAll", "rollback started"],
  ] as const) {
    const asked = verbs.filter(({ name }) => name === verb);
    const taken = asked.filter(({ status }) => (status ?? 200) < 400).length;
    // An invocation that was killed or cancelled cannot say how far it came.
    const unknown = asked.filter(({ answer }) => /killed|cancelled/i.test(String(answer?.message))).length;
    const count = kinds.filter((each) => each === kind).length;
    holds(
      count >= taken && count <= taken + unknown,
      `${verb} was taken ${taken} times, told ${count} times`,
    );
  }
  return violations;
}

function kindOf(header: string): string {
  return header
    .replace(/^Sentinel /, "")
    .replace(/ by .*$/, "")
    .replace(/^rollout: (wave) \d+\/\d+/, "$1")
    .replace(/ in wave \d+\/\d+$/, "")
    .replace(/^rollout (?!started)/, "")
    .replace(/^cancelled: .*/, "settled");
}

function waveOf(header: string): number {
  return Number(/wave (\d+)\//.exec(header)?.[1]);
}

function headers(messages: SlackMessage[]): string {
  return messages.map(({ header }) => header).join(", ");
}
