import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "../../src/local-stack/leftovers.ts";
import { findMysql } from "../../src/local-stack/mysql-binaries.ts";
import { createDataDirectory, PREPARED_DATA } from "../../src/local-stack/mysql-data.ts";

/**
 * What hundreds of stacks would each do again is done once for all of them: an empty MySQL data directory is made, and Node
 * keeps what it compiles of the packages. Each run has its own, so that nothing depends on an earlier one.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const directory = await temporaryDirectory();
  try {
    process.env.NODE_COMPILE_CACHE = join(directory.path, "compiled");
    const binaries = await findMysql();
    // A machine without a server gets one from the first stack; each then makes its own directory.
    if (binaries !== undefined) {
      const made = join(directory.path, "mysql");
      await mkdir(made);
      await createDataDirectory(binaries, made, join(made, "data"));
      process.env[PREPARED_DATA] = join(made, "data");
    }
  } catch (error) {
    await directory.remove();
    throw error;
  }
  return () => directory.remove();
}
