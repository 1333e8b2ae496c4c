import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import type { Asked } from "../domain/event.ts";
import { OPERATOR_HEADER, STARTED_BY_HEADER } from "../restate/contract.ts";

/**
 * Who the caller says it is, and why it asks. One that says nothing sends nothing more than it ever did: so replays what an
 * earlier version has recorded.
 */
export function askedBy(ctx: ObjectSharedContext, { comment }: { comment?: string | undefined }): Asked {
  const { headers, id } = ctx.request();
  const operator = oneLine(headers.get(OPERATOR_HEADER) ?? headers.get(STARTED_BY_HEADER) ?? "", 200);
  const why = oneLine(comment ?? "", 500);
  if (operator === "" && why === "") return {};
  return {
    ...(operator === "" ? {} : { operator }),
    ...(why === "" ? {} : { comment: why }),
    invocationId: id,
  };
}

export function oneLine(said: string, most: number): string {
  return said
    .replaceAll(/[\p{C}\s]+/gu, " ")
    .trim()
    .slice(0, most)
    .toWellFormed();
}
