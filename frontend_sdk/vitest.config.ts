import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Where tests take longest. Begun last, they would keep one core waiting for the other. */
const LONG = ["/simulator/", "/slices.test.ts", "/faults/answers.test.ts"];

class LongOnesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const long = (file: TestSpecification) => LONG.some((part) => file.moduleId.includes(part));
    const sorted = await super.sort(files);
    return [...sorted.filter(long), ...sorted.filter((file) => !long(file))];
  }
}

export default defineConfig({
  test: {
    environment: "node",
    include: ["test/**/*.test.ts"],
    testTimeout: 20_000,
    // Two cores, shared with everything else `make test` runs.
    maxWorkers: 2,
    sequence: { sequencer: LongOnesFirst },
    unstubGlobals: true,
  },
});
