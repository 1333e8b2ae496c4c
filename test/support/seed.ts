import { randomInt } from "node:crypto";

/** Of everything random in a run of these tests. `TEST_SEED=…` repeats a run; each file says what it used. */
export function seedOf(what: string): number {
  const given = process.env.TEST_SEED ?? "";
  const seed = given === "" ? randomInt(2 ** 31) : Number(given);
  if (!Number.isInteger(seed)) throw new Error(`TEST_SEED must be a whole number, got ${given}`);
  process.stdout.write(`${what}: TEST_SEED=${seed}\n`);
  return seed;
}
