import { type SQL, sql } from "drizzle-orm";
import { sentinels } from "./schema.ts";
import type { SentinelRow } from "./sentinels.ts";

export interface Observation {
  health: SentinelRow["health"];
  availableReplicas: number;
  /** Absent: left as it is in the row. */
  runningImage?: string;
}

/** Length of running_image. */
const IMAGE_LENGTH = 255;

/** Each row's own values by id, in one statement. */
export function observedCases(chunk: { id: string; observed: Observation }[]) {
  const caseOf = (value: (observed: Observation) => string | number | undefined, otherwise: SQL): SQL => {
    const whens = chunk.flatMap(({ id, observed }) => {
      const own = value(observed);
      return own === undefined ? [] : [sql`when ${id} then ${own}`];
    });
    if (whens.length === 0) return otherwise;
    return sql`case ${sentinels.id} ${sql.join(whens, sql` `)} else ${otherwise} end`;
  };
  return {
    health: caseOf((observed) => observed.health, sql`${sentinels.health}`),
    availableReplicas: caseOf((observed) => observed.availableReplicas, sql`${sentinels.availableReplicas}`),
    runningImage: caseOf((observed) => fitting(observed.runningImage), sql`${sentinels.runningImage}`),
  };
}

/** The columns of one observation. */
export function observedColumnsOf({ health, availableReplicas, runningImage }: Observation) {
  const image = fitting(runningImage);
  return { health, availableReplicas, ...(image === undefined ? {} : { runningImage: image }) };
}

/** An image too long for the column was put there by somebody else, and must not fail the whole statement. */
function fitting(image: string | undefined): string | undefined {
  return image !== undefined && image.length <= IMAGE_LENGTH ? image : undefined;
}
