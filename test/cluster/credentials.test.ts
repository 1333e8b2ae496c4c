import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ClusterConnection, connect } from "../../src/kubernetes/connection.ts";
import { type DeploymentWatch, watchDeployments } from "../../src/kubernetes/deployment-watch.ts";
import { createLogger } from "../../src/log.ts";
import { type ApiProxy, startApiProxy } from "../support/api-proxy.ts";
import { type Certificate, createAuthority, issue } from "../support/certificates.ts";
import { startKubernetes, type TestKubernetes } from "../support/kubernetes.ts";
import { startTlsFront, type TlsFront } from "../support/tls-front.ts";

// Whoever runs the cluster replaces its certificates, its CA and its tokens, and the service runs on.

const patience = { timeout: 30_000 };
const NAME = "k8s-one";

let kubernetes: TestKubernetes;
let proxy: ApiProxy;
let directory: string;
let front: TlsFront;
let connection: ClusterConnection | undefined;
let watch: DeploymentWatch | undefined;
let authority: Certificate;
let tests = 0;

beforeAll(async () => {
  kubernetes = await startKubernetes();
  proxy = await startApiProxy(kubernetes.kubeconfigFile, join(kubernetes.directory, "proxied"));
  await kubernetes.deploy("one");
});
beforeEach(async () => {
  directory = join(kubernetes.directory, `credentials-${tests++}`);
  await mkdir(directory);
  authority = await createAuthority(directory);
  front = await startTlsFront(proxy.url, await issue(directory, authority, "server", "localhost"));
});
afterEach(async () => {
  await watch?.stop();
  await connection?.close();
  await front.close();
  watch = connection = undefined;
});
afterAll(async () => {
  await proxy?.close();
  await kubernetes?.stop();
});

const file = () => join(directory, "kubeconfig");

/** As a kubelet or an operator's tool replaces a file: at once. */
async function replace(path: string, content: string | Buffer): Promise<void> {
  await writeFile(`${path}.new`, content);
  await rename(`${path}.new`, path);
}

function kubeconfig(user: object, cluster: object = { "certificate-authority": authority.cert }): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      { name: "its", cluster: { server: front.url, ...cluster } },
      { name: "other", cluster: { server: "https://127.0.0.1:1" } },
    ],
    users: [{ name: "me", user }],
    contexts: [
      { name: "its", context: { cluster: "its", user: "me" } },
      { name: "other", context: { cluster: "other", user: "me" } },
    ],
    "current-context": "its",
  });
}

function open(logger = createLogger("silent")): void {
  connection = connect(undefined, file(), { logger });
}

async function image(): Promise<string | undefined> {
  const found = await connection?.apps.readNamespacedDeployment({
    name: NAME,
    namespace: kubernetes.namespace,
  });
  return found?.spec?.template.spec?.containers[0]?.image;
}

const answers = () => expect.poll(() => image().catch((error) => error.message), patience).toMatch(/^x:/);

async function setImage(value: string): Promise<void> {
  await kubernetes.patch("one", [{ op: "replace", path: "/spec/template/spec/containers/0/image", value }]);
}

/** Another authority, and a certificate of the server by it. */
async function anotherAuthority(): Promise<{ ca: Certificate; server: Certificate }> {
  const ca = await createAuthority(directory, "ca2");
  return { ca, server: await issue(directory, ca, "server2", "localhost") };
}

describe("another CA", () => {
  const ways: [string, () => Promise<{ before: object; after: (ca: Certificate) => Promise<void> }>][] = [
    [
      "in its file",
      async () => ({
        before: { "certificate-authority": authority.cert },
        after: async (ca) => replace(authority.cert, await readFile(ca.cert)),
      }),
    ],
    [
      "in the kubeconfig",
      async () => ({
        before: { "certificate-authority-data": await readFile(authority.cert, "base64") },
        after: async (ca) => {
          const data = await readFile(ca.cert, "base64");
          await replace(file(), kubeconfig({}, { "certificate-authority-data": data }));
        },
      }),
    ],
  ];

  it.each(ways)("%s: requests and the watch go on", async (_, way) => {
    const { before, after } = await way();
    await writeFile(file(), kubeconfig({}, before));
    open();
    watch = watchDeployments({
      connection: connection as ClusterConnection,
      namespace: kubernetes.namespace,
      containerName: "sentinel",
      logger: createLogger("silent"),
      handlers: { onChange: () => undefined, onDelete: () => undefined, onSynced: () => undefined },
    });
    await answers();
    await expect.poll(() => watch?.synced, patience).toBe(true);
    const { ca, server } = await anotherAuthority();
    front.change(server);
    front.cut();
    await expect(image()).rejects.toThrow();
    await after(ca);
    await answers();
    await setImage(`x:${tests}`);
    await expect.poll(() => watch?.get(NAME)?.image, patience).toBe(`x:${tests}`);
  });

  it("is not taken for anything else: a server with a foreign certificate is refused", async () => {
    await writeFile(file(), kubeconfig({ token: "mine" }));
    open();
    await answers();
    const { server } = await anotherAuthority();
    front.change(server);
    front.cut();
    const seen = front.authorizations.length;
    for (let i = 0; i < 3; i++) await expect(image()).rejects.toThrow();
    expect(front.authorizations).toHaveLength(seen);
  });
});

describe("other credentials", () => {
  it("a client certificate in files", async () => {
    const mine = await issue(directory, authority, "me", "me");
    const clientAuthority = authority;
    const shown = { cert: join(directory, "server.pem"), key: join(directory, "server.key") };
    front.change(shown, { clientAuthority });
    await writeFile(file(), kubeconfig({ "client-certificate": mine.cert, "client-key": mine.key }));
    open();
    await answers();
    const next = await createAuthority(directory, "clients2");
    const renewed = await issue(directory, next, "renewed", "me");
    front.change(shown, { clientAuthority: next });
    front.cut();
    await expect(image()).rejects.toThrow("401");
    await replace(mine.key, await readFile(renewed.key));
    await replace(mine.cert, await readFile(renewed.cert));
    await answers();
  });

  it("half of a client certificate does not count: the whole one does", async () => {
    const mine = await issue(directory, authority, "me", "me");
    const next = await issue(directory, authority, "next", "me");
    const lines: string[] = [];
    await writeFile(file(), kubeconfig({ "client-certificate": mine.cert, "client-key": mine.key }));
    open(pino({ level: "info" }, { write: (line: string) => lines.push(JSON.parse(line).msg) }));
    await answers();
    await replace(mine.key, await readFile(next.key));
    await expect.poll(() => image().then(() => lines), patience).toEqual(["kubeconfig cannot be read again"]);
    await replace(mine.cert, await readFile(next.cert));
    await expect
      .poll(() => image().then(() => lines), patience)
      .toEqual(["kubeconfig cannot be read again", "kubeconfig is read again"]);
  });

  it("a token in the kubeconfig", async () => {
    front.terms = { authorization: "Bearer first" };
    await writeFile(file(), kubeconfig({ token: "first" }));
    open();
    await answers();
    front.terms = { authorization: "Bearer second" };
    await replace(file(), kubeconfig({ token: "second" }));
    await answers();
  });

  it("a token in a file, which comes before one in the kubeconfig", async () => {
    front.terms = { authorization: "Bearer first" };
    await writeFile(join(directory, "token"), "first\n");
    await writeFile(file(), kubeconfig({ tokenFile: "token", token: "not this one" }));
    open();
    await answers();
    front.terms = { authorization: "Bearer second" };
    await replace(join(directory, "token"), "second");
    await answers();
  });

  it("a token from a command, which is asked again once its token is refused, and not before", async () => {
    const credential = (token: string) =>
      JSON.stringify({
        kind: "ExecCredential",
        apiVersion: "client.authentication.k8s.io/v1",
        status: { token },
      });
    const [given, runs] = [join(directory, "credential"), join(directory, "runs")];
    const exec = {
      apiVersion: "client.authentication.k8s.io/v1",
      command: "sh",
      args: ["-c", `echo run >> ${runs}; cat ${given}`],
    };
    const count = async () => (await readFile(runs, "utf8")).trim().split("\n").length;
    front.terms = { authorization: "Bearer first" };
    await writeFile(given, credential("first"));
    await writeFile(file(), kubeconfig({ exec }));
    open();
    await answers();
    for (let i = 0; i < 20; i++) await image();
    expect(await count()).toBe(1);
    await replace(given, credential("second"));
    front.terms = { authorization: "Bearer second" };
    await answers();
    expect(await count()).toBe(2);
  });

  it("come into effect without a single failure while the old ones are taken, too", async () => {
    await writeFile(file(), kubeconfig({ token: "first" }));
    open();
    await answers();
    let isOver = false;
    const failures: unknown[] = [];
    const asking = Array.from({ length: 20 }, async () => {
      while (!isOver) await image().catch((error) => failures.push(error));
    });
    const { ca, server } = await anotherAuthority();
    // Both for a time, as in every orderly change.
    const both = `${await readFile(authority.cert, "utf8")}${await readFile(ca.cert, "utf8")}`;
    await replace(authority.cert, both);
    await replace(file(), kubeconfig({ token: "second" }));
    await expect.poll(() => front.authorizations.at(-1), patience).toBe("Bearer second");
    front.change(server);
    await replace(authority.cert, await readFile(ca.cert));
    const { connections } = front;
    await expect.poll(() => front.connections, patience).toBeGreaterThan(connections);
    isOver = true;
    await Promise.all(asking);
    expect(failures).toEqual([]);
  });
});

describe("the kubeconfig", () => {
  it("names another server: it gets the new credentials, and the old one never does", async () => {
    const moved = await startTlsFront(proxy.url, await issue(directory, authority, "moved", "localhost"));
    try {
      await writeFile(file(), kubeconfig({ token: "first" }));
      open();
      await answers();
      const text = kubeconfig({ token: "second" }).replace(front.url, moved.url);
      await replace(file(), text);
      await expect
        .poll(() => image().then(() => moved.authorizations.at(-1)), patience)
        .toBe("Bearer second");
      expect(new Set(front.authorizations)).toEqual(new Set(["Bearer first"]));
      expect(new Set(moved.authorizations)).toEqual(new Set(["Bearer second"]));
    } finally {
      await moved.close();
    }
  });

  it("switched to another context by somebody: the service stays in its own", async () => {
    await writeFile(file(), kubeconfig({ token: "first" }));
    open();
    await answers();
    const text = kubeconfig({ token: "second" }).replace(
      '"current-context":"its"',
      '"current-context":"other"',
    );
    await replace(file(), text);
    await expect.poll(() => image().then(() => front.authorizations.at(-1)), patience).toBe("Bearer second");
  });

  it.each([
    ["half written", () => kubeconfig({ token: "s3cret" }).slice(0, -40)],
    ["no YAML", () => 'users:\n  - token: "s3cret\n ]: s3cret'],
    ["without the context", () => kubeconfig({ token: "s3cret" }).replaceAll('"its"', '"gone"')],
    ["empty", () => ""],
  ])("%s: what was good until now goes on, and that is told once, without its content", async (_, broken) => {
    const lines: string[] = [];
    const logger = pino({ level: "info" }, { write: (line: string) => lines.push(line) });
    front.terms = { authorization: "Bearer first" };
    await writeFile(file(), kubeconfig({ token: "first" }));
    open(logger);
    await answers();
    await replace(file(), broken());
    const told = () => lines.map((line) => JSON.parse(line).msg);
    await expect.poll(() => image().then(told), patience).toEqual(["kubeconfig cannot be read again"]);
    await replace(file(), kubeconfig({ token: "first" }));
    await expect
      .poll(() => image().then(told), patience)
      .toEqual(["kubeconfig cannot be read again", "kubeconfig is read again"]);
    expect(lines.join("")).not.toContain("s3cret");
  });

  it("is no YAML from the start: what is said of it has nothing of its content", async () => {
    await writeFile(file(), 'users:\n  - token: "s3cret\n ]: s3cret');
    let said = "";
    try {
      open();
    } catch (error) {
      said = `${error} ${(error as Error).stack}`;
    }
    expect(said).toContain("no YAML");
    expect(said).not.toContain("s3cret");
  });

  it.each([
    ["fails", "echo s3cret >&2; exit 1"],
    ["says something else", "echo '{ \"token\": s3cret'"],
    ["does not exist", undefined],
  ])("names a command that %s: what is said of it has nothing of its words", async (_, script) => {
    const exec = script === undefined ? { command: "/nowhere" } : { command: "sh", args: ["-c", script] };
    const lines: string[] = [];
    await writeFile(file(), kubeconfig({ exec }));
    open(pino({ level: "info" }, { write: (line: string) => lines.push(line) }));
    await expect(image()).rejects.toThrow(`command ${exec.command} gave no credentials`);
    await expect(image()).rejects.toSatisfy((error) => !`${(error as Error).stack}`.includes("s3cret"));
    expect(lines.join("")).not.toContain("s3cret");
  });

  it("names a command that hangs: a request gives up in time, and closing does not wait for it", async () => {
    const ended = join(directory, "ended");
    const args = [
      "-c",
      `for i in $(seq 300); do sleep 0.1; [ -d ${directory} ] || exit; done; echo > ${ended}`,
    ];
    await writeFile(file(), kubeconfig({ exec: { command: "sh", args } }));
    open();
    await expect(image()).rejects.toMatchObject({ name: "TimeoutError" });
    await connection?.close();
    connection = undefined;
    await expect(readFile(ended)).rejects.toThrow("ENOENT");
  });
});
