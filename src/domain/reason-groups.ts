/** Failures that are alike: numbers, ids and image names do not make another reason of them. */
export interface ReasonGroup {
  /** With `…` in the place of what differs from one sentinel to another. */
  reason: string;
  count: number;
  /** A few of the sentinels, by id. */
  examples: string[];
}

const MOST_GROUPS = 10;
const MOST_EXAMPLES = 3;
const LONGEST = 200;

/**
 * What differs between two failures of one cause, the longest kinds first: a piece of an image's name is an id, too. Each begins
 * where a word does.
 */
const DIFFERS: readonly RegExp[] = [
  // A UUID.
  /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi,
  // An image: it has a slash, and a tag or a digest.
  /(?<![\w./-])(?:[\w.-]+(?::\d+)?\/)+[\w.-]+(?::[\w.-]*\w)?(?:@sha256:[0-9a-f]+)?/gi,
  // An image without a registry, a digest, a time of day, an address: letters or digits about a colon.
  /(?<![\w./-])[\w.-]+:v?\d[\w.:-]*/g,
  /(?:sha256:)?\b[0-9a-f]{12,}\b/gi,
  // A name that was made: its parts are joined, and one of them has a digit.
  /(?<![\w.-])(?=[\w.-]*\d)[a-z]\w*(?:[._-]\w+)+/gi,
  // A number, with its unit, and a duration of several.
  /(?<![\w.-])-?\d+(?:\.\d+)*(?:[a-z]{1,2}\d+(?:\.\d+)*)*(?:[a-z]{1,2}|%)?\b/gi,
];

/** A reason without what differs from one sentinel to another. */
export function alike(reason: string): string {
  let text = reason.replaceAll(/\s+/g, " ").trim();
  for (const kind of DIFFERS) text = text.replaceAll(kind, "…");
  return cut(text.replaceAll(/…(?:[ ,:/"']*…)+/g, "…"));
}

/**
 * The most common reasons, the most common first.
 * @param failures each sentinel once
 */
export function reasonGroups(failures: Iterable<{ id: string; reason: string }>): ReasonGroup[] {
  const groups = new Map<string, { texts: Set<string>; ids: string[] }>();
  for (const { id, reason } of failures) {
    const key = alike(reason);
    const group = groups.get(key) ?? { texts: new Set<string>(), ids: [] };
    groups.set(key, group);
    // Two are enough to know that they differ.
    if (group.texts.size < 2) group.texts.add(reason);
    group.ids.push(id);
  }
  return [...groups]
    .map(([key, { texts, ids }]) => {
      const [only = key] = texts;
      const examples = ids.toSorted().slice(0, MOST_EXAMPLES);
      return { reason: texts.size === 1 ? cut(only) : key, count: ids.length, examples };
    })
    .sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1))
    .slice(0, MOST_GROUPS);
}

function cut(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}
