import { describe, expect, it } from "vitest";
import { alike, reasonGroups } from "../../src/domain/reason-groups.ts";

describe("failures of one cause", () => {
  it.each([
    [
      'ImagePullBackOff: Back-off pulling image "ghcr.io/unkeyed/sentinel:v1.2.3"',
      'ImagePullBackOff: Back-off pulling image "registry.local:5000/mirror/sentinel@sha256:0123456789abcdef"',
    ],
    [
      "CrashLoopBackOff: back-off 10s restarting failed container=sentinel pod=sentinel-0017-7c9f8d6b5-x2x4k",
      "CrashLoopBackOff: back-off 5m20s restarting failed container=sentinel pod=sentinel-0042-5d4c7b8a9-8zz1p",
    ],
    ["Deployment sentinel-0017 not found", "Deployment sentinel-0018 not found"],
    [
      "not converged within 600 s, waiting for 1 of 2 updated replicas to be available",
      "not converged within 30 s, waiting for 0 of 3 updated replicas to be available",
    ],
    [
      "image was changed to ghcr.io/unkeyed/sentinel:v1 by somebody else",
      "image was changed to sentinel:v2.0.1 by somebody else",
    ],
    [
      "ReplicaFailure: pods sentinel-1a is forbidden: exceeded quota: sentinels, requested: cpu=250m, used: cpu=4, limited: cpu=4",
      "ReplicaFailure: pods sentinel-2b is forbidden: exceeded quota: sentinels, requested: cpu=1, used: cpu=3500m, limited: cpu=4",
    ],
    [
      "Kubernetes refused the change: trace 7781234a-c6dd-46f2-9b25-bd023dd2129f",
      "Kubernetes refused the change: trace 00000000-aaaa-46f2-9b25-bd023dd21000",
    ],
    ["dial tcp 10.0.0.7:443: connect refused", "dial tcp 10.1.2.33:6443: connect refused"],
    ["Unschedulable: 0/12 nodes are available", "Unschedulable: 0/3 nodes are available"],
  ])("have one reason: %s", (one, other) => {
    expect(alike(one)).toBe(alike(other));
    // What it was is still to be read.
    expect(alike(one)).toContain(one.split(/[ :]/)[0]);
  });

  it.each([
    ["ImagePullBackOff: manifest unknown", "ImagePullBackOff: unauthorized"],
    ["CrashLoopBackOff: exit code 1", "CreateContainerConfigError: exit code 1"],
    ["CrashLoopBackOff: exit code 137, OOMKilled", "CrashLoopBackOff: exit code 1"],
    ["Deployment not found", "Deployment is being deleted"],
  ])("and of two causes two: %s, %s", (one, other) => {
    expect(alike(one)).not.toBe(alike(other));
  });
});

it("groups by reason, the most common first, each with its count and a few sentinels", () => {
  const pull = (id: string) => ({ id, reason: `ImagePullBackOff: pulling "x/${id}:v1"` });
  const failures = [
    { id: "s9", reason: "Deployment s9 not found" },
    ...["s4", "s3", "s2", "s1"].map(pull),
    { id: "s8", reason: "CrashLoopBackOff: exit code 137, OOMKilled" },
    { id: "s7", reason: "CrashLoopBackOff: exit code 137, OOMKilled" },
  ];
  expect(reasonGroups(failures)).toEqual([
    { reason: 'ImagePullBackOff: pulling "…"', count: 4, examples: ["s1", "s2", "s3"] },
    // Where all say the same nothing of it is left out.
    { reason: "CrashLoopBackOff: exit code 137, OOMKilled", count: 2, examples: ["s7", "s8"] },
    { reason: "Deployment s9 not found", count: 1, examples: ["s9"] },
  ]);
});

it("is bounded: ten reasons, of 200 characters each, in linear time", () => {
  const long = `${"a".repeat(50_000)}-${"b/".repeat(20_000)}:${"0".repeat(1_000)}`;
  const failures = Array.from({ length: 500 }, (_, i) => ({
    id: `s${i}`,
    reason: `${String.fromCharCode(97 + (i % 20)).repeat(3)} broke`,
  }));
  const groups = reasonGroups([...failures, { id: "long", reason: long }]);
  expect(groups).toHaveLength(10);
  for (const { reason, examples } of groups) {
    expect(reason.length).toBeLessThanOrEqual(200);
    expect(examples).toHaveLength(3);
  }
  expect(alike(long).length).toBeLessThanOrEqual(200);
});
