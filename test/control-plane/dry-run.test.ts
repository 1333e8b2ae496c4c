import { execa } from "execa";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { RolloutResponse } from "../../src/restate/rollout-schemas.ts";
import { ControlPlane } from "./control-plane.ts";

let plane: ControlPlane;
beforeAll(async () => {
  plane = await ControlPlane.start();
});
afterAll(async () => plane?.remove());

/** In the third wave of a hundred sentinels. */
const FAULTS = ["sen_0007:ImagePullBackOff", "sen_0012:CrashLoopBackOff", "sen_0019:Unschedulable"];

interface Story {
  rollout: RolloutResponse;
  waves: unknown;
  slack: { text: string }[];
}

it("a dry run of 100 sentinels with three kinds of faults tells the same story on a real cluster", async () => {
  const embedded = await story();
  const real = await story("--kubeconfig", plane.kubeconfig);
  expect(real).toEqual(embedded);
  expect(real).toMatchObject({ state: "paused", wave: 3, succeeded: 22, failed: 3 });
});

/** What an operator is told, but for the ids and times of this run. */
async function story(...more: string[]) {
  const args = FAULTS.flatMap((fault) => ["--fail", fault]);
  const { stdout } = await execa("node", ["src/local-stack/dry-run.ts", "--json", ...args, ...more], {
    env: { FAIL_FAST_SECONDS: "3" },
    reject: false,
  });
  const { rollout, slack }: Story = JSON.parse(stdout);
  const { rollout_id: id, as_of: time, guard, ...told } = rollout;
  const message = told.message.replace(` of rollout ${id} as of ${time}`, "");
  // How a scheduler explains itself depends on what keeps the pod out: a real one is given a reason of its own. And
  // whether Kubernetes' deadline or FAIL_FAST_SECONDS comes first depends on how busy the machine is.
  const failures = rollout.failures
    .map(
      ({ sentinel_id, reason }) =>
        `${sentinel_id} ${reason.replace(/(?<=nodes are available): .*|; ProgressDeadlineExceeded: .*/, "")}`,
    )
    .sort();
  return {
    ...told,
    guard: { ...guard, rollout_id: guard?.rollout_id === id },
    message,
    failures,
    slack: slack.map(({ text }) => text.split(" · ")[0]),
  };
}
