import { describe, expect, it } from "vitest";
import { type Candidate, serves } from "../../src/domain/candidates.ts";
import { previousImage } from "../../src/rollout/planned-waves.ts";

const TARGET = "sentinel:v2";

/** Serves the target image in every respect. */
const serving: Candidate = {
  id: "sen_1",
  image: TARGET,
  runningImage: TARGET,
  rewritten: false,
  deployStatus: "ready",
  health: "healthy",
  desiredReplicas: 2,
};

describe("who is part of a rollout", () => {
  const cases: [why: string, but: Partial<Candidate>, leftOut: boolean][] = [
    ["serves the image", {}, true],
    ["serves it, never deployed by this service", { deployStatus: "idle" }, true],
    ["has zero replicas and is paused", { desiredReplicas: 0, health: "paused" }, true],
    ["has zero replicas and unknown health", { desiredReplicas: 0, health: "unknown" }, true],
    ["was told another image", { image: "sentinel:v1" }, false],
    ["was told the image, but runs another", { runningImage: "sentinel:v1" }, false],
    [
      "was told the image, and runs what admission made of it",
      { runningImage: "mirror:v2", rewritten: true },
      true,
    ],
    [
      "was told another image, and runs what admission made of that",
      { image: "sentinel:v1", runningImage: "mirror:v1", rewritten: true },
      false,
    ],
    ["was told the image, but nothing was observed yet", { runningImage: "" }, false],
    ["runs the image, but was told another", { image: "sentinel:v3" }, false],
    ["has failed to deploy it", { deployStatus: "failed" }, false],
    ["has failed with zero replicas", { deployStatus: "failed", desiredReplicas: 0 }, false],
    ["is still progressing", { deployStatus: "progressing" }, false],
    ["progresses with zero replicas", { deployStatus: "progressing", desiredReplicas: 0 }, false],
    ["is unhealthy", { health: "unhealthy" }, false],
    ["has unknown health", { health: "unknown" }, false],
    ["is still paused, but is to have replicas", { health: "paused" }, false],
  ];

  it.each(cases)("a sentinel that %s", (_, but, leftOut) => {
    expect(serves({ ...serving, ...but }, TARGET)).toBe(leftOut);
  });
});

describe("the image to return to", () => {
  const old = { ...serving, image: "sentinel:v1", runningImage: "sentinel:v1" };

  it.each([
    ["is the one that runs", old, "sentinel:v1"],
    ["is never one that did not come up", { ...old, image: "sentinel:broken" }, "sentinel:v1"],
    ["is the one in the row where nothing was observed yet", { ...old, runningImage: "" }, "sentinel:v1"],
    ["is the one that runs, of a failed deploy of the target", { ...old, image: TARGET }, "sentinel:v1"],
  ])("%s", (_, candidate, image) => {
    expect(previousImage(candidate)).toBe(image);
  });
});
