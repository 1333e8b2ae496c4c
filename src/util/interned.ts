/**
 * Equal strings as one: a fleet's images and regions are a few, and each row and Deployment that is parsed brings its own copy.
 * @param most how many different strings are remembered; then it begins anew
 */
export function createInterner(most = 4_096): Intern {
  const known = new Map<string, string>();
  return <T extends string>(text: T): T => {
    const same = known.get(text);
    if (same !== undefined) return same as T;
    if (known.size >= most) known.clear();
    known.set(text, text);
    return text;
  };
}

export type Intern = <T extends string>(text: T) => T;
