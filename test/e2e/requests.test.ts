import { describe, expect } from "vitest";
import { call } from "../../src/local-stack/restate-api.ts";
import { it } from "../support/world.ts";

const SERVICE = "hydra.v1.SentinelRolloutService";

describe("requests", () => {
  it.override({ options: { sentinels: 2 } });

  it("that are wrong, or have another key, write nothing where there is nothing yet", async ({ world }) => {
    for (const path of [
      `${SERVICE}/singleton/Rollout`,
      `${SERVICE}/other/Rollout`,
      `${SERVICE}/other/Status`,
    ]) {
      expect((await call(world.stack.ingress, path, { image: "x" })).status, path).toBe(400);
    }
    expect(await world.sql("SELECT * FROM state")).toEqual([]);
    expect(world.slack()).toEqual([]);
  });

  it("without a rollout: Status is idle, and the other verbs say what is legal", async ({ world }) => {
    expect(await world.status()).toMatchObject({ state: "idle", next: ["Rollout"], started_at: null });
    for (const verb of ["Resume", "Cancel", "RollbackAll"]) {
      const { status, body } = await world.verb(verb);
      expect(status).toBe(409);
      expect(body.message).toBe(`${verb} is not legal while the rollout is idle; legal now: Rollout.`);
    }
    expect(await world.sql("SELECT * FROM state")).toEqual([]);
  });

  it("may have an empty body, and no content type, where no field is required", async ({ world }) => {
    const response = await fetch(`${world.stack.ingress}/${SERVICE}/singleton/Status`, { method: "POST" });
    expect(response.status).toBe(200);
  });
});
