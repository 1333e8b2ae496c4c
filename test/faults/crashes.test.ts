import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seedOf } from "../operator/seed.ts";
import { Arena } from "./harness/arena.ts";
import { Random } from "./harness/random.ts";

const random = new Random(seedOf("crashes"));
const CRASH = { name: "service killed", losesAnswers: 1, crashes: true };

let arena: Arena;
beforeAll(async () => {
  arena = await Arena.open();
});
afterAll(() => arena.close());

describe("the service is killed with -9", () => {
  it("once, at a random step of a rollout", async () => {
    await arena.checker.begin();
    arena.suffers(CRASH);
    const side = random.pick(["before", "after"] as const);
    arena.failpoints.arm({ point: "*", side, skip: random.between(0, 60) });
    const { body } = await arena.verb("Rollout", { image: "x/sentinel:v2" });
    expect(arena.failpoints.fired).toHaveLength(1);
    expect(body.state).toBe("completed");
    await arena.checker.check();
  });
});
