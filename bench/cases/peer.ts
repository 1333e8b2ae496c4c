import { execa } from "execa";
import { DEFAULT_WAVE_PERCENTAGES, planWaves } from "../../src/domain/waves.ts";
import { planFleet } from "../../src/local-stack/fleet-plan.ts";
import { atLeast, type BenchCase } from "../case.ts";
import { newImage } from "../fleet.ts";
import { median, repeated, rounded, timed } from "../numbers.ts";
import { rollout } from "../rollout.ts";
import { type BenchStack, NAMESPACE, withStack } from "../stack.ts";

export const peer: BenchCase = {
  name: "peer",
  compares: "a rollout against the same waves of kubectl set image + rollout status with xargs -P 16",
  async measure({ size, runs, log }) {
    const sentinels = size === "full" ? 200 : 20;
    return withStack({ sentinels }, async (stack) => {
      await rollout(stack, sentinels);
      const pairs = await repeated(runs, async () => {
        const kubectl = await timed(() => withKubectl(stack, sentinels));
        const { ms: own } = await rollout(stack, sentinels);
        log(`kubectl ${rounded(kubectl / 1_000)} s, the service ${rounded(own / 1_000)} s`);
        return { kubectl, own };
      });
      return [
        {
          case: "peer",
          runs: pairs.map(({ kubectl, own }) => kubectl / own),
          unit: "x faster",
          must: atLeast(5),
          aim: atLeast(20),
          note: `${sentinels} sentinels: ${rounded(median(pairs.map(({ own }) => own)) / 1_000)} s`,
        },
      ];
    });
  },
};

async function withKubectl(stack: BenchStack, sentinels: number): Promise<void> {
  const image = newImage();
  const names = planFleet(sentinels).map(({ k8sName }) => k8sName);
  const kubectl = `kubectl --kubeconfig ${stack.kubeconfig} -n ${NAMESPACE}`;
  const one = `${kubectl} set image deployment/$0 sentinel=${image} && ${kubectl} rollout status deployment/$0`;
  for (const wave of planWaves(names, DEFAULT_WAVE_PERCENTAGES)) {
    await execa("xargs", ["-P", "16", "-n", "1", "sh", "-c", one], { input: wave.join("\n") });
  }
}
