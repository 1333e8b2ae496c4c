import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { KubeConfig, loadYaml } from "@kubernetes/client-node";

/**
 * Of $KUBECONFIG, the default file or the service account of the pod where no file is given; one object for each context: an
 * API object made before a switch would send the new token to the old server.
 * @throws Error when it cannot be read, or has no such context, with nothing of what is in it
 */
export function readKubeconfig(context?: string, file?: string): KubeConfig {
  const config = new KubeConfig();
  try {
    if (file === undefined) config.loadFromDefault(undefined, true);
    else config.loadFromFile(file);
    takeTokenFiles(config, file === undefined ? defaultFiles() : [file]);
  } catch (error) {
    throw withoutContent(error);
  }
  if (context !== undefined) config.setCurrentContext(context);
  if (config.getCurrentCluster() === null) {
    throw new Error(`the kubeconfig has no usable context ${context ?? config.getCurrentContext() ?? ""}`);
  }
  return config;
}

function defaultFiles(): string[] {
  const given = (process.env.KUBECONFIG ?? "").split(delimiter).filter((file) => file !== "");
  return given.length > 0 ? given : [join(homedir(), ".kube", "config")].filter((file) => existsSync(file));
}

/** The client reads no `tokenFile` of a user, but has an authenticator that does. As in kubectl, it comes before a token. */
function takeTokenFiles(config: KubeConfig, files: string[]): void {
  for (const file of files) {
    const text = readFileSync(file, "utf8");
    if (!text.includes("tokenFile")) continue;
    const { users } = loadYaml<{ users?: { name: string; user?: { tokenFile?: string } }[] }>(text);
    for (const { name, user } of users ?? []) {
      if (user?.tokenFile === undefined) continue;
      const tokenFile = resolve(dirname(file), user.tokenFile);
      config.users = config.users.map((each) => {
        if (each.name !== name) return each;
        const { token: _, ...rest } = each;
        return { ...rest, authProvider: { name: "tokenFile", config: { tokenFile } } };
      });
    }
  }
}

/** A YAML error quotes the lines around it, and there may be a token in them. */
function withoutContent(error: unknown): Error {
  if (!(error instanceof Error)) return new Error("the kubeconfig cannot be read");
  if (error.name !== "YAMLException") return error;
  const { reason, mark } = error as Error & { reason?: string; mark?: { line?: number } };
  return new Error(`the kubeconfig is no YAML: ${reason ?? "unreadable"}, line ${(mark?.line ?? 0) + 1}`);
}
