import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { expect, it } from "vitest";
import { register } from "../../src/restate/ingress.ts";

it("a registration that fails goes on, and is told of ever more rarely", async () => {
  let attempts = 0;
  const admin = createServer((request, response) => {
    if (request.method === "POST") attempts += 1;
    request.resume();
    response.writeHead(request.method === "POST" && attempts > 600 ? 201 : 500).end("{}");
  });
  admin.listen(0, "127.0.0.1");
  await once(admin, "listening");
  const adminUrl = `http://127.0.0.1:${(admin.address() as AddressInfo).port}`;
  const lines: { level: number; attempt?: number; msg: string }[] = [];
  const logger = pino({}, { write: (line: string) => lines.push(JSON.parse(line)) });
  const service = { adminUrl, serviceUrl: "http://service:9080" };
  try {
    expect(await register(service, logger, AbortSignal.timeout(120_000), 0)).toBe(true);
  } finally {
    admin.close();
    admin.closeAllConnections();
  }
  expect(attempts).toBe(601);
  const warnings = lines.filter(({ level }) => level === 40);
  expect(warnings.map(({ attempt }) => attempt)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512]);
  expect(lines.at(-1)?.msg).toBe("registered with Restate");
});
