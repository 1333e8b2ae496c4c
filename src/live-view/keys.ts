import type { StatusResponse } from "../restate/rollout-schemas.ts";
import type { Guard } from "./verbs.ts";

/** Which key is for which verb; offered where the verb is legal. */
const VERBS: Readonly<Record<string, { verb: string; label: string }>> = {
  p: { verb: "Pause", label: "pause" },
  r: { verb: "Resume", label: "resume" },
  c: { verb: "Cancel", label: "cancel" },
  a: { verb: "Abort", label: "abort" },
  f: { verb: "RetryFailed", label: "retry failed" },
};

/** What the keys have come to so far. */
export interface Desk {
  /** A verb that is sent if the next key is y, about what was seen when it was asked for. */
  asking?: { verb: string; guard: Guard; image: string };
  /** What became of the last one. */
  note?: string;
  /** Whether detail is shown; absent: as it seems useful. */
  detail?: boolean;
}

export type Deed = { kind: "nothing" } | { kind: "quit" } | ({ kind: "send" } & Required<Desk>["asking"]);

/**
 * One key. A verb is sent only after a question of its own, and then about the rollout and the wave that the question named.
 * @param shown whether detail is shown now
 */
export function pressed(desk: Desk, key: string, status: StatusResponse, shown: boolean): [Desk, Deed] {
  const { asking, ...rest } = desk;
  if (asking !== undefined) {
    if (key.toLowerCase() === "y") {
      return [
        { ...rest, note: `${asking.verb}: sent …` },
        { kind: "send", ...asking },
      ];
    }
    return [{ ...rest, note: `${asking.verb} was not sent.` }, { kind: "nothing" }];
  }
  if (key === "q") return [desk, { kind: "quit" }];
  if (key === "d") return [{ ...desk, detail: !shown }, { kind: "nothing" }];
  const { verb } = VERBS[key] ?? {};
  if (verb === undefined) return [desk, { kind: "nothing" }];
  const { guard, image, next } = status;
  if (!next.includes(verb) || guard === null) {
    const legal = next.length === 0 ? "nothing is" : `${next.join(", ")} ${next.length === 1 ? "is" : "are"}`;
    return [{ ...desk, note: `${verb} is not legal now: ${legal}.` }, { kind: "nothing" }];
  }
  const { note: _, ...quiet } = rest;
  return [{ ...quiet, asking: { verb, guard, image } }, { kind: "nothing" }];
}

/** What is said of the keys: the question, or what there is to press, and what became of the last one. */
export function deskLines({ asking, note }: Desk, { next, guard }: StatusResponse): string[] {
  if (asking !== undefined) {
    const { verb, image } = asking;
    const { rollout_id, wave } = asking.guard;
    return [`? ${verb} rollout ${rollout_id} of ${image} in wave ${wave}? y/n`];
  }
  const offered = Object.entries(VERBS).filter(([, { verb }]) => guard !== null && next.includes(verb));
  const keys = [...offered.map(([key, { label }]) => `${key} ${label}`), "d detail", "q quit"];
  return [...(note === undefined ? [] : [`> ${note}`]), `keys: ${keys.join(" · ")}`];
}
