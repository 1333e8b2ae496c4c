/** What operators did and were told, checked against the runbook's state machine. */

type Phase = "idle" | "in_progress" | "paused" | "cancelled" | "completed" | "rolling_back";
export type Verb = "Rollout" | "Resume" | "Cancel" | "RollbackAll" | "Status" | "Plan";

/** The runbook's table. */
const LEGAL: Record<Phase, Verb[]> = {
  idle: ["Rollout"],
  completed: ["Rollout"],
  cancelled: ["Rollout", "RollbackAll"],
  in_progress: ["Cancel"],
  paused: ["Resume", "Cancel", "RollbackAll"],
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
  calls: Record<number, Call>;
}

/** `heard` is what its answer will say; before it a call waits for its turn, or drives. */
type Call = { verb: Verb; image: string } & (
  | { at: "waiting" }
  | { at: "driving" }
  | { at: "heard"; says: string }
);

/**
 * Throws when no order of events explains what was seen: every verb takes effect at one moment between its request and
 * its answer, and says what was true at that moment. Drives end by themselves. Every rollout is of a fleet in which one
 * sentinel fails: a Rollout that nobody cancels ends paused, and a Resume goes on without that sentinel and completes.
 */
export function explain(history: readonly Sight[], start: { phase: Phase; image: string }): void {
  let possible = [{ ...start, calls: {} } as Possibility];
  for (const [at, sight] of history.entries()) {
    if (sight.kind === "asked") {
      const { call, verb, image } = sight;
      possible = possible.map((p) => put(p, call, { verb, image, at: "waiting" }));
      continue;
    }
    const { call, said } = sight;
    const before = closure(possible);
    const after = before.filter(({ calls }) => {
      const known = calls[call];
      return known?.at === "heard" && known.says === said;
    });
    if (after.length === 0) throw new Error(unexplained(history.slice(0, at + 1), call, before));
    possible = distinct(after.map((p) => without(p, call)));
  }
}

/** All that can have happened without anybody being told yet. */
function closure(from: Possibility[]): Possibility[] {
  const known = new Map(from.map((p) => [keyOf(p), p]));
  for (const p of known.values()) {
    for (const next of steps(p)) {
      const key = keyOf(next);
      if (!known.has(key)) known.set(key, next);
    }
  }
  return [...known.values()];
}

function steps(p: Possibility): Possibility[] {
  return Object.entries(p.calls).flatMap(([key, call]) => {
    const id = Number(key);
    if (call.at === "waiting") return [takesEffect(p, id, call)];
    if (call.at === "driving") return [driveEnds(p, id, call)];
    return [];
  });
}

function takesEffect(p: Possibility, id: number, call: Call): Possibility {
  const { phase, image } = p;
  const hears = (says: string) => put(p, id, { ...call, at: "heard", says });
  if (call.verb === "Plan") return hears("200");
  if (call.verb === "Status") return hears(`200 ${phase} ${image}`);
  if (!LEGAL[phase].includes(call.verb)) return hears(`409 ${phase}`);
  if (call.verb === "Cancel") return cancelled(hears(`200 cancelled ${image}`));
  const drives = put(p, id, { ...call, at: "driving" });
  if (call.verb === "RollbackAll") return { ...drives, phase: "rolling_back" };
  return { ...drives, phase: "in_progress", image: call.verb === "Rollout" ? call.image : image };
}

/** The drive is told, and answers when its Deploys have settled, whatever others do meanwhile. */
function cancelled(p: Possibility): Possibility {
  const calls = Object.entries(p.calls).map(([id, call]): [string, Call] =>
    call.at === "driving" ? [id, { ...call, at: "heard", says: `200 cancelled ${p.image}` }] : [id, call],
  );
  return { ...p, phase: "cancelled", calls: Object.fromEntries(calls) };
}

function driveEnds(p: Possibility, id: number, call: Call): Possibility {
  const phase = ({ Rollout: "paused", Resume: "completed" } as const)[call.verb as "Rollout"] ?? "cancelled";
  const says = call.verb === "RollbackAll" ? `200 ${phase}` : `200 ${phase} ${p.image}`;
  return { ...put(p, id, { ...call, at: "heard", says }), phase };
}

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

interface Answered {
  status: number;
  body: { state?: string; image?: string; next?: string[]; message?: string };
}

/** What an answer says, as `explain` understands it. @throws Error when it contradicts itself */
export function said(verb: Verb, { status, body }: Answered): string {
  if (status === 200) {
    if (verb === "Plan") return "200";
    const { state = "", next } = body;
    if (verb === "RollbackAll") return `200 ${state}`;
    // A drive that others have gone on from has nothing to propose.
    const superseded = state === "cancelled" && next?.length === 0 && verb !== "Cancel" && verb !== "Status";
    // No rollback is proposed where nothing is left to revert.
    const legal = LEGAL[state as Phase] ?? [];
    const proposals = [legal, legal.filter((each) => each !== "RollbackAll")].map(String);
    if (!superseded && !proposals.includes(String(next))) {
      throw new Error(`${verb} answered ${state} with next: ${next}`);
    }
    return `200 ${state} ${body.image}`;
  }
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
