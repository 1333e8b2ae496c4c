import { statSync } from "node:fs";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What computes all the time, the longest first. The others mostly wait for servers. */
const BUSY = [
  "test/browser/playground.test.ts",
  "test/domain/model-large.test.ts",
  "test/domain/model-controls.test.ts",
  "test/domain/model-retry.test.ts",
  "test/bench/bench.test.ts",
  "test/domain/model.test.ts",
];

/** After one that is busy so many others begin. */
const BETWEEN = 4;

/**
 * The order in which files begin. Vitest's own is project by project, and ends with those that are busy, all at once, while
 * in the time before the processor is idle. Here they begin early and one after another, beside those that wait.
 */
export class Sequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => BUSY.findIndex((path) => moduleId.endsWith(path));
    const busy = files.filter((file) => rank(file) >= 0).sort((a, b) => rank(a) - rank(b));
    // A large file is likely to take long.
    const size = new Map(files.map(({ moduleId }) => [moduleId, statSync(moduleId).size]));
    const sizeOf = ({ moduleId }: TestSpecification) => size.get(moduleId) ?? 0;
    const others = files.filter((file) => rank(file) < 0).sort((a, b) => sizeOf(b) - sizeOf(a));
    return [
      ...busy.flatMap((file, i) => [file, ...others.slice(i * BETWEEN, (i + 1) * BETWEEN)]),
      ...others.slice(busy.length * BETWEEN),
    ];
  }
}
