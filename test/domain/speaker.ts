import type { Answer } from "../../src/domain/answer.ts";
import type { Grant, Item } from "../../src/domain/drive-state.ts";
import type { Report } from "../../src/domain/event.ts";
import type { Ring } from "../../src/domain/turn.ts";
import type { Play, Said } from "./machines.ts";

/** A lane as the core knows it: it launches at once what it is granted, and says what it is told to say. */
export class Speaker {
  readonly #play: Play;
  readonly id: string;
  readonly lane: number;
  readonly #rolloutId: string;
  readonly #window: number;
  readonly flying = new Map<string, Item>();
  /** All that it was granted, in order. */
  readonly launched: Item[] = [];
  #seq = 0;
  #got = 0;
  #bell = 1;
  /** It has been rung, and has not reported since. */
  rung = false;
  /** It has launched something of which it is to tell at once. */
  tells = false;
  last: Answer | undefined;

  constructor(play: Play, id: string, lane: number, rolloutId: string, window = 500) {
    this.#play = play;
    this.id = id;
    this.lane = lane;
    this.#rolloutId = rolloutId;
    this.#window = window;
  }

  /** So many reports it has made. */
  get reports(): number {
    return this.#seq;
  }

  /** The event of its next report. */
  said(results: readonly Said[] = [], rest: Partial<Report> = {}): Report {
    return {
      type: "report",
      rolloutId: this.#rolloutId,
      lane: this.lane,
      seq: ++this.#seq,
      got: this.#got,
      results: results.map((result) => {
        const { at = "1/1", unrecorded } = this.flying.get(result.id) ?? {};
        return { ...result, at, ...(unrecorded && result.is !== "untouched" ? { unrecorded } : {}) };
      }),
      bell: `${this.id} bell ${this.#bell}`,
      invocationId: this.id,
      due: false,
      ...rest,
    };
  }

  report(results: readonly Said[] = [], rest: Partial<Report> = {}): Answer {
    return this.say(this.said(results, rest));
  }

  /** Says it, perhaps once more. */
  say(event: Report): Answer {
    this.rung = false;
    this.tells = false;
    const { answer } = this.#play.do(event);
    for (const { id } of event.results) this.flying.delete(id);
    if (answer.grant !== undefined) this.take(answer.grant);
    this.last = answer;
    return answer;
  }

  /** Opens a wave (0-based), or the rollback, and says that it launched what it was granted for it. */
  open(wave: number): Answer {
    const answer = this.report([], { opens: { wave, window: this.#window } });
    return this.tells ? this.report() : answer;
  }

  hear({ bell, grant }: Ring): void {
    if (bell !== `${this.id} bell ${this.#bell}`) return;
    this.#bell++;
    this.rung = true;
    if (grant !== undefined) this.take(grant);
  }

  take(grant: Grant): void {
    if (grant.n <= this.#got) return;
    this.#got = grant.n;
    this.tells = grant.confirm;
    for (const item of grant.items) {
      this.flying.set(item.id, item);
      this.launched.push(item);
    }
  }
}
