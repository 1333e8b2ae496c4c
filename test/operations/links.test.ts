import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { DOCUMENTS } from "../docs/commands.ts";

/** As GitHub makes them of headings. */
function anchors(file: string): string[] {
  const headings = readFileSync(file, "utf8").matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, text = ""]) =>
    text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

describe("CONTRIBUTING.md", () => {
  it("names every folder of src", () => {
    const tree = readFileSync("CONTRIBUTING.md", "utf8");
    const folders = readdirSync("src", { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.filter(({ name }) => !tree.includes(`\nsrc/${name}/ `))).toEqual([]);
  });
});

describe.each(DOCUMENTS)("%s", (file) => {
  const text = readFileSync(file, "utf8");

  it("has no link that leads nowhere", () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)];
    for (const [, path = "", anchor] of links) {
      const target = path === "" ? file : join(dirname(file), path);
      expect(existsSync(target), target).toBe(true);
      if (anchor !== undefined) expect(anchors(target)).toContain(anchor);
    }
  });

  it("names no file that is not there", () => {
    const named = [
      ...text.matchAll(/(?<![\w./-])(?:src|test|bench|deploy|docs|drizzle|\.ci|\.github)\/[\w./-]*/g),
    ].map(([path]) => path.replace(/[./]+$/, ""));
    expect(named.filter((path) => !existsSync(path))).toEqual([]);
  });
});
