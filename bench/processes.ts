import { readFileSync } from "node:fs";
import { rounded } from "./numbers.ts";
import type { BenchStack } from "./stack.ts";

/** Peak resident memory of a process so far, in MB. */
export function peakMemoryMb(pid: number | undefined): number {
  return statusMb(pid, "VmHWM");
}

/** Resident memory of a process now, in MB. */
export function memoryMb(pid: number | undefined): number {
  return statusMb(pid, "VmRSS");
}

function statusMb(pid: number | undefined, field: string): number {
  const line = readFileSync(`/proc/${pid}/status`, "utf8")
    .split("\n")
    .find((each) => each.startsWith(`${field}:`));
  return Number(line?.match(/\d+/)?.[0]) / 1_024;
}

/** CPU milliseconds that each part has used so far. */
export type CpuTimes = Record<string, number>;

export function cpuTimes({ service, restate, kubernetes, mysql }: BenchStack): CpuTimes {
  return {
    service: cpuMs(service.process.pid),
    restate: cpuMs(restate.process.pid),
    mysql: cpuMs(mysql.process?.pid),
    kubernetes: cpuMs(kubernetes.pid),
  };
}

/** For a person: where the CPU time went, in milliseconds per sentinel. */
export function cpuSince(before: CpuTimes, after: CpuTimes, sentinels: number): string {
  const parts = Object.entries(after).map(
    ([part, ms]) => `${part} ${rounded((ms - (before[part] ?? 0)) / sentinels)}`,
  );
  return `CPU ms a sentinel: ${parts.join(", ")}`;
}

/** Linux counts in hundredths of a second. */
const TICK_MS = 10;

/** CPU milliseconds that a process has used so far. */
export function cpuMs(pid: number | undefined): number {
  if (pid === undefined) return 0;
  // The program's name is in parentheses and may contain spaces; utime and stime are the 12th and 13th after it.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
