import { afterAll, beforeAll, expect, it } from "vitest";
import type { DeploymentChange } from "../../src/kubernetes/cluster.ts";
import { type Connected, connected } from "./connected.ts";

let { kubernetes, cluster, stop } = {} as Connected;

beforeAll(async () => {
  ({ kubernetes, cluster, stop } = await connected());
});
afterAll(() => stop?.());

const IMAGE = "/spec/template/spec/containers/0/image";
const BACK: DeploymentChange = { image: "x:v1", changeCause: "back to x:v1" };
const mirrored = async (asked: string, image: string) => image === `mirror.test/${asked}`;
const never: typeof mirrored = async () => false;

/** A sentinel that was deployed with x:v1 and has this image since. */
async function moved(id: string, image: string): Promise<void> {
  await kubernetes.deploy(id);
  await kubernetes.patch(id, [{ op: "replace", path: IMAGE, value: image }]);
}

const back = (id: string, isRewritten = never) => cluster.exchange(`k8s-${id}`, BACK, "x:v2", isRewritten);

it("an image is exchanged for the one before, and a second time nothing is changed", async () => {
  await moved("taken", "x:v2");
  const done = { kind: "patched", snapshot: { image: "x:v1", generation: 3 } };
  expect(await back("taken")).toMatchObject(done);
  expect(await back("taken")).toMatchObject(done);
});

it("somebody's image stays, and is named", async () => {
  await moved("fixed", "x:v2-hotfix");
  expect(await back("fixed")).toEqual({ kind: "moved", image: "x:v2-hotfix" });
  expect(await cluster.read("k8s-fixed")).toMatchObject({ image: "x:v2-hotfix", generation: 2 });
});

it("a container that is not the first one is found", async () => {
  await kubernetes.deploy("second", ({ spec }) => {
    spec?.template.spec?.containers.unshift({ name: "proxy", image: "x:v2" });
    Object.assign(spec?.template.spec?.containers[1] ?? {}, { image: "x:v2" });
  });
  expect(await back("second")).toMatchObject({ kind: "patched", snapshot: { image: "x:v1" } });
  const { spec } = await kubernetes.admin.apps.readNamespacedDeployment({
    name: "k8s-second",
    namespace: kubernetes.namespace,
  });
  expect(spec?.template.spec?.containers.map(({ image }) => image)).toEqual(["x:v2", "x:v1"]);
});

it("what admission makes of an image is that image", async () => {
  await moved("mirrored", "mirror.test/x:v2");
  expect(await back("mirrored")).toEqual({ kind: "moved", image: "mirror.test/x:v2" });
  expect(await back("mirrored", mirrored)).toMatchObject({ kind: "patched", snapshot: { image: "x:v1" } });
  await moved("back-in-the-mirror", "mirror.test/x:v1");
  expect(await back("back-in-the-mirror", mirrored)).toMatchObject({
    kind: "patched",
    snapshot: { image: "mirror.test/x:v1", generation: 2 },
  });
});

it("what admission makes of an image is told by itself, where nobody has noted it", async () => {
  await kubernetes.admission.rewrite("x:v1", "mirror.test/x:v1");
  try {
    await moved("noted-nowhere", "x:v2");
    const done = { kind: "patched", snapshot: { image: "mirror.test/x:v1", generation: 3 } };
    expect(await back("noted-nowhere")).toMatchObject(done);
    // As when the answer was lost, or who asked was killed.
    expect(await back("noted-nowhere")).toMatchObject(done);
    await kubernetes.patch("noted-nowhere", [{ op: "replace", path: IMAGE, value: "x:hotfix" }]);
    expect(await back("noted-nowhere")).toEqual({ kind: "moved", image: "x:hotfix" });
  } finally {
    await kubernetes.admission.lift();
  }
});

it("a Deployment that is paused is refused with the words to type, and is left as it is", async () => {
  await moved("halted", "x:v2");
  await kubernetes.patch("halted", [{ op: "add", path: "/spec/paused", value: true }]);
  const words = `kubectl rollout resume deployment/k8s-halted -n ${kubernetes.namespace}`;
  expect(await back("halted")).toEqual({ kind: "refused", reason: expect.stringContaining(words) });
  expect(await cluster.read("k8s-halted")).toMatchObject({ image: "x:v2", paused: true });
});

it("there is nothing to exchange where there is no Deployment", async () => {
  expect(await back("nowhere")).toEqual({ kind: "gone" });
});
