import { defineConfig } from "vitest/config";

// Needs a real control plane that may be broken (TEST_CONTROL_PLANE), which `npm test` does without.
export default defineConfig({
  test: {
    include: ["test/control-plane/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 240_000,
    maxWorkers: 1,
  },
});
