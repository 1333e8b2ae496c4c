import type { Answer, DriverOrder } from "../../../src/domain/answer.ts";
import type { Grant } from "../../../src/domain/drive-state.ts";
import type { Event, Report } from "../../../src/domain/event.ts";
import type { RolloutState } from "../../../src/domain/state.ts";
import { HEAD_KEY } from "../../../src/domain/state-keys.ts";
import { bellOf, type Deploy, type Shell, type System, type World } from "./world.ts";

/** A world that is being changed: its lists are its own, what is in them is not. */
export type Draft = { -readonly [K in keyof World]: World[K] } & { system: System };

export function draftOf(world: World, system: System): Draft {
  return { ...world, system };
}

/** The draft's own copy of an invocation. */
export function own(draft: Draft, id: string): Shell {
  const at = draft.shells.findIndex((shell) => shell.id === id);
  const shell = draft.shells[at];
  if (shell === undefined) throw new Error(`${id} has ended`);
  const copy = { ...shell };
  draft.shells = draft.shells.with(at, copy);
  return copy;
}

export function newShell(id: string, of: Shell["of"], parent?: string): Shell {
  const shell: Shell = {
    ...{ id, of, rolloutId: "", image: "", lane: 0 },
    ...{ seq: 0, got: 0, unsent: [], bell: 1, opened: [], ended: [] },
  };
  return parent === undefined ? shell : { ...shell, parent };
}

/** It ends by itself; its Deploys go on, and nobody hears of them. */
export function end(draft: Draft, id: string, failed = false): void {
  const ending = draft.shells.find((shell) => shell.id === id);
  draft.shells = draft.shells.filter((shell) => shell.id !== id);
  draft.deploys = draft.deploys.map((deploy) => {
    const { shell, ...orphan } = deploy;
    return shell === id ? orphan : deploy;
  });
  if (ending !== undefined) tellParent(draft, ending, failed);
}

export function tellParent(draft: Draft, { parent, lane }: Shell, failed: boolean): void {
  if (parent === undefined || !draft.shells.some(({ id }) => id === parent)) return;
  const driver = own(draft, parent);
  driver.ended = [...driver.ended, { lane, failed }];
}

function flying(draft: Draft, { id }: Shell): number {
  return draft.deploys.filter(({ shell }) => shell === id).length;
}

/** Goes on to where it waits: for what comes, or for the answer to a report. */
export function goOn(draft: Draft, shell: Shell): void {
  if (shell.call !== undefined || shell.frozen || shell.interrupts !== undefined) return;
  const { interrupted } = shell;
  if (interrupted !== undefined) {
    delete shell.interrupted;
    answeredDriver(draft, shell, interrupted);
    return;
  }
  const results = shell.unsent.length;
  if (shell.due || results >= 16 || (results > 0 && flying(draft, shell) === 0)) send(shell);
}

export function ask(shell: Shell, event: Event, then: "loop" | "report" = "loop"): void {
  shell.call = { event, then };
}

export function send(shell: Shell, opens?: Report["opens"]): void {
  const { rolloutId, lane, unsent: results, got, due, at } = shell;
  shell.seq++;
  ask(shell, {
    type: "report",
    ...{ rolloutId, lane, seq: shell.seq, got, results: [...results], bell: bellOf(shell) },
    invocationId: shell.id,
    due: due === true,
    ...(at === undefined ? {} : { at }),
    ...(opens === undefined ? {} : { opens }),
  });
  shell.unsent = [];
  delete shell.wantsAgain;
  delete shell.due;
  // Timers go on, but have nothing to say now; the next result starts one that may elapse at once.
  delete shell.gather;
  delete shell.again;
}

function take(draft: Draft, shell: Shell, { grant, againInMs }: Pick<Answer, "grant" | "againInMs">) {
  if (againInMs !== undefined) {
    shell.wantsAgain = true;
    shell.again = true;
  }
  if (grant === undefined || grant.n <= shell.got) return false;
  const launched = grant.items.map(
    (item): Deploy => ({
      ...item,
      image: grant.image ?? item.from ?? "",
      rollout: shell.image,
      reverts: shell.of === "rollback",
      shell: shell.id,
    }),
  );
  draft.deploys = [...draft.deploys, ...launched];
  for (const { id } of launched) startNext(draft, id);
  shell.got = grant.n;
  const { at } = grant.items.at(-1) ?? {};
  if (at !== undefined) shell.at = at;
  return grant.confirm;
}

/**
 * The first Deploy of a sentinel that is in flight writes its row; a revert tests it first.
 * @param waited for another one to end: it asks whether its rollout still launches it
 */
export function startNext(draft: Draft, id: string, waited = false): void {
  const first = draft.deploys.find((deploy) => deploy.id === id);
  const row = draft.rows[id];
  if (first === undefined || row === undefined || first.reverts) return;
  const shell = draft.shells.find((each) => each.id === first.shell);
  const { rolloutId, state } = draft.kv.get(HEAD_KEY) as RolloutState;
  // A grant that is taken once another rollout has begun is so old that its Deploy asks, too.
  const replaced = shell !== undefined && shell.rolloutId !== rolloutId;
  if (replaced || (waited && shell !== undefined && state !== "in_progress")) {
    draft.deploys = draft.deploys.map((each) => (each === first ? { ...first, standsDown: true } : each));
    return;
  }
  draft.rows = {
    ...draft.rows,
    [id]: { ...row, image: first.image, is: "progressing", ...writtenIn(draft) },
  };
}

/** When a row is written: rows are only asked where somebody does not answer. */
export function writtenIn({ drives, system }: Draft): { at?: number } {
  return system.left.freeze === undefined || system.left.RetryFailed === undefined ? {} : { at: drives };
}

/** Takes a grant that came through the bell; without one, if it has it already, or if others wait, it asks. */
export function hear(draft: Draft, shell: Shell, grant: Grant | undefined): void {
  if (grant === undefined || grant.n <= shell.got || take(draft, shell, { grant })) send(shell);
  else goOn(draft, shell);
}

/** What it does with the answer to its call. */
export function answered(draft: Draft, shell: Shell, answer: Answer): void {
  const { then } = shell.call ?? {};
  delete shell.call;
  delete shell.answer;
  if (then === "report") send(shell);
  else if (shell.parent === undefined) answeredDriver(draft, shell, answer);
  else answeredLane(draft, shell, answer);
}

function answeredLane(draft: Draft, shell: Shell, answer: Answer): void {
  const tells = answer.accepted && take(draft, shell, answer);
  const idle = flying(draft, shell) === 0 && shell.unsent.length === 0;
  if (!answer.accepted || (answer.over && idle)) end(draft, shell.id);
  else if (tells) send(shell);
  else goOn(draft, shell);
}

function answeredDriver(draft: Draft, shell: Shell, answer: Answer): void {
  const { driver } = answer;
  const tells = take(draft, shell, answer);
  if (driver !== undefined && !driver.done) follow(draft, shell, driver);
  if (driver?.done) end(draft, shell.id);
  else if (shell.call === undefined && tells) send(shell);
  else goOn(draft, shell);
}

/** A drive that has begun. */
export function openedDrive(draft: Draft, shell: Shell, { rolloutId, lane = 0, view, driver }: Answer): void {
  Object.assign(shell, { rolloutId, lane, image: view?.image ?? "" });
  if (driver === undefined || driver.done) {
    end(draft, shell.id);
  } else if (shell.of === "rollback") {
    send(shell, { wave: 0, window: draft.system.window });
  } else if (driver.wave === undefined && driver.open.length === 0) {
    send(shell);
  } else {
    follow(draft, shell, driver);
    goOn(draft, shell);
  }
}

function follow(draft: Draft, shell: Shell, { wave, open }: DriverOrder): void {
  if (wave?.load) {
    shell.loading ??= "runs";
    return;
  }
  if (wave !== undefined) {
    send(shell, { wave: wave.number - 1, window: draft.system.window });
    return;
  }
  for (const lane of open) {
    if (shell.opened.includes(lane)) continue;
    shell.opened = [...shell.opened, lane];
    const { rolloutId, image } = shell;
    const opened = { ...newShell(`${shell.id}, lane ${lane}`, shell.of, shell.id), lane, rolloutId, image };
    send(opened);
    draft.shells = [...draft.shells, opened];
  }
}
