import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    environment: "node",
    include: ["test/**/*.test.ts"],
    testTimeout: 20_000,
    // Two cores, shared with everything else `make test` runs.
    maxWorkers: 2,
    unstubGlobals: true,
  },
});
