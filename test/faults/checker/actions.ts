import type { Verb } from "./evidence.ts";
import type { Sight } from "./sight.ts";
import type { Sources } from "./sources.ts";

/** Who was ended before it could answer may have been taken. */
const ENDED = /killed|cancelled/i;

/** r: who called which verb is kept, once each: of who was taken that it was, of who was refused why. */
export async function actionsAreKept(
  sources: Pick<Sources, "actions">,
  { verbs }: Pick<Sight, "verbs">,
): Promise<string[]> {
  const kept = Map.groupBy(await sources.actions(), ({ comment }) => comment);
  return verbs.flatMap((verb) => {
    const comment = commentOf(verb);
    if (comment === undefined) return [];
    const found = kept.get(comment) ?? [];
    const { name, status = 0, answer } = verb;
    const said = `${name} (${comment}), answered with ${status},`;
    const answered = status === 200 || (status === 409 && !ENDED.test(String(answer?.message)));
    if (found.length > 1 || (answered && found.length === 0))
      return [`r: ${said} is kept ${found.length} times`];
    return found.flatMap((action) => [
      ...(action.verb === name ? [] : [`r: ${said} is kept as ${action.verb}`]),
      ...(answered && (action.refused === null) !== (status === 200)
        ? [`r: ${said} is kept as ${action.refused === null ? "taken" : `refused: ${action.refused}`}`]
        : []),
    ]);
  });
}

function commentOf({ body }: Verb): string | undefined {
  const { comment } = (body ?? {}) as { comment?: unknown };
  return typeof comment === "string" ? comment : undefined;
}
