import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

const files = ["README.md", "CHANGELOG.md", ...globSync(["docs/**/*.md", "deploy/**/*.md"])];

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

describe.each(files)("%s", (file) => {
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
    const named = [...text.matchAll(/`((?:src|test|deploy|docs|drizzle)\/[\w./-]+)`/g)].map(
      ([, path = ""]) => path,
    );
    expect(named.filter((path) => !existsSync(path))).toEqual([]);
  });
});
