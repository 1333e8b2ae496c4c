import { availableParallelism } from "node:os";
import { DRIVE_KEY, HEAD_KEY } from "../src/domain/state-keys.ts";
import { planFleet } from "../src/local-stack/fleet-plan.ts";
import { call } from "../src/local-stack/restate-api.ts";
import type { handlers, Patches, Records } from "./bare/process.ts";
import { newImage } from "./fleet.ts";
import { bytesOf, partsAmong, stateValues } from "./kv.ts";
import { median, repeated } from "./numbers.ts";
import { cpuMs } from "./processes.ts";
import type { Remote } from "./remote.ts";
import { type BenchStack, NAMESPACE } from "./stack.ts";

/** CPU milliseconds per sentinel that no way of doing it can spare, each measured by itself. */
export interface Floor {
  fanOut: number;
  kubernetes: number;
  mysql: number;
  records: number;
  /** What they come to on this machine's cores, in ms per sentinel. */
  each: number;
}

/**
 * The least that a rollout costs: the bare fan-out; one patch with its news from the watch; the row read, and written when it is
 * begun and when it is done; and the records: each part of the fleet read and written twice, once when the time is up and once
 * when all of it is done, with the head and the drive. On a machine whose cores are busy, time cannot be less than this CPU time
 * over the cores.
 * @param fanOut drives the bare fan-out once
 * @param runs each part is the median of so many
 */
export async function measureFloor(
  stack: BenchStack,
  bare: Remote<typeof handlers>,
  fanOut: () => Promise<unknown>,
  { sentinels, runs, window }: { sentinels: number; runs: number; window: number },
): Promise<Floor> {
  const restateAndBare = () => cpuMs(stack.restate.process.pid) + cpuMs(bare.pid);
  const each = async (used: () => number, work: () => Promise<unknown>) => {
    const before = used();
    await work();
    return (used() - before) / sentinels;
  };
  const records = await recordsOf(stack);
  const patches = (): Patches => ({
    kubeconfigFile: stack.kubeconfig,
    namespace: NAMESPACE,
    names: planFleet(sentinels).map(({ k8sName }) => k8sName),
    image: newImage(),
  });
  const kubernetes = async () => {
    let own = 0;
    const standIn = await each(
      () => cpuMs(stack.kubernetes.pid),
      async () => {
        own = await bare.patchAll(patches());
      },
    );
    return standIn + own / sentinels;
  };
  const mysql = async () => {
    let own = 0;
    const ids = planFleet(sentinels).map(({ id }) => id);
    const server = await each(
      () => cpuMs(stack.mysql.process?.pid),
      async () => {
        own = await bare.writeRows({ databaseUrl: stack.mysql.url, ids, image: newImage(), window });
      },
    );
    return server + own / sentinels;
  };
  const record = () => call(stack.restate.ingress, "bench.State/one/record", records);
  const rounds = await repeated(runs, async () => ({
    fanOut: await each(restateAndBare, fanOut),
    kubernetes: await kubernetes(),
    mysql: await mysql(),
    records: await each(restateAndBare, record),
  }));
  const middle = (part: keyof (typeof rounds)[number]) => median(rounds.map((round) => round[part]));
  const parts = {
    fanOut: middle("fanOut"),
    kubernetes: middle("kubernetes"),
    mysql: middle("mysql"),
    records: middle("records"),
  };
  const sum = Object.values(parts).reduce((total, part) => total + part, 0);
  return { ...parts, each: sum / availableParallelism() };
}

/** Those of the last rollout, by the sizes that its values have. */
async function recordsOf(stack: BenchStack): Promise<Records> {
  const values = await stateValues(stack);
  const parts = partsAmong(values);
  const others = values.filter(({ key }) => key === HEAD_KEY || key === DRIVE_KEY);
  const part = Math.round(bytesOf(parts) / Math.max(parts.length, 1));
  return { times: 2 * parts.length, values: [part, ...others.map(({ bytes }) => bytes)] };
}
