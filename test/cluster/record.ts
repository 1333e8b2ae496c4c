import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { Cluster } from "../support/kubernetes-api.ts";
import { recordingText } from "../support/recording-text.ts";
import { addNew, play, type Recording } from "./recording.ts";
import { SCENARIOS } from "./scenarios.ts";

/**
 * Records what a real cluster does, for the embedded API to be measured against:
 *
 *     TEST_KUBECONFIG=… node test/cluster/record.ts [scenario…]
 *
 * Each scenario is played several times, for where its controllers race the order is not always the same; what was
 * recorded before is kept. To begin anew, remove the file.
 */
const TIMES = 30;
const DIRECTORY = new URL("recorded/", import.meta.url);

if (process.env.TEST_KUBECONFIG === undefined) throw new Error("TEST_KUBECONFIG must name a real cluster");
const wanted = process.argv.slice(2);
await mkdir(DIRECTORY, { recursive: true });
for (const scenario of SCENARIOS) {
  if (wanted.length > 0 && !wanted.includes(scenario.name)) continue;
  const file = new URL(`${scenario.name}.json`, DIRECTORY);
  const all: Recording = existsSync(file) ? JSON.parse(await readFile(file, "utf8")) : {};
  for (let time = 0; time < TIMES; time++) {
    const cluster = await Cluster.start();
    try {
      merge(all, await play(cluster, scenario), scenario.name);
    } finally {
      await cluster.stop();
    }
  }
  const sizes = Object.entries(all).map(([title, { sequences }]) => `${title}: ${sequences.length}`);
  process.stdout.write(`${scenario.name}: ${sizes.join(", ")}\n`);
  await writeFile(file, recordingText(all));
}

function merge(all: Recording, one: Recording, name: string): void {
  for (const [title, { count, sequences }] of Object.entries(one)) {
    all[title] ??= { count, sequences: [] };
    if (all[title].count !== count) throw new Error(`${name}: ${title} is not always the same number`);
    for (const sequence of sequences) addNew(all[title].sequences, sequence);
  }
}
