import { mkdir, writeFile } from "node:fs/promises";
import { stripVTControlCharacters } from "node:util";
import { execa } from "execa";
import { startStack } from "../../src/local-stack/stack.ts";
import { findChromium, startChromium } from "../browser/chromium.ts";
import { RestateUi } from "../browser/restate-ui.ts";
import { NEW, World } from "../support/stack-world.ts";
import { until } from "../support/until.ts";
import { terminalSvg } from "./terminal-svg.ts";

/**
 * Makes the pictures of the README from a real rollout: `npm run pictures`. The terminal is what `npm run watch` draws
 * first when it is started in the fourth wave; the playground is the page of the Restate UI in Chromium.
 */
const DIRECTORY = "docs/pictures";
const [COLUMNS, ROWS] = [100, 24];
const ESCAPE = "\u001b";
const SERVICE = "hydra.v1.SentinelRolloutService";

const executablePath = findChromium();
if (executablePath === undefined)
  throw new Error("There is no chromium on the PATH. Debian: apt-get install chromium");
await mkdir(DIRECTORY, { recursive: true });

const slow = Array.from({ length: 14 }, (_, i) => ({
  sentinelId: sentinel(37 + i),
  fault: "slow:60" as const,
}));
const world = new World(
  await startStack({
    sentinels: 100,
    faults: [{ sentinelId: sentinel(31), fault: "ImagePullBackOff" }, ...slow],
    env: { FAIL_FAST_SECONDS: "2" },
  }),
);
try {
  await world.start("Rollout", { image: NEW });
  await until(
    "the fourth wave has a failure and waits for its slow ones",
    async () => {
      const { wave, succeeded, failures } = (await world.verb("Status")).body;
      return wave === 4 && succeeded === 35 && failures.length === 1;
    },
    120_000,
  );
  await writeFile(`${DIRECTORY}/watch.svg`, await watchPicture());
  await writeFile(`${DIRECTORY}/playground.png`, await playgroundPicture(executablePath));
} finally {
  await world.close();
}

function sentinel(n: number): string {
  return `sen_${String(n).padStart(4, "0")}`;
}

/** The first frame on a terminal: only that one is drawn whole. */
async function watchPicture(): Promise<string> {
  const command = `stty cols ${COLUMNS} rows ${ROWS}; exec npm run --silent watch -- ${world.stack.ingress}`;
  const { stdout } = await execa("script", ["-qec", command, "/dev/null"], {
    reject: false,
    stdin: "ignore",
    timeout: 5_000,
  });
  const [, drawn = ""] = stdout.split(`${ESCAPE}[?2026h`);
  const [frame, ...more] = drawn.split(`${ESCAPE}[?2026l`);
  if (frame === undefined || more.length === 0) throw new Error(`npm run watch drew nothing: ${stdout}`);
  const lines = stripVTControlCharacters(frame).trimEnd().split(/\r?\n/);
  return terminalSvg(
    "npm run watch, in the fourth of five waves",
    ["$ npm run --silent watch", ...lines],
    COLUMNS,
  );
}

async function playgroundPicture(chromium: string): Promise<Buffer> {
  const { context, close } = await startChromium(chromium);
  try {
    const playground = await new RestateUi(context, world.stack.admin).openPlayground(SERVICE, "Status");
    await playground.send("singleton");
    const page = context.pages().at(-1);
    if (page === undefined) throw new Error("the browser has no page");
    await page.setViewportSize({ width: 1280, height: 760 });
    return await page.screenshot({ type: "png" });
  } finally {
    await close();
  }
}
