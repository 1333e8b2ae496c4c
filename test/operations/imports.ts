import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The packages that TypeScript files import when they run, by themselves and through each other. */
export function importedPackages(files: readonly string[]): Set<string> {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const follow = (file: URL) => {
    if (seen.has(file.href)) return;
    seen.add(file.href);
    for (const name of imports(readFileSync(file, "utf8"))) {
      if (name.startsWith(".")) follow(new URL(name, file));
      else if (!name.startsWith("node:")) packages.add(packageOf(name));
    }
  };
  for (const file of files) follow(new URL(file, ROOT));
  return packages;
}

/** The project's directory, as a URL. */
export const ROOT = new URL("../../", import.meta.url);

export function pathOf(file: string): string {
  return fileURLToPath(new URL(file, ROOT));
}

function imports(source: string): string[] {
  const found = source.matchAll(/^(?:import|export)\s+(?!type\b)(?:[\w*{},\s]+?\sfrom\s+)?"([^"]+)";/gm);
  const dynamic = source.matchAll(/\bimport\("([^"]+)"\)/g);
  return [...found, ...dynamic].map(([, name = ""]) => name);
}

function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}
