import { defineConfig } from "vitest/config";

// Two cores and real servers: few files at once, and generous deadlines that only a hang reaches.
export default defineConfig({
  test: { include: ["test/**/*.test.ts"], maxWorkers: 2, testTimeout: 60_000, hookTimeout: 120_000 },
});
