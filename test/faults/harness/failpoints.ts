import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where in the service's code it dies. */
export interface Failpoint {
  /** `<handler>/<kind> <name>`, digits written as `#`; `*` for any step. */
  point: string;
  side: "before" | "after";
  /** Lets so many pass first (default 0). */
  skip?: number;
}

/** Kills the service from within, at a step of its choice: see `failpoints-preload.ts`. */
export class Failpoints {
  readonly #directory: string;
  #orders = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** What the service's process needs in its environment. */
  get env(): Record<string, string> {
    const preload = fileURLToPath(new URL("failpoints-preload.ts", import.meta.url));
    return { NODE_OPTIONS: `--import=${preload}`, FAILPOINTS: this.#directory };
  }

  /** The next time that a process of the service comes there it dies, once. Replaces what was armed before. */
  arm({ point, side, skip = 0 }: Failpoint): void {
    const id = String(++this.#orders);
    const file = join(this.#directory, "armed");
    writeFileSync(`${file}.new`, JSON.stringify({ id, point, side, skip }));
    renameSync(`${file}.new`, file);
  }

  disarm(): void {
    rmSync(join(this.#directory, "armed"), { force: true });
  }

  /** Whether what was armed last is still to come. */
  get armed(): boolean {
    return existsSync(join(this.#directory, "armed"));
  }

  /** The points at which it died, in order, like `before Deploy/run read the sentinel's row`. */
  get fired(): string[] {
    return this.#lines("fired").map((line) => line.slice(line.indexOf(" ") + 1));
  }

  /** Every point that the service has come to so far, sorted. */
  get seen(): string[] {
    return [...new Set(this.#lines("seen"))].sort();
  }

  #lines(name: string): string[] {
    const file = join(this.#directory, name);
    if (!existsSync(file)) return [];
    return readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  }
}
