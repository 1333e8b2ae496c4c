import { mysqlTable, primaryKey, varchar } from "./drizzle.ts";

/**
 * What the clusters' admission makes of an image, as the answers to patches showed: a row for each pair that was ever seen.
 * Written by this service alone.
 */
export const rewrittenImages = mysqlTable(
  "sentinel_rewritten_images",
  {
    image: varchar("image", { length: 255 }).notNull(),
    rewritten: varchar("rewritten", { length: 255 }).notNull(),
  },
  (table) => [primaryKey({ name: "sentinel_rewritten_images_pk", columns: [table.image, table.rewritten] })],
);
