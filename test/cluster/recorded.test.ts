import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { Cluster } from "../support/kubernetes-api.ts";
import { play, type Recording } from "./recording.ts";
import { SCENARIOS } from "./scenarios.ts";
import { stepsOf } from "./steps.ts";

// Recorded from a real cluster by `record.ts`: what the embedded API is measured against.
describe("watchers of Deployments, ReplicaSets and pods see what a real cluster shows", () => {
  it.concurrent.for(SCENARIOS)("in the scenario $name", async (scenario) => {
    const file = new URL(`recorded/${scenario.name}.json`, import.meta.url);
    const recorded: Recording = JSON.parse(await readFile(file, "utf8"));
    const cluster = await Cluster.start();
    try {
      const seen = await play(cluster, scenario);
      expect(counts(seen)).toEqual(counts(recorded));
      const refusals = Object.entries(seen).flatMap(([title, { sequences }]) => {
        const steps = stepsOf(recorded[title]?.sequences ?? []);
        return sequences.flatMap((sequence) => {
          const refusal = steps.refuse(sequence);
          return refusal === undefined ? [] : [`${title}: ${refusal}`];
        });
      });
      expect(refusals.join("\n")).toBe("");
    } finally {
      await cluster.stop();
    }
  });
});

function counts(recording: Recording): Record<string, number> {
  return Object.fromEntries(Object.entries(recording).map(([title, { count }]) => [title, count]));
}
