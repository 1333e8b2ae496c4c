import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { execa } from "execa";

/** Exits 1 unless drizzle/ says all that src/mysql/*-schema.ts say: generating into a copy must find nothing to do. */
const copy = await mkdtemp(join(tmpdir(), "migration-drift-"));
try {
  await cp("drizzle", copy, { recursive: true });
  // drizzle-kit takes only relative folders, and exits 0 even when it fails: its own words are the evidence.
  const out = relative(process.cwd(), copy);
  const { stdout, stderr } = await execa(
    "drizzle-kit",
    ["generate", "--dialect=mysql", "--schema=./src/mysql/*-schema.ts", `--out=${out}`],
    { preferLocal: true, stdin: "ignore", reject: false },
  );
  if (!stdout.includes("No schema changes")) {
    process.stderr.write(`${stdout}\n${stderr}\n`);
    process.stderr.write(
      "src/mysql/*-schema.ts and drizzle/ differ: run `npm run db:generate` and review it\n",
    );
    process.exitCode = 1;
  }
} finally {
  await rm(copy, { recursive: true, force: true });
}
