import { join } from "node:path";
import { type ServiceProcess, startService } from "../../src/local-stack/service.ts";
import { type StackOptions, startStack } from "../../src/local-stack/stack.ts";
import { World } from "../support/world.ts";

/** A stack whose service may come back with other settings, at the same address. */
export class Settings {
  readonly world: World;
  readonly #env: Record<string, string>;
  #service: ServiceProcess;
  #starts = 0;

  static async open(options: StackOptions): Promise<Settings> {
    let env: Record<string, string> = {};
    const stack = await startStack({
      ...options,
      adjustEnv: async (built) => {
        env = built;
        return {};
      },
    });
    return new Settings(new World(stack), env);
  }

  private constructor(world: World, env: Record<string, string>) {
    this.world = world;
    this.#env = env;
    this.#service = world.stack.service;
  }

  /** kill -9, and a start with these. */
  async comeBackWith(settings: Record<string, string>): Promise<void> {
    await this.#service.process.signal("SIGKILL");
    const log = join(this.world.stack.directory, `service-start-${++this.#starts}.log`);
    this.#service = await startService({ ...this.#env, ...settings }, log);
  }

  async close(): Promise<void> {
    await this.#service.process.stop();
    await this.world.close();
  }
}
