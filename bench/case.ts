/** One benchmark: what it measures, what it compares with in the same run, and what it must reach. */
export interface BenchCase {
  /** As on the command line and in the JSON. */
  name: string;
  /** What the numbers are set against. */
  compares: string;
  /** Runs the measurement `runs` times on stacks of its own. */
  measure(plan: BenchPlan): Promise<Measurement[]>;
}

export interface BenchPlan {
  size: "full" | "small";
  /** At least this many values go into each median. */
  runs: number;
  /** Where a case can be of another size than its own. */
  sentinels?: number;
  /** Of the service: how much memory there is for it, and how much of that for V8's old space, in MiB. */
  memoryLimit?: number;
  heap?: number;
  /** Told what happens, one line each. */
  log(line: string): void;
}

/** One line of the result. */
export interface Measurement {
  case: string;
  /** The value of each run; the result is their median. */
  runs: number[];
  unit: string;
  must: Limit;
  aim: Limit;
  /** What a person wants to know beside it: the absolute numbers behind a ratio. */
  note: string;
}

/** A bound on the value: at most, or at least where more is better. */
export type Limit = { atMost: number } | { atLeast: number };

export function atMost(value: number): Limit {
  return { atMost: value };
}

export function atLeast(value: number): Limit {
  return { atLeast: value };
}

export function bound(limit: Limit): number {
  return "atMost" in limit ? limit.atMost : limit.atLeast;
}

export function reached(value: number, limit: Limit): boolean {
  return "atMost" in limit ? value <= limit.atMost : value >= limit.atLeast;
}
