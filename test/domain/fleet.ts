import type { Answer } from "../../src/domain/answer.ts";
import type { Limits } from "../../src/domain/state.ts";
import { begin, failed, type Play, ready, reverted, type Said } from "./machines.ts";
import type { Speaker } from "./speaker.ts";

/** A wave of so many. */
export function wave(size: number, prefix = "s"): [id: string, from: string][] {
  return Array.from({ length: size }, (_, i) => [`${prefix}${String(i).padStart(5, "0")}`, "sentinel:v1"]);
}

const SAID = { ready, reverted, failed };

/** A drive with all its lanes: who has something to say says it, until nobody has. */
export class Crew {
  readonly play: Play;
  readonly driver: Speaker;
  readonly lanes: Speaker[];

  constructor(play: Play, driver: Speaker) {
    this.play = play;
    this.driver = driver;
    this.lanes = [driver];
  }

  static of(play: Play, size: number, window: number, limits?: Limits): Crew {
    const event = { ...begin("rollout-1", [wave(size)]), ...(limits === undefined ? {} : { limits }) };
    const crew = new Crew(play, play.drives(event, window));
    crew.say(crew.driver, [], { opens: { wave: 0, window } });
    return crew;
  }

  say(lane: Speaker, results: Said[] = [], rest: Parameters<Speaker["report"]>[1] = {}): Answer {
    const answer = lane.report(results, rest);
    const opened = this.play.opens(answer);
    this.lanes.push(...opened);
    for (const each of opened) this.say(each);
    return answer;
  }

  /** Until nobody has been rung, nobody has launched anything that others wait to hear of, and the pace lets no more be launched. */
  calm(): void {
    for (;;) {
      this.rest();
      const { paced } = this.play.drive ?? {};
      const lane = this.lanes.find((each) => each.lane === paced?.lane);
      if (paced === undefined || lane === undefined) return;
      this.play.now = Math.max(this.play.now, paced.untilMs);
      this.say(lane, [], { due: true });
    }
  }

  /** The same, in this very moment. */
  rest(): void {
    for (let lane = this.#next(); lane !== undefined; lane = this.#next()) this.say(lane);
  }

  #next(): Speaker | undefined {
    return this.lanes.find(({ tells, rung }) => tells || rung);
  }

  /** So many of those in flight come up. */
  settle(most: number, is: "ready" | "reverted" | "failed" = "ready"): void {
    let left = most;
    for (const lane of this.lanes) {
      const ids = [...lane.flying.keys()].slice(0, Math.min(left, 16));
      if (ids.length === 0) continue;
      left -= ids.length;
      this.say(
        lane,
        ids.map((id) => SAID[is](id)),
        { due: true },
      );
      if (left <= 0) return;
    }
  }

  get flying(): number {
    return this.lanes.reduce((sum, lane) => sum + lane.flying.size, 0);
  }

  get launched(): number {
    return this.lanes.reduce((sum, lane) => sum + lane.launched.length, 0);
  }
}
