import { accessSync, constants } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type BrowserContext, chromium } from "playwright-core";
import { temporaryDirectory } from "../../src/local-stack/leftovers.ts";

/** Only a hang takes so long, on a machine that is busy with other tests, too. */
const ACTION_TIMEOUT_MS = 60_000;

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Without a graphics card, drawing what moves and blurs takes most of the machine. */
const STILL = `addEventListener("DOMContentLoaded", () => {
  const style = document.createElement("style");
  style.textContent =
    "*, ::before, ::after { animation: none !important; transition: none !important; " +
    "filter: none !important; backdrop-filter: none !important }";
  document.head.append(style);
});`;

/** The first Chromium on the PATH, or where Debian puts it; nothing is downloaded. */
export function findChromium(): string | undefined {
  const directories = (process.env.PATH ?? "").split(delimiter).filter((directory) => directory !== "");
  return [...directories.map((directory) => join(directory, "chromium")), "/usr/bin/chromium"].find(
    isExecutable,
  );
}

/** A headless browser that knows nothing from before, and leaves nothing behind. */
export interface Browser {
  context: BrowserContext;
  close(): Promise<void>;
}

export async function startChromium(executablePath: string): Promise<Browser> {
  const directory = await temporaryDirectory();
  try {
    const context = await chromium.launchPersistentContext(join(directory.path, "profile"), {
      executablePath,
      args: FLAGS,
      viewport: { width: 1400, height: 1_600 },
      reducedMotion: "reduce",
      // Chromium also writes beside its profile: crash reports, caches, certificates.
      env: { ...process.env, HOME: directory.path, TMPDIR: directory.path },
      artifactsDir: join(directory.path, "artifacts"),
    });
    context.setDefaultTimeout(ACTION_TIMEOUT_MS);
    await context.addInitScript({ content: STILL });
    return {
      context,
      async close() {
        await context.close();
        await directory.remove();
      },
    };
  } catch (error) {
    await directory.remove();
    throw error;
  }
}

/** Pictures of all pages, and what a screen reader would be told of them, in a directory that is kept. */
export async function keepPictures(context: BrowserContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "playground-failed-"));
  const pages = context.pages().filter((page) => page.url() !== "about:blank");
  for (const [i, page] of pages.entries()) {
    const path = join(directory, `page-${i + 1}`);
    await page.screenshot({ path: `${path}.png` });
    await writeFile(`${path}.txt`, `${page.url()}\n${await page.locator("body").ariaSnapshot()}\n`);
  }
  return directory;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
