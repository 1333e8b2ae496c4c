import { expect, it } from "vitest";
import { obtainMysql } from "../../src/local-stack/mysql-install.ts";

it("SENTINEL_ROLLOUT_NO_INSTALL=1: nothing is installed or downloaded, and the advice says what to do", async () => {
  const told: string[] = [];
  const obtaining = obtainMysql((line) => told.push(line), { SENTINEL_ROLLOUT_NO_INSTALL: "1" });
  await expect(obtaining).rejects.toThrow(
    /^no MySQL-compatible server found: install .*set DATABASE_URL.*\n\(SENTINEL_ROLLOUT_NO_INSTALL=1: /s,
  );
  expect(told).toEqual([]);
});
