import type { Verb } from "./evidence.ts";
import type { Sight } from "./sight.ts";
import type { SlackMessage } from "./sources.ts";
import { isTaken } from "./verbs.ts";

const RETRYING = "rollout: retrying";

/** What may follow what; a rollout begins with `started`. */
const FOLLOWS: Record<string, string[]> = {
  "rollout started": ["wave started"],
  "wave started": ["wave completed", "paused", "cancelled"],
  "wave completed": ["wave started", "paused", "completed"],
  paused: ["resumed", RETRYING, "cancelled", "rollback started"],
  "rollout: retrying": ["paused", "wave started", "wave completed", "cancelled", "completed"],
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

/** Nor are these, which a soak is told by. */
const OF_HEALTH = / regressed so far$| was seen to soak$/;

/** Nobody drives any more after these. */
const ENDS = ["paused", "settled", "completed", "rollback completed", "rollback interrupted"];

/** Each of these that was taken is told, once. */
const TOLD_AS: [verbs: Verb["name"][], kind: string][] = [
  [["Resume"], "resumed"],
  [["RetryFailed"], RETRYING],
  [["Cancel", "Abort"], "cancelled"],
  [["RollbackAll", "Abort"], "rollback started"],
];
const OF_A_FREEZE = /^Sentinel rollouts( frozen by |: freeze ended| unfrozen by )/;
const BY_FREEZE = /\*Why:\* frozen by /;
const BY_OPERATOR = /\*Why:\* [^·]*? paused it/;

/** Until the next wave begins it is to be stopped as in a wave. */
const SOAKS = / completed, soaking /;

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
  const all = after.slack.slice(before.slack.length);
  // These are about no rollout.
  const frozen = all.filter(({ header }) => OF_A_FREEZE.test(header));
  const told = all.filter((message) => !frozen.includes(message));
  const violations: string[] = [];
  const holds = (is: boolean, text: string) => is || violations.push(`f: ${text}`);
  const strangers = told.filter(({ rolloutId }) => rolloutId !== state.rolloutId);
  holds(strangers.length === 0, `messages of another rollout: ${headers(strangers)}`);
  const once = told.filter((message, n) => message.text !== told[n - 1]?.text);
  const crashes = troubles.filter((trouble) => trouble.crashes).length;
  const again = told.length - once.length;
  holds(again <= crashes, `${again} messages were sent again, after ${crashes} crashes: ${headers(told)}`);

  const phases = once.filter(({ header }) => kindOf(header) !== ASIDE && !OF_HEALTH.test(header));
  const kinds = phases.map(({ header }) => kindOf(header));
  holds(kindOf(once[0]?.header ?? "") === "rollout started", `it begins with ${once[0]?.header}`);
  kinds.slice(1).forEach((kind, n) => {
    const earlier = kinds[n] ?? "";
    const here = phases[n + 1];
    const soaks = SOAKS.test(phases[n]?.header ?? "");
    const follows = FOLLOWS[earlier]?.includes(kind) || (soaks && kind === "cancelled");
    holds(follows === true, `${here?.header} follows ${phases[n]?.header}`);
    // Nobody else has it stop when a wave is done, unless it soaks.
    const stopped = kind === "paused" && earlier === "wave completed";
    const asked = soaks || BY_OPERATOR.test(here?.text ?? "") || BY_FREEZE.test(here?.text ?? "");
    holds(!stopped || asked, `${here?.header} follows a wave that is done`);
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
  for (const [names, kind] of TOLD_AS) {
    const { taken, most } = howOften(verbs, names);
    const count = kinds.filter((each) => each === kind).length;
    const told = `${names.join(" or ")} was taken ${taken} times, told ${count} times`;
    holds(count >= taken && count <= most, told);
  }
  const freezes = frozen.filter(
    ({ header }, n) => / frozen by /.test(header) && header !== frozen[n - 1]?.header,
  );
  const { taken, most } = howOften(verbs, ["Freeze"]);
  holds(
    freezes.length >= taken && freezes.length <= most,
    `Freeze was taken ${taken} times, told ${freezes.length} times`,
  );
  // What was paused by an operator may have come to another end first, but never the other way round.
  const byOperators = phases.filter(
    ({ header, text }) => kindOf(header) === "paused" && BY_OPERATOR.test(text),
  );
  const pauses = howOften(verbs, ["Pause"]);
  holds(
    byOperators.length <= pauses.most,
    `Pause was taken ${pauses.taken} times, told ${byOperators.length} times`,
  );
  return violations;
}

/** How often these were taken, and may have been: an invocation that was killed or cancelled cannot say how far it came. */
function howOften(verbs: readonly Verb[], names: readonly Verb["name"][]): { taken: number; most: number } {
  const asked = verbs.filter(({ name }) => names.includes(name));
  const taken = asked.filter(isTaken).length;
  const unknown = asked.filter(({ answer }) => /killed|cancelled/i.test(String(answer?.message))).length;
  return { taken, most: taken + unknown };
}

function kindOf(header: string): string {
  return header
    .replace(/^Sentinel /, "")
    .replace(/ by .*$/, "")
    .replace(/, soaking .*$/, "")
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
