import type { Event } from "../../src/domain/event.ts";
import type { HealthSurvey } from "../../src/domain/health.ts";
import type { Limits } from "../../src/domain/state.ts";
import { begin, Play, ready } from "./machines.ts";
import type { Speaker } from "./speaker.ts";

const FLEET: [string, string][][] = [
  [
    ["a", "v1"],
    ["b", "v1"],
    ["c", "v1"],
  ],
  [
    ["d", "v1"],
    ["e", "v1"],
  ],
];
export const NOBODY = { total: 0, unhealthy: 0 };
export const SURVEY: HealthSurvey = { updated: NOBODY, notUpdated: NOBODY, regions: {}, unseen: [] };
export const WHY = "OOMKilled three times";

interface Seen {
  broken?: string[];
  recovered?: string[];
  health?: HealthSurvey;
}

export function seen(play: Play, { broken = [], recovered = [], health = SURVEY }: Seen): Event {
  const regressed = broken.map((id) => ({ id, sinceMs: play.now - 60_000, why: WHY }));
  return { type: "health", rolloutId: play.head.rolloutId, regressed, recovered, health };
}

export const broke = (play: Play, ...broken: string[]) => play.do(seen(play, { broken }));
export const recovers = (play: Play, ...recovered: string[]) => play.do(seen(play, { recovered }));

/** In its first wave, one Deploy at a time unless more are asked for. */
export function running(limits: Limits = {}, window = 1): [Play, Speaker] {
  const play = new Play();
  const event = { ...begin("rollout-1", FLEET), limits: { soakSeconds: [60, 60], ...limits } };
  const driver = play.drives(event, window);
  driver.open(0);
  return [play, driver];
}

/** Its first wave has come up, and soaks. */
export function soaking(limits: Limits = {}): [Play, Speaker] {
  const [play, driver] = running(limits, 3);
  driver.report(["a", "b", "c"].map(ready));
  return [play, driver];
}

export function passes(play: Play): void {
  play.now = play.head.soakUntilMs ?? play.now;
  play.do({ type: "soakEnds", rolloutId: play.head.rolloutId, untilMs: play.head.soakUntilMs ?? 0 });
}

/** In its second wave, one Deploy at a time. */
export function inSecond(limits: Limits = {}, window = 1): [Play, Speaker] {
  const [play, driver] = soaking(limits);
  passes(play);
  driver.report([], { opens: { wave: 1, window } });
  driver.report();
  return [play, driver];
}

export const kindOf = ({ head: { state, pauseKind } }: Play) => (state === "paused" ? pauseKind : state);
