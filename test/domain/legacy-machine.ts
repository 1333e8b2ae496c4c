import type { Decision } from "../../src/domain/answer.ts";
import { ALL_KEYS, Book, MissingError, type Write } from "../../src/domain/book.ts";
import type { Drive, Item } from "../../src/domain/drive-state.ts";
import type { Event, Report } from "../../src/domain/event.ts";
import { legacyEvent } from "../../src/domain/legacy-drive.ts";
import type { LegacyEvent } from "../../src/domain/legacy-report.ts";
import { apply } from "../../src/domain/rollout.ts";
import type { Part, RolloutState } from "../../src/domain/state.ts";
import { type View, viewOf } from "../../src/domain/view.ts";
import type { LegacyReply } from "../legacy/stories.ts";

/** What version 0.1 stored, under the decisions of this one. */
export class Machine {
  readonly stored: Map<string, unknown>;
  nowMs = 1_800_000_000_000;

  constructor(stored: Map<string, unknown>) {
    this.stored = structuredClone(stored);
  }

  decide(event: Event): Decision {
    const loaded = new Map<string, unknown>();
    this.nowMs += 2_000;
    for (;;) {
      try {
        return structuredClone(apply(new Book(loaded), event, this.nowMs));
      } catch (error) {
        if (!(error instanceof MissingError)) throw error;
        for (const key of error.keys) {
          const value = key === ALL_KEYS ? [...this.stored.keys()] : (this.stored.get(key) ?? null);
          loaded.set(key, structuredClone(value));
        }
      }
    }
  }

  /** @param writes which of them are carried out; all unless the decision is cut short */
  happen(event: Event, writes = Infinity): Decision {
    const outcome = this.decide(event);
    for (const write of outcome.writes.slice(0, writes)) this.#carryOut(write);
    return outcome;
  }

  /** What a handler of version 0.1 is answered. */
  legacy(event: LegacyEvent): Decision & { reply: LegacyReply } {
    const translated = legacyEvent(event);
    if (translated === undefined) throw new Error(`${event.type} is refused`);
    const outcome = this.happen(translated);
    const { accepted, view, legacy } = outcome.answer;
    return { ...outcome, reply: { accepted, view, ...legacy } as unknown as LegacyReply };
  }

  #carryOut(write: Write): void {
    if ("clear" in write) this.stored.delete(write.key);
    else this.stored.set(write.key, write.value);
  }

  get head(): RolloutState {
    return this.stored.get("rolloutState") as RolloutState;
  }

  get drive(): Drive {
    return this.stored.get("drive") as Drive;
  }

  get view(): View {
    return viewOf(this.head, this.drive);
  }

  fleet(): Part {
    const keys = [...this.stored.keys()].filter((key) => key.startsWith("rolloutState/")).sort();
    return Object.assign({}, ...keys.map((key) => this.stored.get(key)));
  }

  /** Ids by what they are. */
  ids(...is: string[]): string[] {
    return Object.entries(this.fleet())
      .filter(([, entry]) => is.includes(entry.is))
      .map(([id]) => id)
      .sort();
  }

  /** A drive of this version, all of whose Deploys come up at once; returns what it launched, in order. */
  drives(opening: Event & { type: "resume" | "beginRollback" }, meanwhile: LegacyEvent[] = []): Item[] {
    const { answer } = this.happen(opening);
    const { invocationId } = opening;
    const [back, lane = 0] = [opening.type === "beginRollback", answer.lane];
    const launched: Item[] = [];
    let { driver } = answer;
    let opens: Report["opens"] = back ? { wave: 0, window: 5 } : undefined;
    let got = 0;
    let results: Report["results"] = [];
    for (let seq = 1; driver?.done !== true; seq++) {
      if (seq > 100) throw new Error("it does not come to an end");
      if (driver?.wave !== undefined) opens = { wave: driver.wave.number - 1, window: 5 };
      if (opens === undefined && results.length === 0) {
        const [next] = meanwhile.splice(0, 1);
        if (next !== undefined) this.legacy(next);
      }
      const rolloutId = this.head.rolloutId;
      const report: Report = { type: "report", rolloutId, lane, seq, got, results, invocationId, due: true };
      const told = this.happen({ ...report, ...(opens === undefined ? {} : { opens }) }).answer;
      [results, opens, driver] = [[], undefined, told.driver];
      if (told.grant === undefined || told.grant.n <= got) continue;
      got = told.grant.n;
      launched.push(...told.grant.items);
      results = told.grant.items.map((item) => ({ ...item, is: back ? "reverted" : "succeeded" }));
    }
    return launched;
  }
}
