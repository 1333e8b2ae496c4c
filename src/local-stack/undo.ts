/** What has to be undone, in reverse order of what was done. */
export class Undo {
  readonly #steps: (() => Promise<unknown> | unknown)[] = [];
  #running: Promise<void> | undefined;

  /** Adds how to undo what has just been done. */
  add(step: () => Promise<unknown> | unknown): void {
    this.#steps.push(step);
  }

  /**
   * Undoes everything, once, even when a step fails.
   * @throws the first failure, after the last step
   */
  run(): Promise<void> {
    this.#running ??= this.#runAll();
    return this.#running;
  }

  async #runAll(): Promise<void> {
    const failures: unknown[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
