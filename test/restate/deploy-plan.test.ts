import { describe, expect, it } from "vitest";
import { carries, planDeploy, termsOf } from "../../src/deploy/plan.ts";
import type { DeploymentSnapshot } from "../../src/domain/convergence.ts";
import type { SentinelRow } from "../../src/mysql/row.ts";
import type { DeployRequest } from "../../src/restate/deploy-schemas.ts";

const NOW = 1_000_000;
const TIMEOUT = 600_000;

const row: SentinelRow = {
  id: "sen_1",
  k8sName: "sentinel-1",
  regionId: "us-east-1",
  image: "sentinel:v1",
  runningImage: "sentinel:v1",
  desiredState: "running",
  health: "healthy",
  desiredReplicas: 2,
  availableReplicas: 2,
  cpuMillicores: 250,
  memoryMib: 256,
  deployStatus: "ready",
  deployError: null,
  updatedAtMs: NOW - 5_000,
};
const present = { image: "sentinel:v1", cpuMillicores: 250, memoryMib: 256, desiredReplicas: 2 };
const progressing: SentinelRow = { ...row, deployStatus: "progressing" };

const plan = (request: DeployRequest, of: SentinelRow = row, unfinished?: DeployRequest) =>
  planDeploy(of, request, unfinished, NOW, TIMEOUT);

describe("a Deploy", () => {
  it.each([
    ["absent", {}],
    ["zero or empty", { image: "", cpu_millicores: 0, memory_mib: 0, desired_replicas: 0 }],
    ["as they are", { image: "sentinel:v1", cpu_millicores: 250, memory_mib: 256, desired_replicas: 2 }],
  ])("of fields that are %s changes nothing", (_, request) => {
    expect(plan(request)).toMatchObject({ desired: present, rowDiffers: false, adopted: false });
  });

  it.each([
    [{ image: "sentinel:v2" }, { image: "sentinel:v2" }],
    [{ cpu_millicores: 500 }, { cpuMillicores: 500 }],
    [{ memory_mib: 512 }, { memoryMib: 512 }],
    [{ desired_replicas: 3 }, { desiredReplicas: 3 }],
    [{ image: "", cpu_millicores: 0, memory_mib: 512 }, { memoryMib: 512 }],
  ])("of %j changes that alone", (request, changed) => {
    expect(plan(request)).toMatchObject({ desired: { ...present, ...changed }, rowDiffers: true });
  });

  it("puts the image into the Deployment always, and resources and replicas only where asked for", () => {
    expect(plan({}).change).toEqual({ image: "sentinel:v1", changeCause: "sentinel-rollout: sentinel:v1" });
    expect(plan({ image: "sentinel:v2", cpu_millicores: 250, desired_replicas: 0 }).change).toEqual({
      image: "sentinel:v2",
      cpuMillicores: 250,
      changeCause: "sentinel-rollout: sentinel:v2",
    });
    expect(plan({ memory_mib: 512, desired_replicas: 5 }).change).toMatchObject({
      memoryMib: 512,
      replicas: 5,
    });
  });

  it("has from now until the timeout", () => {
    expect(plan({ image: "sentinel:v2" })).toMatchObject({ startedMs: NOW, deadlineMs: NOW + TIMEOUT });
  });
});

describe("after a Deploy that was killed", () => {
  it("one that asks for nothing goes on with it, under its deadline", () => {
    for (const request of [{}, { image: "", cpu_millicores: 0 }]) {
      expect(plan(request, progressing)).toMatchObject({
        adopted: true,
        rowDiffers: false,
        nowMs: NOW,
        startedMs: NOW - 5_000,
        deadlineMs: NOW - 5_000 + TIMEOUT,
      });
    }
  });

  it("one that asks for something has a deadline of its own", () => {
    for (const request of [{ image: "sentinel:v1" }, { image: "sentinel:v2" }, { memory_mib: 512 }]) {
      expect(plan(request, progressing)).toMatchObject({ adopted: false, deadlineMs: NOW + TIMEOUT });
    }
  });

  it("the deadline never lies beyond the timeout from now, whatever the row's clock said", () => {
    expect(plan({}, { ...progressing, updatedAtMs: NOW + 60_000 }).deadlineMs).toBe(NOW + TIMEOUT);
    expect(plan({}, { ...progressing, updatedAtMs: null }).deadlineMs).toBe(NOW + TIMEOUT);
  });

  it("what it was asked for goes into the Deployment, in the row's values", () => {
    const killed = { image: "sentinel:v1", cpu_millicores: 250, desired_replicas: 2 };
    expect(plan({}, progressing, killed).change).toMatchObject({ cpuMillicores: 250, replicas: 2 });
    expect(plan({}, progressing, killed).change).not.toHaveProperty("memoryMib");
  });

  it("a field that is zero now does not undo what was asked for then", () => {
    const zero = { image: "", cpu_millicores: 0, memory_mib: 0, desired_replicas: 0 };
    const killed = { cpu_millicores: 250, memory_mib: 256, desired_replicas: 2 };
    expect(plan(zero, progressing, killed).change).toEqual(plan({}, progressing, killed).change);
  });

  it("what is asked for now comes first", () => {
    const { desired, change } = plan({ cpu_millicores: 500 }, progressing, {
      cpu_millicores: 250,
      memory_mib: 256,
    });
    expect(desired).toEqual({ ...present, cpuMillicores: 500 });
    expect(change).toMatchObject({ cpuMillicores: 500, memoryMib: 256 });
  });
});

describe("a Deployment has the values already", () => {
  const snapshot: DeploymentSnapshot = {
    name: "sentinel-1",
    uid: "u1",
    generation: 1,
    observedGeneration: 1,
    desiredReplicas: 2,
    replicas: 2,
    updatedReplicas: 2,
    availableReplicas: 2,
    image: "sentinel:v1",
    cpuLimitMillicores: 250,
    memoryLimitMib: 256,
    deleting: false,
  };
  const all = { image: "sentinel:v1", cpuMillicores: 250, memoryMib: 256, replicas: 2, changeCause: "" };

  it("when each one asked for is the same", () => {
    expect(carries(snapshot, all)).toBe(true);
    expect(carries({ ...snapshot, updatedReplicas: 0 }, all)).toBe(true);
  });

  it("whatever those are that were not asked for", () => {
    const { cpuLimitMillicores: _, ...unlimited } = snapshot;
    expect(carries({ ...unlimited, desiredReplicas: 9 }, { image: "sentinel:v1", changeCause: "" })).toBe(
      true,
    );
    expect(carries(unlimited, all)).toBe(false);
  });

  it.each([{ image: "sentinel:v2" }, { cpuMillicores: 500 }, { memoryMib: 512 }, { replicas: 3 }])(
    "not when %j is asked for",
    (other) => {
      expect(carries(snapshot, { ...all, ...other })).toBe(false);
    },
  );
});

describe("the terms of a patch", () => {
  const terms = (request: DeployRequest, of: SentinelRow = row, stuck?: boolean) =>
    termsOf(of, request, plan(request, of), stuck);
  const at = new Date(NOW).toISOString();
  const v2 = { image: "sentinel:v2" };
  const failedOnV2: SentinelRow = { ...row, image: "sentinel:v2", deployStatus: "failed" };

  it("name the image that the Deployment is believed to have, and allow a restart should that be wrong", () => {
    expect(terms(v2)).toEqual({ from: "sentinel:v1", restart: { at, found: false } });
    expect(terms({ image: "sentinel:v3" }, failedOnV2)).toMatchObject({ from: "sentinel:v2" });
    expect(terms(v2, { ...row, runningImage: "mirror:v1" })).toMatchObject({ from: "mirror:v1" });
    expect(terms(v2, { ...row, runningImage: "" })).toMatchObject({ from: "sentinel:v1" });
  });

  it("of a retry allow a restart where it was found stuck, and only there", () => {
    expect(terms(v2, failedOnV2, true)).toEqual({ restart: { at, found: true } });
    expect(terms(v2, failedOnV2)).toEqual({});
  });

  it("of a Deploy that asks for nothing, allow none", () => {
    expect(terms({}, failedOnV2, true)).toEqual({});
    expect(terms({ image: "" }, failedOnV2, true)).toEqual({});
  });

  it("are none where it goes on with a Deploy that was cut short", () => {
    expect(terms({}, progressing)).toBeUndefined();
  });
});
