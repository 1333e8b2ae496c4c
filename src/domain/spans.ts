/** Times and lengths of time, for people. */

/** `1h32m`, `2m05s`, `8s`: the two largest units; how long something has taken. */
export function duration(ms: number): string {
  const { h, m, s } = unitsOf(Math.round(ms / 1000));
  if (h > 0) return `${h}h${two(m)}m`;
  return m > 0 ? `${m}m${two(s)}s` : `${s}s`;
}

/** `10 min`, `4 min 12 s`, `1 h 30 min`: as it was asked for, or what is left of that; never less than there is. */
export function span(ms: number): string {
  const { h, m, s } = unitsOf(Math.ceil(ms / 1000));
  const named: [number, string][] = [
    [h, "h"],
    [m, "min"],
    [s, "s"],
  ];
  const told = named.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`);
  return told.length === 0 ? "0 s" : told.join(" ");
}

/** `13:20 UTC`. */
export function clock(unixMs: number): string {
  const minutes = Math.floor(unixMs / 60_000) % (24 * 60);
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)} UTC`;
}

function unitsOf(all: number): { h: number; m: number; s: number } {
  const seconds = Math.max(0, all);
  return { h: Math.floor(seconds / 3600), m: Math.floor(seconds / 60) % 60, s: seconds % 60 };
}

function two(n: number): string {
  return String(n).padStart(2, "0");
}
