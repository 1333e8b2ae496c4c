/** What a scrape of /metrics shows, in the Prometheus text format. */
export interface Scrape {
  text: string;
  families: Map<string, { help: string; type: string }>;
  samples: Sample[];
  /** The sum of the samples of this name that have all the labels; undefined where there is none. */
  value(name: string, labels?: Record<string, string>): number | undefined;
}

export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export async function scrape(health: string): Promise<Scrape> {
  const response = await fetch(`${health}/metrics`);
  if (!response.ok) throw new Error(`/metrics answered ${response.status}`);
  return parseExposition(await response.text());
}

export function parseExposition(text: string): Scrape {
  const families = new Map<string, { help: string; type: string }>();
  const samples: Sample[] = [];
  for (const line of text.split("\n").filter((each) => each !== "")) {
    const [, kind, family = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind !== undefined) {
      const known = families.get(family) ?? { help: "", type: "" };
      families.set(family, kind === "HELP" ? { ...known, help: rest } : { ...known, type: rest });
    } else {
      samples.push(sampleOf(line));
    }
  }
  return {
    text,
    families,
    samples,
    value(name, labels = {}) {
      const wanted = Object.entries(labels);
      const found = samples.filter(
        (sample) => sample.name === name && wanted.every(([label, value]) => sample.labels[label] === value),
      );
      return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
    },
  };
}

function sampleOf(line: string): Sample {
  const [, name, labels = "", value] = /^([a-zA-Z_:]\w*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (name === undefined) throw new Error(`not a sample: ${line}`);
  const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"(?:,|$)/g)];
  return {
    name,
    labels: Object.fromEntries(pairs.map(([, label, text]) => [label, text])),
    value: value === "+Inf" ? Number.POSITIVE_INFINITY : Number(value),
  };
}
