import { copyFile, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { type ClusterConnection, connect } from "../../src/kubernetes/connection.ts";
import { type DeploymentWatch, watchDeployments } from "../../src/kubernetes/deployment-watch.ts";
import { createLogger } from "../../src/log.ts";
import { createAuthority, issue } from "../support/certificates.ts";
import { sentinelDeployment } from "../support/kubernetes.ts";
import { ControlPlane } from "./control-plane.ts";

const NAMESPACE = "default";
const patience = { timeout: 100_000 };

let plane: ControlPlane;
let connection: ClusterConnection;
let watch: DeploymentWatch;
let authorityFile: string;

beforeAll(async () => {
  plane = await ControlPlane.start();
  const config = parse(await readFile(plane.kubeconfig, "utf8"));
  const [{ cluster }] = config.clusters as [{ cluster: Record<string, string> }];
  authorityFile = join(plane.directory, "authority.pem");
  await copyFile(cluster["certificate-authority"] ?? "", authorityFile);
  cluster["certificate-authority"] = authorityFile;
  const file = join(plane.directory, "kubeconfig.copy");
  await writeFile(file, stringify(config));
  connection = connect(undefined, file);
  await connection.apps.createNamespacedDeployment({ namespace: NAMESPACE, body: sentinelDeployment("one") });
  watch = watchDeployments({
    connection,
    namespace: NAMESPACE,
    containerName: "sentinel",
    logger: createLogger("silent"),
    handlers: { onChange: () => undefined, onDelete: () => undefined, onSynced: () => undefined },
    streamSeconds: 3,
  });
});
afterAll(async () => {
  await watch?.stop();
  await connection?.close();
  await plane?.remove();
});

const read = () =>
  connection.apps.readNamespacedDeployment({ namespace: NAMESPACE, name: "k8s-one" }).then(
    () => "answers",
    (error: Error) => `${(error.cause as Error | undefined)?.message ?? error.message}`,
  );

it("a real API server comes back with a certificate of another CA: requests and the watch go on once the CA's file is replaced", {
  timeout: 300_000,
}, async () => {
  await expect.poll(() => watch.synced, patience).toBe(true);
  const authority = await createAuthority(plane.directory, "another");
  const shown = await issue(plane.directory, authority, "shown", "localhost,IP:127.0.0.1");
  const certs = join(plane.directory, "certs");
  // While it runs it goes on with the sessions that there are, whose certificate nobody looks at again.
  await plane.down();
  await rename(shown.key, join(certs, "apiserver.key"));
  await rename(shown.cert, join(certs, "apiserver.crt"));
  await plane.up();
  await expect.poll(read, patience).toMatch(/certificate/);
  await copyFile(authority.cert, authorityFile);
  await expect.poll(read, patience).toBe("answers");
  await connection.apps.deleteNamespacedDeployment({ namespace: NAMESPACE, name: "k8s-one" });
  await expect.poll(() => watch.get("k8s-one"), patience).toBeUndefined();
});
