import { and, eq, sql } from "./drizzle.ts";
import { type Database, execute } from "./pool.ts";
import { rewrittenImages } from "./rewritten-schema.ts";

/** What the clusters' admission has been seen to make of images. Every statement throws DatabaseError. */
export interface RewrittenImages {
  /** Has it been seen to make this of the image that was asked for? */
  isRewritten(asked: string, image: string): Promise<boolean>;
  /** Keeps that it has. */
  rememberRewritten(asked: string, image: string): Promise<void>;
}

export function createRewrittenImages(db: Database): RewrittenImages {
  const { image, rewritten } = rewrittenImages;
  return {
    async isRewritten(asked, other) {
      const pair = and(eq(image, asked), eq(rewritten, other));
      const rows = await execute(db.select({ image, rewritten }).from(rewrittenImages).where(pair));
      // The comparison of the columns overlooks spaces at the end.
      return rows.some((row) => row.image === asked && row.rewritten === other);
    },

    async rememberRewritten(asked, other) {
      await execute(
        db
          .insert(rewrittenImages)
          .values({ image: asked, rewritten: other })
          // Nothing, but not IGNORE: that would swallow other errors too.
          .onDuplicateKeyUpdate({ set: { image: sql`${image}` } }),
      );
    },
  };
}
