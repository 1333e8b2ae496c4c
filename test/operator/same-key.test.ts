import { describe, expect } from "vitest";
import { type Answer, call } from "../../src/local-stack/restate-api.ts";
import type { RollbackResponse } from "../../src/restate/rollback-schemas.ts";
import type { RolloutResponse } from "../../src/restate/rollout-schemas.ts";
import { it, NEW, OLD, ROLLOUT, type World } from "../support/world.ts";

/** Somebody uses a key again that has been used before: Restate answers what was answered then. */
function asked<T>(world: World, verb: string, body: object, key: string): Promise<Answer<T>> {
  return call<T>(world.stack.ingress, `${ROLLOUT}/${verb}`, body, { headers: { "idempotency-key": key } });
}

describe("an idempotency-key that is used again", () => {
  it.override({ options: { sentinels: 3 } });

  it("is answered with words that say of which rollout they are, and of when", async ({ world }) => {
    const body = { image: NEW, wave_percentages: [100] };
    const { body: first } = await asked<RolloutResponse>(world, "Rollout", body, "monday");
    const { waiting_since: endedAt } = await world.status();
    expect(first).toMatchObject({ state: "completed", image: NEW, as_of: endedAt });
    await world.change("UPDATE sentinels SET k8s_name = 'gone' WHERE id = 'sen_0003'");
    const { body: other } = await world.verb("Rollout", { image: OLD, wave_percentages: [100] });
    expect(other).toMatchObject({ state: "paused", image: OLD });
    expect(other.rollout_id).not.toBe(first.rollout_id);

    const { body: again } = await asked<RolloutResponse>(world, "Rollout", { ...body, image: OLD }, "monday");
    expect(again).toEqual(first);
    expect(again.message).toBe(
      `Completed: 3 of 3 sentinels took ${NEW}. This tells of rollout ${first.rollout_id} as of ${endedAt}.`,
    );

    const { body: cancelled } = await asked<RolloutResponse>(world, "Cancel", {}, "stop");
    expect(cancelled.message).toContain(
      ` This tells of rollout ${other.rollout_id} as of ${cancelled.as_of}.`,
    );
    const { body: back } = await asked<RollbackResponse>(world, "RollbackAll", {}, "back");
    const { waiting_since: backAt } = await world.status();
    expect(back).toMatchObject({ rollout_id: other.rollout_id, image: OLD, as_of: backAt });
    expect(back.message).toMatch(/^Rolled back: 2 of 2 sentinels reverted\. /);
    expect(back.message.endsWith(` This tells of rollout ${other.rollout_id} as of ${backAt}.`)).toBe(true);
    expect((await asked<RollbackResponse>(world, "RollbackAll", {}, "back")).body).toEqual(back);
    // What is true now is for Status to say.
    expect((await world.status()).message).not.toContain("This tells of");
  });

  it("of a rollout of nothing says when there was nothing", async ({ world }) => {
    await world.change("UPDATE sentinels SET desired_state = 'standby'");
    const since = new Date().toISOString();
    const { body } = await asked<RolloutResponse>(world, "Rollout", { image: NEW }, "nothing");
    expect(body).toMatchObject({ state: "completed", rollout_id: "", total: 0 });
    expect(body.as_of && body.as_of >= since).toBe(true);
    expect(body.message).toBe(
      `There is no running sentinel: nothing to roll out. This tells of ${body.as_of}, of no rollout.`,
    );
  });
});
