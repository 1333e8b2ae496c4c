import { afterAll, beforeAll, expect, it } from "vitest";
import { judge, observe } from "../../src/domain/convergence.ts";
import type { DeploymentChange } from "../../src/kubernetes/cluster.ts";
import { until } from "../support/until.ts";
import { type Connected, connected } from "./connected.ts";

let { kubernetes, cluster, stop } = {} as Connected;

beforeAll(async () => {
  ({ kubernetes, cluster, stop } = await connected());
  await kubernetes.admission.rewrite("ghcr.io/", "mirror.test/");
});
afterAll(() => stop?.());

const ASKED = "ghcr.io/unkeyed/sentinel:v2";
const REWRITTEN = "mirror.test/unkeyed/sentinel:v2";
const change: DeploymentChange = { image: ASKED, changeCause: `to ${ASKED}` };
const AT = "2026-01-02T03:04:05.678Z";

it("what admission makes of an image is in the patch's own answer, and comes up as that", async () => {
  await kubernetes.deploy("mirrored");
  const outcome = await cluster.patch("k8s-mirrored", change, { from: "x:v1" });
  expect(outcome).toMatchObject({ kind: "patched", snapshot: { image: REWRITTEN, generation: 2 } });
  const expected = { image: REWRITTEN, generation: 2 };
  const snapshot = await until("it to come up", async () => {
    const found = await cluster.read("k8s-mirrored");
    return judge(found, expected).kind === "converged" && found;
  });
  expect(observe(snapshot)).toMatchObject({ health: "healthy", runningImage: REWRITTEN });
});

it("the same again changes nothing, and tells the same", async () => {
  await kubernetes.deploy("twice", ({ spec }) => Object.assign(spec ?? {}, { replicas: 0 }));
  await cluster.patch("k8s-twice", change, { from: "x:v1" });
  await until("it to be seen", async () => judge(await cluster.read("k8s-twice")).kind === "converged");
  for (const terms of [{ from: "x:v1" }, { from: REWRITTEN }, {}]) {
    expect(await cluster.patch("k8s-twice", change, terms)).toMatchObject({
      kind: "patched",
      snapshot: { image: REWRITTEN, generation: 2 },
    });
  }
});

it("a retry restarts it where it is known that this is the image, and only there", async () => {
  await kubernetes.deploy("stuck", ({ spec }) => {
    const annotations = spec?.template.metadata?.annotations;
    if (annotations !== undefined) annotations["sentinel-rollout.dev/fault-image"] = REWRITTEN;
  });
  await cluster.patch("k8s-stuck", change, { from: "x:v1" });
  await until("its pods to be in trouble", () => cluster.podTrouble("k8s-stuck"));
  const restart = { at: AT, found: true };
  const unknown = await cluster.patch("k8s-stuck", change, { restart });
  expect(unknown).toMatchObject({ snapshot: { generation: 2 }, unchanged: true });
  const isRewritten = async (image: string) => image === REWRITTEN;
  const known = await cluster.patch("k8s-stuck", change, { restart, isRewritten });
  expect(known).toMatchObject({ kind: "patched", snapshot: { image: REWRITTEN, generation: 3 } });
});
