import { execa } from "execa";
import { expect, it } from "vitest";

const MANY = 250;
const SCRIPT = `
  import { freePort } from "${new URL("../../src/local-stack/ports.ts", import.meta.url).href}";
  const ports = [];
  for (let n = 0; n < ${MANY}; n++) ports.push(await freePort());
  process.stdout.write(ports.join());
  process.stdin.resume().once("end", () => process.exit(0));
`;

it("stacks that start side by side never choose the same port", async () => {
  const run = () => execa(process.execPath, ["--input-type=module", "-e", SCRIPT], { stdin: "pipe" });
  const processes = [run(), run(), run()];
  // Each keeps its ports until all have chosen.
  await Promise.all(
    processes.map(
      (each) =>
        new Promise<void>((resolve) => {
          let said = "";
          each.stdout.on("data", (data: Buffer) => {
            said += data.toString();
            if (said.split(",").length >= MANY) resolve();
          });
        }),
    ),
  );
  for (const each of processes) each.stdin.end();
  const ports = (await Promise.all(processes)).flatMap(({ stdout }) => stdout.split(","));
  expect(new Set(ports).size).toBe(3 * MANY);
});
