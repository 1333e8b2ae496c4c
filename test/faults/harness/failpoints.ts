import { appendFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Kills the service from within, at a step of its choice: see `failpoints-preload.ts`. */
export class Failpoints {
  readonly #directory: string;
  #orders = 0;

  constructor(directory: string) {
    this.#directory = directory;
    for (const name of ["seen", "fired"]) appendFileSync(join(directory, name), "");
  }

  /** What the service's process needs in its environment. */
  get env(): Record<string, string> {
    const preload = fileURLToPath(new URL("failpoints-preload.ts", import.meta.url));
    return { NODE_OPTIONS: `--import=${preload}`, FAILPOINTS: this.#directory };
  }

  /** And with this too, it is another build: one that cannot replay what the first has begun. */
  static anotherBuild(name: string): Record<string, string> {
    return { ANOTHER_BUILD: name };
  }

  /**
   * The next time that a process of the service comes to one of these, it dies, once. Replaces what was armed before.
   * @param at `before` or `after`, and a point: `after Deploy/run read the sentinel's row`; `before *` is before any step
   * @param skip lets so many pass first
   */
  arm(at: readonly string[], skip = 0): void {
    this.#order({ id: String(++this.#orders), at, skip });
  }

  /**
   * From now on it dies once at each named step of its handlers that it has not died at yet.
   * @param sides before and after; or at a quarter of the steps, before or after, as the seed says
   */
  armEach(sides: "both" | { seed: number }): void {
    this.#order({ each: sides === "both" ? sides : sides.seed });
  }

  #order(order: object): void {
    const file = join(this.#directory, "armed");
    writeFileSync(`${file}.new`, JSON.stringify(order));
    renameSync(`${file}.new`, file);
  }

  disarm(): void {
    rmSync(join(this.#directory, "armed"), { force: true });
  }

  /** Whether what was armed last is still to come. */
  get armed(): boolean {
    return existsSync(join(this.#directory, "armed"));
  }

  /** Where it died, in order. */
  get fired(): string[] {
    return this.#lines("fired");
  }

  /** Every point that the service has come to, in the order in which it first did: `<handler>/<kind> <name>`. */
  get seen(): string[] {
    return [...new Set(this.#lines("seen"))];
  }

  #lines(name: string): string[] {
    const lines = readFileSync(join(this.#directory, name), "utf8").split("\n");
    return lines.filter((line) => line !== "");
  }
}
