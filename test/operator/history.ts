/** What operators did and were told, checked against the state machine that the docs tell of. */

type Phase = "idle" | "in_progress" | "paused" | "cancelled" | "completed" | "rolling_back";
export type Verb =
  | ("Rollout" | "Resume" | "RetryFailed" | "Cancel" | "RollbackAll")
  | ("Pause" | "Abort" | "Status" | "Plan");

/** The table of `docs/controls.md`. */
const LEGAL: Record<Phase, Verb[]> = {
  idle: ["Rollout"],
  completed: ["Rollout"],
  cancelled: ["Rollout", "RollbackAll"],
  in_progress: ["Cancel", "Pause", "Abort"],
  paused: ["Resume", "RetryFailed", "Cancel", "RollbackAll", "Abort"],
  rolling_back: [],
};

/** Something that an operator saw: a request leaving, or its answer coming back. In the order in which it was seen. */
export type Sight =
  | { kind: "asked"; call: number; verb: Verb; image: string }
  | { kind: "told"; call: number; said: string };

/** A way in which the rollout may stand, and what has become of the calls that were not answered yet. */
interface Possibility {
  phase: Phase;
  image: string;
  /** It launches nothing more, and pauses once what is in flight has settled. */
  pausing: boolean;
  /** The failure of this fleet lies behind it. */
  failed: boolean;
  calls: Record<number, Call>;
}

/** `heard` is what its answer will say; before it a call waits for its turn, or drives, or is about to hear that it is over. */
type Call = { verb: Verb; image: string /** Another rollout has begun since it was asked. */; met?: true } & (
  | { at: "waiting" }
  | { at: "driving" }
  | { at: "over" }
  | { at: "heard"; says: string }
);

/**
 * Throws when no order of events explains what was seen: every verb takes effect at one moment between its request and
 * its answer, and says what was true at that moment. Drives end by themselves. Every rollout is of a fleet in which one
 * sentinel fails: one that nobody stops ends paused by it, and a Resume goes on without that sentinel and completes. One that
 * an operator pauses may have met it by then, or has it still before it.
 */
export function explain(history: readonly Sight[], start: { phase: Phase; image: string }): void {
  const answers = toldIn(history);
  const fresh = { pausing: false, failed: false, calls: {} };
  let possible: Possibility[] = [{ ...start, ...fresh }];
  for (const [at, sight] of history.entries()) {
    if (sight.kind === "asked") {
      const { call, verb, image } = sight;
      possible = possible.map((p) => put(p, call, { verb, image, at: "waiting" }));
      continue;
    }
    const { call, said } = sight;
    const before = closure(possible, answers);
    const after = before.filter(({ calls }) => {
      const known = calls[call];
      return known?.at === "heard" && known.says === said;
    });
    if (after.length === 0) throw new Error(unexplained(history.slice(0, at + 1), call, before));
    possible = distinct(after.map((p) => without(p, call)));
  }
}

/** What each call was told in the end; one that was never told may have been told anything. */
type Told = ReadonlyMap<number, string>;

function toldIn(history: readonly Sight[]): Told {
  return new Map(
    history.flatMap((sight) => (sight.kind === "told" ? [[sight.call, sight.said] as const] : [])),
  );
}

/** All that can have happened without anybody being told yet. What would be told otherwise than it was has not happened. */
function closure(from: Possibility[], told: Told): Possibility[] {
  const known = new Map(from.map((p) => [keyOf(p), p]));
  for (const p of known.values()) {
    for (const next of steps(p, told)) {
      const key = keyOf(next);
      if (!known.has(key)) known.set(key, next);
    }
  }
  return [...known.values()];
}

function steps(p: Possibility, told: Told): Possibility[] {
  const calls = Object.entries(p.calls).map(([key, call]) => [Number(key), call] as const);
  // What changes nothing may as well happen as soon as it is told what it was told: nothing else depends on it.
  for (const [id, call] of calls) {
    const says = withoutEffect(p, call);
    // But a Pause that is told that it is paused may have paused it.
    const either = call.verb === "Pause" && call.at === "waiting" && says?.startsWith("200");
    if (says !== undefined && says === told.get(id) && !either)
      return [put(p, id, { ...call, at: "heard", says })];
  }
  return calls
    .flatMap(([id, call]) => {
      const says = withoutEffect(p, call);
      const late =
        call.at === "waiting" && call.met
          ? [put(p, id, { ...call, at: "heard", says: `409 ${ANOTHER}` })]
          : [];
      if (says !== undefined) return [put(p, id, { ...call, at: "heard", says }), ...late];
      if (call.at === "waiting") return [...takesEffect(p, id, call), ...late];
      return call.at === "driving" ? driveEnds(p, id, call) : [];
    })
    .filter(({ calls: after }) =>
      Object.entries(after).every(([key, call]) => {
        const said = told.get(Number(key));
        return call.at !== "heard" || said === undefined || call.says === said;
      }),
    );
}

/** What a call is told that only looks, is refused, or is about to hear that it is over; undefined: it changes something. */
function withoutEffect(p: Possibility, { at, verb, image: its }: Call): string | undefined {
  const { phase, image } = p;
  if (at === "over") return hearsOfIt(p, verb, its);
  if (at !== "waiting") return undefined;
  if (verb === "Plan") return "200";
  if (verb === "Status") return `200 ${phase} ${image}`;
  if (verb === "Pause" && phase === "paused") return `200 paused ${image}`;
  return LEGAL[phase].includes(verb) ? undefined : `409 ${phase}`;
}

function takesEffect(p: Possibility, id: number, call: Call): Possibility[] {
  const { image } = p;
  const hears = (says: string, of = p) => put(of, id, { ...call, at: "heard", says });
  if (call.verb === "Cancel") return [cancelled(hears(`200 cancelled ${image}`))];
  if (call.verb === "Pause") {
    const pausing = { ...p, pausing: true };
    // Where nothing is in flight, it is paused at once; the drive hears of it, and of what has come since.
    const ends = Object.entries(p.calls).flatMap(([key, each]) =>
      each.at === "driving"
        ? driveEnds(pausing, Number(key), each).map((end) => put(end, Number(key), { ...each, at: "over" }))
        : [],
    );
    return [pausing, ...ends].map((each) => hears(`200 ${each.phase} ${image}`, each));
  }
  const drives = put(p, id, { ...call, at: "driving" });
  if (call.verb === "RollbackAll") return [{ ...drives, phase: "rolling_back" }];
  if (call.verb === "Abort") {
    return [{ ...put(cancelled(p), id, { ...call, at: "driving" }), phase: "rolling_back" }];
  }
  if (call.verb === "RetryFailed") {
    // Before the failure there is nothing to retry; one that is paused in its wave may have met it already.
    const none = p.failed ? [] : [hears(`409 ${NONE_FAILED}`)];
    return [...none, { ...drives, phase: "in_progress" }];
  }
  if (call.verb === "Resume") return [{ ...drives, phase: "in_progress" }];
  return [{ ...meets(drives), phase: "in_progress", failed: false, image: call.image }];
}

/** Who looks before it acts may have seen the rollout before. */
function meets(p: Possibility): Possibility {
  const calls = Object.entries(p.calls).map(([id, call]): [string, Call] =>
    call.at === "waiting" && LOOKS.includes(call.verb) ? [id, { ...call, met: true }] : [id, call],
  );
  return { ...p, calls: Object.fromEntries(calls) };
}

/** The drive is told, and answers when its Deploys have settled, whatever others do meanwhile. */
function cancelled(p: Possibility): Possibility {
  const calls = Object.entries(p.calls).map(([id, call]): [string, Call] =>
    call.at === "driving" ? [id, { ...call, at: "heard", says: `200 cancelled ${p.image}` }] : [id, call],
  );
  const over = { pausing: false } as const;
  return { ...p, ...over, phase: "cancelled", calls: Object.fromEntries(calls) };
}

function driveEnds(p: Possibility, id: number, call: Call): Possibility[] {
  const ends = (phase: Phase, says: string, more: Partial<Possibility> = {}): Possibility => ({
    ...put(p, id, { ...call, at: "heard", says }),
    ...{ phase, pausing: false, ...more },
  });
  if (BACK.includes(call.verb)) return [ends("cancelled", "200 cancelled")];
  const paused = (more: Partial<Possibility>) => ends("paused", `200 paused ${p.image}`, more);
  const stopped = p.pausing ? [paused({})] : [];
  // It fails again, and what follows is what would have followed before.
  if (call.verb === "RetryFailed") return [...stopped, paused({})];
  // A wave that is done by then is as if nobody had asked, unless there is one after it.
  const end = p.failed ? ends("completed", `200 completed ${p.image}`) : paused({ failed: true });
  return [...stopped, end];
}

/** What others have gone on from was paused, or cancelled, when its drive ended. */
function hearsOfIt({ phase, image }: Possibility, verb: Verb, its: string): string {
  const own = verb === "Rollout" ? its : image;
  if (own !== image || phase === "rolling_back") return `200 cancelled ${own}`;
  return `200 ${phase === "in_progress" ? "paused" : phase} ${own}`;
}

/** They drive backwards. */
const BACK: Verb[] = ["RollbackAll", "Abort"];

function put(p: Possibility, id: number, call: Call): Possibility {
  return { ...p, calls: { ...p.calls, [id]: call } };
}

function without(p: Possibility, id: number): Possibility {
  const { [id]: _, ...calls } = p.calls;
  return { ...p, calls };
}

function keyOf(p: Possibility): string {
  return JSON.stringify(p);
}

function distinct(possible: Possibility[]): Possibility[] {
  return [...new Map(possible.map((p) => [keyOf(p), p])).values()];
}

function unexplained(history: readonly Sight[], call: number, before: Possibility[]): string {
  const phases = new Set(before.map(({ phase, image }) => `${phase} ${image}`));
  const lines = history.map((sight) =>
    sight.kind === "asked" ? `${sight.call} ${sight.verb} ${sight.image}` : `${sight.call} → ${sight.said}`,
  );
  return `nothing explains the answer to call ${call}; possible: ${[...phases].join(", ")}; seen:\n${lines.slice(-60).join("\n")}`;
}

const NONE_FAILED = "finds no failed sentinel";
const ANOTHER = "another rollout has begun";
const LOOKS: readonly Verb[] = ["Resume", "RetryFailed", "RollbackAll", "Abort"];

interface Answered {
  status: number;
  body: { state?: string; image?: string; next?: string[]; message?: string };
}

/** What an answer says, as `explain` understands it. @throws Error when it contradicts itself */
export function said(verb: Verb, { status, body }: Answered): string {
  if (status === 200) {
    if (verb === "Plan") return "200";
    const { state = "" } = body;
    // That it may be frozen is said in every state.
    const next = body.next?.filter((each) => each !== "Freeze");
    if (BACK.includes(verb)) return `200 ${state}`;
    // A drive that others have gone on from has nothing to propose.
    const drove = verb === "Rollout" || verb === "Resume" || verb === "RetryFailed";
    const superseded = drove && next?.length === 0 && (state === "cancelled" || state === "paused");
    // No way back is proposed where nothing is left to revert, and no retry where nobody is failed.
    const legal = LEGAL[state as Phase] ?? [];
    const proposals = [[], BACK, ["RetryFailed"], [...BACK, "RetryFailed"]].map((none) =>
      String(legal.filter((each) => !none.includes(each))),
    );
    if (!superseded && !proposals.includes(String(next))) {
      throw new Error(`${verb} answered ${state} with next: ${next}`);
    }
    return `200 ${state} ${body.image}`;
  }
  if (status === 409 && body.message?.includes(NONE_FAILED)) return `409 ${NONE_FAILED}`;
  if (status === 409 && /^It came while there was rollout /.test(body.message ?? "")) return `409 ${ANOTHER}`;
  const refusal = /^(\w+) is not legal while the rollout is (\w+); legal now: (.+)\.$/.exec(
    body.message ?? "",
  );
  const [, refused, phase = "", legal = ""] = refusal ?? [];
  const now = LEGAL[phase as Phase]?.join(", ") || "nothing but to wait until it has ended";
  if (status !== 409 || refused !== verb || legal !== now) {
    throw new Error(`${verb} answered ${status} ${JSON.stringify(body)}`);
  }
  return `409 ${phase}`;
}
