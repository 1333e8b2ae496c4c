import { createHash, randomInt } from "node:crypto";
import type { PodTemplate } from "./objects.ts";

/** No vowels and no look-alikes: generated names must not spell words. */
const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";

/** A random end for a generated name. */
export function suffix(length: number): string {
  return Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
}

const keys = new WeakMap<PodTemplate, string>();

/** Equal for templates that say the same, whatever the order of their fields. */
export function templateKey(template: PodTemplate): string {
  const known = keys.get(template);
  if (known !== undefined) return known;
  const key = JSON.stringify(template, (_, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  keys.set(template, key);
  return key;
}

/** The `pod-template-hash`: ten characters that are the same for equal templates. */
export function templateHash(template: PodTemplate): string {
  const digest = createHash("sha256").update(templateKey(template)).digest();
  return Array.from(digest.subarray(0, 10), (byte) => ALPHABET[byte % ALPHABET.length]).join("");
}
