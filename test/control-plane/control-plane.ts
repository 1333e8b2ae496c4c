import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { until } from "../support/until.ts";

/**
 * A real control plane that may be broken, of its own: `TEST_CONTROL_PLANE` is a directory with the commands `up DIR` (starts it,
 * or brings it back with its data, and prints the path of an administrator's kubeconfig last) and `down DIR [--rm]`. In DIR are
 * `kube-apiserver.pid`, `ports` (etcd's is the first number) and `kubeconfig.service`, of a user without any rights.
 */
export class ControlPlane {
  readonly directory: string;
  readonly kubeconfig: string;
  readonly #commands: string;

  private constructor(commands: string, directory: string, kubeconfig: string) {
    this.#commands = commands;
    this.directory = directory;
    this.kubeconfig = kubeconfig;
  }

  static async start(): Promise<ControlPlane> {
    const commands = process.env.TEST_CONTROL_PLANE;
    if (commands === undefined) {
      throw new Error("TEST_CONTROL_PLANE must name a directory with the commands up and down");
    }
    const directory = await mkdtemp(join(tmpdir(), "control-plane-"));
    const { stdout } = await execa(join(commands, "up"), [directory]);
    return new ControlPlane(commands, directory, stdout.trim().split("\n").at(-1) ?? "");
  }

  /** Of the user `service`, who may do only what a Role allows. */
  get serviceKubeconfig(): string {
    return join(this.directory, "kubeconfig.service");
  }

  kubectl(...args: string[]) {
    return execa("kubectl", ["--kubeconfig", this.kubeconfig, ...args]);
  }

  /** Gives the Role of the manifests to the user `service`. */
  async bindRole(namespace: string): Promise<void> {
    const role = ["--role=sentinel-rollout", "--user=service"];
    await this.kubectl("create", "rolebinding", "as-user", "-n", namespace, ...role);
  }

  /** The API server accepts connections and answers nothing. */
  async hang(): Promise<void> {
    process.kill(await this.#apiServer(), "SIGSTOP");
  }

  async goOn(): Promise<void> {
    process.kill(await this.#apiServer(), "SIGCONT");
  }

  /** Everything goes away; it comes back with its data. */
  async down(): Promise<void> {
    await execa(join(this.#commands, "down"), [this.directory]);
  }

  async up(): Promise<void> {
    await execa(join(this.#commands, "up"), [this.directory]);
  }

  /**
   * The API server goes away, and etcd moves on without it and forgets all that was: no watch and no list can go on from a
   * version of before. Back with `down` and `up`.
   */
  async forgetVersions(): Promise<void> {
    process.kill(await this.#apiServer(), "SIGKILL");
    const { header } = await this.#etcd<{ header: { revision: string } }>("kv/put", { key: btoa("newest") });
    await this.#etcd("kv/compaction", { revision: header.revision, physical: true });
  }

  async remove(): Promise<void> {
    await this.goOn().catch(() => undefined);
    await execa(join(this.#commands, "down"), [this.directory, "--rm"]);
  }

  async #apiServer(): Promise<number> {
    return Number(await readFile(join(this.directory, "kube-apiserver.pid"), "utf8"));
  }

  async #etcd<T>(path: string, body: object): Promise<T> {
    const [port] = (await readFile(join(this.directory, "ports"), "utf8")).trim().split(" ");
    return until(`etcd answers ${path}`, async () => {
      const response = await fetch(`http://127.0.0.1:${port}/v3/${path}`, {
        method: "POST",
        body: JSON.stringify(body),
      });
      return response.ok && ((await response.json()) as T);
    });
  }
}
