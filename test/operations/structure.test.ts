import { readdirSync, readFileSync } from "node:fs";
import { dirname, normalize } from "node:path";
import { expect, it } from "vitest";

/** From the bottom to the top: a file imports from its own folder and from those before it. */
const LAYERS = [
  ["domain"],
  ["secrets", "log", "util", "tracing-config"],
  ["mysql", "config"],
  ["restate", "slack"],
  ["metrics", "kubernetes", "tracing"],
  ["rollout", "deploy", "watcher", "live-view"],
  ["endpoint"],
  ["main", "embedded-kubernetes"],
  ["local-stack"],
];

const files = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => `src/${name}`);
const imports = new Map(files.map((file) => [file, importsOf(file)]));

/** Types count, too: who reads one file has to know the other. */
function importsOf(file: string): string[] {
  const found = readFileSync(file, "utf8").matchAll(/^(?:import|export)\s[^;"]*?from "(\.[^"]+)";/gm);
  return [...found].map(([, name = ""]) => normalize(`${dirname(file)}/${name}`));
}

function layerOf(file: string): number {
  const [, first = "", ...rest] = file.split("/");
  const name = rest.length > 0 ? first : first.slice(0, -".ts".length);
  const layer = LAYERS.findIndex((names) => names.includes(name));
  if (layer < 0) throw new Error(`${file} has no layer`);
  return layer;
}

it("no file imports from a layer above its own", () => {
  const upward = [...imports].flatMap(([file, all]) =>
    all.filter((other) => layerOf(other) > layerOf(file)).map((other) => `${file} → ${other}`),
  );
  expect(upward).toEqual([]);
});

it("no files import each other in a circle", () => {
  const done = new Set<string>();
  const circles: string[] = [];
  const follow = (file: string, path: string[]) => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" → "));
    if (done.has(file) || path.includes(file)) return;
    for (const other of imports.get(file) ?? []) follow(other, [...path, file]);
    done.add(file);
  };
  for (const file of files) follow(file, []);
  expect(circles).toEqual([]);
});
