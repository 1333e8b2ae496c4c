/** Resource quantities (`500m`, `1.5Gi`) in the one spelling that the API server keeps. */

const NANO = 1_000_000_000n;
const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: [string, bigint][] = [
  ["E", NANO * 10n ** 18n],
  ["P", NANO * 10n ** 15n],
  ["T", NANO * 10n ** 12n],
  ["G", NANO * 10n ** 9n],
  ["M", NANO * 10n ** 6n],
  ["k", NANO * 10n ** 3n],
  ["", NANO],
  ["m", NANO / 1000n],
  ["u", NANO / 1_000_000n],
  ["n", 1n],
];

/** The value in billionths, or undefined when the text is no quantity. */
export function quantityNanos(text: string): bigint | undefined {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?|[eE][+-]?\d+)$/.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = "", fraction = "", unit = ""] = match;
  if (whole === "" && fraction === "") return undefined;
  const scale = unitNanos(unit);
  const digits = BigInt(`${whole}${fraction}`);
  const divisor = 10n ** BigInt(fraction.length);
  const nanos = (digits * scale + divisor - 1n) / divisor;
  return sign === "-" ? -nanos : nanos;
}

/** `1000m` → `1`, `1024Mi` → `1Gi`, `0.5` → `500m`; undefined when the text is no quantity. */
export function canonicalQuantity(text: string): string | undefined {
  const nanos = quantityNanos(text);
  if (nanos === undefined) return undefined;
  if (nanos === 0n) return "0";
  if (text.endsWith("i") && nanos % NANO === 0n) {
    const units = nanos / NANO;
    if (units >= 1024n || units <= -1024n) {
      const power = BINARY.findLastIndex((_, at) => units % 1024n ** BigInt(at) === 0n);
      return `${units / 1024n ** BigInt(power)}${BINARY[power] ?? ""}`;
    }
  }
  const [suffix, scale] = DECIMAL.find(([, size]) => nanos % size === 0n) ?? ["n", 1n];
  return `${nanos / scale}${suffix}`;
}

function unitNanos(unit: string): bigint {
  const binary = unit === "" ? 0 : BINARY.indexOf(unit);
  if (binary > 0) return NANO * 1024n ** BigInt(binary);
  const decimal = DECIMAL.find(([suffix]) => suffix === unit);
  if (decimal !== undefined) return decimal[1];
  const exponent = Number(unit.slice(1));
  return exponent >= 0 ? NANO * 10n ** BigInt(exponent) : NANO / 10n ** BigInt(-exponent);
}
