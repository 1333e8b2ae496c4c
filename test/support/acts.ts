import { expect } from "vitest";
import { call } from "../../src/local-stack/restate-api.ts";
import type { HistoryResponse } from "../../src/restate/history-schemas.ts";
import type { RolloutResponse } from "../../src/restate/rollout-schemas.ts";
import { NEW, type Refusal, ROLLOUT, type World } from "./stack-world.ts";

export type Act = HistoryResponse["actions"][number];

/** What operators do, each under its name, and what the history tells of it. */
export class Acts {
  readonly #world: World;
  #images = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Calls a verb as an operator who says who it is. */
  as(operator: string, verb: string, body: object = {}, header = "x-operator") {
    const headers = { [header]: operator, authorization: "Bearer canary" };
    const url = `${ROLLOUT}/${verb}`;
    return call<RolloutResponse & Refusal>(this.#world.stack.ingress, url, body, { headers });
  }

  async history(body: object = {}): Promise<HistoryResponse> {
    const { status, body: answer } = await this.#world.verb<HistoryResponse & Refusal>("History", body);
    expect(status, answer.message).toBe(200);
    return answer;
  }

  /** The oldest first, once all of the queue is written. */
  async told(body: object = {}): Promise<Act[]> {
    await this.#world.quiet();
    return (await this.history({ limit: 1_000, ...body })).actions.toReversed();
  }

  /** Begins a rollout of its own image that pauses in its first wave. */
  async paused(operator: string): Promise<string> {
    await this.#world.fault("sen_0001", "CreateContainerConfigError");
    const image = NEW.replace(/v1.*$/, `v7.0.${++this.#images}`);
    const request = { image, wave_percentages: [25, 75, 100], comment: "the fix" };
    const { body } = await this.as(operator, "Rollout", request);
    expect(body).toMatchObject({ state: "paused", wave: 1, failed: 1 });
    return body.rollout_id ?? "";
  }
}
