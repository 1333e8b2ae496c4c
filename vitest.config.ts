import { defineConfig } from "vitest/config";

const limits = { testTimeout: 60_000, hookTimeout: 120_000 };
const e2e = { include: ["test/e2e/**/*.test.ts"], ...limits };

// The recordings are of a real cluster: only the embedded API is measured against them.
const embeddedAlone = process.env.TEST_KUBECONFIG === undefined ? [] : ["test/cluster/recorded.test.ts"];

// Two cores, and real servers that mostly wait: few files at once, and generous deadlines that only a hang reaches.
export default defineConfig({
  test: {
    maxWorkers: 3,
    projects: [
      {
        test: {
          name: "parts",
          include: ["test/{bench,domain,restate,adapters,browser,operations}/**/*.test.ts"],
          ...limits,
        },
      },
      // On the embedded Kubernetes API, or on the cluster that TEST_KUBECONFIG names.
      {
        test: { name: "cluster", include: ["test/cluster/**/*.test.ts"], exclude: embeddedAlone, ...limits },
      },
      { test: { name: "e2e", ...e2e, include: ["test/{e2e,operator,live-view,security,docs}/**/*.test.ts"] } },
      // Long stories on few stacks.
      { test: { name: "faults", include: ["test/faults/**/*.test.ts"], ...limits, testTimeout: 180_000 } },
      // Every wait suspends and replays: the service must not notice.
      { test: { name: "e2e-suspending", ...e2e, env: { RESTATE_SUSPENDS: "1" } } },
    ],
  },
});
