import { describe, expect, it } from "vitest";
import { type Examined, examine, type PodsStanding, type Standing } from "../../src/domain/regression.ts";

const NOW = 1_000_000;

/** It came up with the image, and is well; each case below has one thing different. */
const deployment: Standing = {
  image: "sentinel:v2",
  desiredReplicas: 3,
  availableReplicas: 3,
  generation: 4,
  observedGeneration: 4,
  deleting: false,
  completeSeconds: 500,
};
const row = { desiredState: "running", desiredReplicas: 3, deployStatus: "ready" };
const well: Examined = {
  images: ["sentinel:v2"],
  isSeen: true,
  deployment,
  pods: undefined,
  row,
  nowMs: NOW,
  debounceMs: 60_000,
};

/** It lacks a replica for long enough. */
const lacking: Standing = { ...deployment, availableReplicas: 2, unavailableMs: NOW - 60_000 };
const lackingFor = (ms: number): Standing => ({ ...lacking, unavailableMs: NOW - ms });
const died: PodsStanding = {
  restarts: 3,
  lastTermination: "OOMKilled, exit code 137",
  terminatedMs: NOW - 5,
};

describe("a sentinel that came up", () => {
  const cases: [name: string, but: Partial<Examined>, judgement: object][] = [
    ["and has its replicas is healthy", {}, { kind: "healthy" }],
    [
      "with what admission makes of the image is healthy",
      { images: ["sentinel:v1", "sentinel:v2"] },
      { kind: "healthy" },
    ],
    [
      "and is meant to have no replicas is healthy",
      {
        deployment: { ...deployment, desiredReplicas: 0, availableReplicas: 0 },
        row: { ...row, desiredReplicas: 0 },
      },
      { kind: "healthy" },
    ],
    [
      "and lacks a replica for less than the debounce ails",
      { deployment: lackingFor(59_999) },
      { kind: "ailing", sinceMs: NOW - 59_999, why: "2 of 3 replicas available", regressed: false },
    ],
    [
      "and lacks a replica for as long as the debounce has regressed",
      { deployment: lackingFor(60_000) },
      { kind: "ailing", sinceMs: NOW - 60_000, why: "2 of 3 replicas available", regressed: true },
    ],
    [
      "and lacks its only replica, with the reason of its pod",
      {
        deployment: { ...lacking, desiredReplicas: 1, availableReplicas: 0 },
        row: { ...row, desiredReplicas: 1 },
        pods: { restarts: 0, trouble: "ImagePullBackOff: manifest unknown" },
      },
      {
        kind: "ailing",
        sinceMs: NOW - 60_000,
        why: "0 of 1 replica available: ImagePullBackOff: manifest unknown",
        regressed: true,
      },
    ],
    ["and was restarted twice is healthy", { pods: { ...died, restarts: 2 } }, { kind: "healthy" }],
    [
      "and was restarted three times has regressed, though it is available again",
      { pods: died },
      {
        kind: "ailing",
        sinceMs: NOW - 5,
        why: "restarted 3 times since it came up: OOMKilled, exit code 137",
        regressed: true,
      },
    ],
    [
      "and is restarted again and again has regressed at once, for the time without its replicas",
      { pods: { ...died, restarts: 4 }, deployment: lackingFor(7) },
      {
        kind: "ailing",
        sinceMs: NOW - 7,
        why: "restarted 4 times since it came up: OOMKilled, exit code 137",
        regressed: true,
      },
    ],
    [
      "and was restarted by nobody knows what",
      { pods: { restarts: 3 } },
      { kind: "ailing", sinceMs: NOW, why: "restarted 3 times since it came up", regressed: true },
    ],
    [
      "and is in CrashLoopBackOff has regressed at once",
      {
        pods: { ...died, restarts: 1, crashLoop: "CrashLoopBackOff: exit code 1" },
        deployment: lackingFor(2),
      },
      { kind: "ailing", sinceMs: NOW - 2, why: "CrashLoopBackOff: exit code 1", regressed: true },
    ],
  ];
  it.each(cases)("%s", (_, but, judgement) => {
    expect(examine({ ...well, ...but })).toEqual(judgement);
  });
});

describe("a sentinel that lacks its replicas, or crashes, is not judged", () => {
  const cases: [name: string, but: Partial<Examined>, why: string][] = [
    ["while its cluster is not seen", { isSeen: false }, "its cluster does not answer, or is not listed"],
    ["without a row", { row: undefined }, "it has no row that runs"],
    ["once it is archived", { row: { ...row, desiredState: "archived" } }, "it is archived"],
    ["once it is on standby", { row: { ...row, desiredState: "standby" } }, "it is standby"],
    ["without a Deployment", { deployment: undefined }, "it has no Deployment"],
    ["while it is deleted", { deployment: { ...lacking, deleting: true } }, "it is being deleted"],
    ["while it is paused", { deployment: { ...lacking, paused: true } }, "its Deployment is paused"],
    [
      "while a Deploy is under way",
      { row: { ...row, deployStatus: "progressing" } },
      "a Deploy of it is under way",
    ],
    [
      "before the Deployment controller has seen a change",
      { deployment: { ...lacking, generation: 5 } },
      "it is being rolled",
    ],
    ["before it has come up", { deployment: { ...lacking, completeSeconds: 0 } }, "it is being rolled"],
    ["with another image", { images: ["sentinel:v3"] }, "it has another image"],
    [
      "without the container",
      { deployment: { ...lacking, image: undefined } as unknown as Standing },
      "it has another image",
    ],
    ["once others have scaled it", { row: { ...row, desiredReplicas: 2 } }, "others have scaled it"],
  ];
  it.each(cases)("%s", (_, but, why) => {
    const pods = { ...died, crashLoop: "CrashLoopBackOff" };
    expect(examine({ ...well, deployment: lacking, pods, ...but })).toEqual({ kind: "not judged", why });
  });

  it("and is judged where nothing is known of a Deploy", () => {
    const { deployStatus: _, ...known } = row;
    expect(examine({ ...well, deployment: lacking, row: known })).toMatchObject({ regressed: true });
  });
});
