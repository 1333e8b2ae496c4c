import type { Action } from "../domain/action.ts";
import { and, desc, eq, lt, or, sql } from "./drizzle.ts";
import { actions } from "./history-schema.ts";
import { fitting } from "./literals.ts";
import { type Database, execute } from "./pool.ts";

/** Times are unix milliseconds. */
export interface PastAction {
  id: string;
  verb: string;
  /** Null where the caller did not say, as is the comment. */
  operator: string | null;
  comment: string | null;
  /** Null where there was none. */
  rolloutId: string | null;
  /** Null where the state could not be read. */
  fromState: string | null;
  /** Null where it was refused. */
  toState: string | null;
  refused: string | null;
  askedAt: number;
}

/** Every statement about what operators did. All of them throw DatabaseError. */
export interface ActionStore {
  /** Written again it changes nothing. */
  recordAction(action: Action): Promise<void>;
  /** The newest first; of one rollout where it is given; those that come after one of them. */
  actions(
    limit: number,
    about?: { rolloutId?: string | undefined; after?: Pick<PastAction, "askedAt" | "id"> | undefined },
  ): Promise<PastAction[]>;
  action(id: string): Promise<PastAction | undefined>;
}

/** Lengths of columns. */
const TEXT_LENGTH = 1_024;
const NAME_LENGTH = 255;

export function createActionStore(db: Database): ActionStore {
  return {
    async recordAction({ id, verb, operator, comment, rolloutId, from, to, refused, atMs }) {
      await execute(
        db
          .insert(actions)
          .values({
            id,
            verb,
            operator: fitting(operator, NAME_LENGTH),
            comment: fitting(comment, TEXT_LENGTH),
            rolloutId: rolloutId ?? null,
            fromState: from ?? null,
            toState: to ?? null,
            refused: fitting(refused, TEXT_LENGTH),
            askedAt: atMs,
          })
          // Nothing, but not IGNORE: that would swallow other errors too.
          .onDuplicateKeyUpdate({ set: { verb: sql`${actions.verb}` } }),
      );
    },

    actions: (limit, { rolloutId, after } = {}) =>
      execute(
        db
          .select()
          .from(actions)
          .where(
            and(
              rolloutId === undefined ? undefined : eq(actions.rolloutId, rolloutId),
              after &&
                or(
                  lt(actions.askedAt, after.askedAt),
                  and(eq(actions.askedAt, after.askedAt), lt(actions.id, after.id)),
                ),
            ),
          )
          .orderBy(desc(actions.askedAt), desc(actions.id))
          .limit(limit),
      ),

    async action(id) {
      const rows = await execute(db.select().from(actions).where(eq(actions.id, id)));
      // The comparison of the column overlooks spaces at the end.
      return rows.find((row) => row.id === id);
    },
  };
}
