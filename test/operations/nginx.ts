import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { find } from "../../src/local-stack/mysql-binaries.ts";
import { until } from "../support/until.ts";
import { pathOf } from "./imports.ts";

const nginx = find("nginx");

/**
 * Runs the shipped gateway with its addresses changed: everything else is what an operator would run.
 * @param directory holds `tokens`, `tls.crt` and `tls.key`
 */
export async function startGateway(directory: string, port: number, upstream: string) {
  if (nginx === undefined) throw new Error("nginx is not on the PATH: npm run test:all brings it");
  const shipped = await readFile(pathOf("deploy/gateway/nginx.conf"), "utf8");
  const site = shipped
    .replaceAll("/etc/nginx/sentinel-rollout", directory)
    .replace("listen 8443 ssl", `listen 127.0.0.1:${port} ssl`)
    .replace("server restate:8080", `server ${upstream}`);
  await mkdir(join(directory, "temporary"));
  const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const main = [
    "daemon off; worker_processes 1;",
    ...(process.getuid?.() === 0 ? ["user root;"] : []),
    `pid ${directory}/nginx.pid; error_log stderr warn;`,
    "events {}",
    "http {",
    "access_log off;",
    ...kinds.map((kind) => `${kind}_temp_path ${directory}/temporary/${kind};`),
    site,
    "}",
  ];
  const file = join(directory, "nginx.conf");
  await writeFile(file, main.join("\n"));
  const server = execa(nginx, ["-c", file, "-p", directory, "-e", "stderr"], { reject: false });
  await until("nginx listens", async () => {
    if (server.exitCode !== null && server.exitCode !== undefined) throw new Error((await server).stderr);
    return fetch(`https://127.0.0.1:${port}`).then(
      () => true,
      (error) => (error.cause?.code ?? "") !== "ECONNREFUSED",
    );
  });
  return {
    async stop(): Promise<void> {
      server.kill("SIGTERM");
      await server;
    },
  };
}
