import { configDefaults, defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import { QUICK } from "./test/quick.ts";
import { Sequencer } from "./test/support/sequencer.ts";

const limits = { testTimeout: 60_000, hookTimeout: 120_000 };

type Project = TestProjectInlineConfiguration["test"] & { name: string; include: string[] };

// On the embedded Kubernetes API, or on the cluster that TEST_KUBECONFIG names. The recordings are of a real cluster: only
// the embedded API is measured against them.
const onRealCluster = process.env.TEST_KUBECONFIG !== undefined;

/**
 * What runs again with every wait suspended and replayed: the service must not notice. That the verbs of a rollout do not, from
 * Rollout to Abort, is shown by test/faults/settings-tour.test.ts, where all waits suspend, too. Here is what it has not: how
 * a Deploy waits, judges, keeps its deadline and reverts, and what an interruption in Restate finds.
 */
const SUSPENDING = "test/e2e/{aged-grant,deploy,interruption,retired,revert,settings,verdicts}.test.ts";

const projects: Project[] = [
  { name: "parts", include: ["test/{bench,domain,restate,adapters,browser,operations}/**/*.test.ts"] },
  {
    name: "cluster",
    include: ["test/cluster/**/*.test.ts"],
    exclude: [...configDefaults.exclude, ...(onRealCluster ? ["test/cluster/recorded.test.ts"] : [])],
  },
  { name: "e2e", include: ["test/{e2e,operator,live-view,security,docs}/**/*.test.ts"] },
  // Long stories on few stacks.
  { name: "faults", include: ["test/faults/**/*.test.ts"], testTimeout: 180_000 },
  { name: "e2e-suspending", include: [SUSPENDING], env: { RESTATE_SUSPENDS: "1" } },
];

/** A control plane that may be broken: TEST_CONTROL_PLANE says where its commands are. */
const controlPlane: Project = {
  ...{ name: "control-plane", include: ["test/control-plane/**/*.test.ts"] },
  ...{ testTimeout: 120_000, hookTimeout: 240_000, fileParallelism: false },
};

/**
 * Without a mode: every file that runs on this machine as it is. `quick` is `npm test`, and `rest` what it leaves out; `all` is
 * both. These two also bring the programs that some of the tests need.
 */
export default defineConfig(({ mode }) => ({
  test: {
    // Two cores, and real servers that mostly wait: few files at once, and generous deadlines that only a hang reaches.
    maxWorkers: 4,
    sequence: { sequencer: Sequencer },
    globalSetup: [
      "test/support/prepared.ts",
      ...(["all", "rest", "control-plane"].includes(mode) ? ["test/support/tools.ts"] : []),
    ],
    projects: chosen(mode).map((test) => ({ test: { ...limits, ...test } })),
  },
}));

function chosen(mode: string): Project[] {
  if (mode === "control-plane") return [controlPlane];
  if (mode === "quick") {
    return projects.flatMap((project) => {
      const include = QUICK[project.name];
      return include === undefined ? [] : [{ ...project, include }];
    });
  }
  if (mode !== "rest") return projects;
  return projects.map((project) => {
    const { exclude = configDefaults.exclude, name } = project;
    return { ...project, exclude: [...exclude, ...(QUICK[name] ?? [])] };
  });
}
