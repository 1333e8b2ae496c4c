import type { System, World } from "./world.ts";

export function holds(guarantee: boolean | undefined, text: string): void {
  if (!guarantee) throw new Error(`does not hold: ${text}`);
}

/** Nothing was cut short, and everybody answers: what is stored is all there is to know. */
export function isWhole({ left }: World, system: System): boolean {
  const faults = ["kill", "killLane", "torn", "freeze"] as const;
  return faults.every((fault) => left[fault] === (system.left[fault] ?? 0));
}
