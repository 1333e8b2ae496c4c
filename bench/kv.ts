import { HEAD_KEY } from "../src/domain/state-keys.ts";
import { query } from "../src/local-stack/restate-api.ts";
import { RolloutObject } from "../src/restate/contract.ts";
import type { BenchStack } from "./stack.ts";

/** Bytes of the rollout's K/V state that went to the log so far, as the service counts them: each read is journalled, too. */
export interface StateTraffic {
  read: number;
  written: number;
}

export async function stateTraffic(stack: BenchStack): Promise<StateTraffic> {
  const response = await fetch(`${stack.service.health}/metrics`);
  const text = await response.text();
  const of = (operation: string) => {
    const name = `sentinel_rollout_state_bytes_total{operation="${operation}"} `;
    const line = text.split("\n").find((each) => each.startsWith(name));
    if (line === undefined) throw new Error(`/metrics has no ${name}`);
    return Number(line.slice(name.length));
  };
  return { read: of("read"), written: of("write") };
}

export interface Value {
  key: string;
  bytes: number;
}

/** The size of each value of the rollout's state. */
export function stateValues(stack: BenchStack): Promise<Value[]> {
  return query<Value>(
    stack.restate.admin,
    `SELECT key, octet_length(value_utf8) AS bytes FROM state WHERE service_name = '${RolloutObject.name}'`,
  );
}

export function bytesOf(values: readonly Value[]): number {
  return values.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The values of the parts, which hold the fleet itself. */
export function partsAmong(values: readonly Value[]): Value[] {
  return values.filter(({ key }) => key.startsWith(`${HEAD_KEY}/`));
}
