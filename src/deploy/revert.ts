import type { SentinelRow } from "../mysql/row.ts";
import { REVERTS_HEADER, UNRECORDED_HEADER } from "../restate/contract.ts";
import type { DeployReply } from "../restate/deploy-schemas.ts";
import { plainText } from "../util/plain-text.ts";

/** As many characters as the row's image takes. */
const IMAGE_LENGTH = 255;
/** And its reason. */
const REASON_LENGTH = 1_024;

/** A Deploy that takes a rollout back from one sentinel. */
export interface Revert {
  /** The image that is to be reverted. */
  image: string;
  /** True: whether the sentinel ever took that image is not known. */
  unrecorded: boolean;
}

/** Undefined: the Deploy is no revert. */
export function revertOf(headers: ReadonlyMap<string, string>): Revert | undefined {
  const image = headers.get(REVERTS_HEADER);
  return image === undefined ? undefined : { image, unrecorded: headers.has(UNRECORDED_HEADER) };
}

/** It has another image than the one that is to be reverted: somebody chose that image. */
export function movedTo(image: string): DeployReply {
  const reason = `left alone: moved to ${plainText(image, IMAGE_LENGTH)} since`;
  return { status: "failed", reason, left: true };
}

/**
 * Why a revert has nothing to do with this row; undefined: it goes on.
 * @param runs the image that is to be reverted is what runs, or what admission has made of it
 */
export function leftAlone(
  row: Pick<SentinelRow, "image" | "deployStatus" | "deployError">,
  requested: string | undefined,
  { image, unrecorded }: Revert,
  runs: boolean,
): DeployReply | undefined {
  const isBack = row.image === requested;
  const isThere = row.image === image;
  if (!unrecorded) {
    if (isBack || isThere) return undefined;
    return movedTo(row.image);
  }
  // What failed may run the image all the same: it came up late, or its revert did not.
  const runsIt = row.deployStatus === "failed" && runs;
  // Back and progressing is a revert that was cut short, maybe this one.
  const goesOn = isBack
    ? row.deployStatus === "progressing" || runsIt
    : isThere && (row.deployStatus !== "failed" || runsIt);
  if (goesOn) return undefined;
  const untouched = { status: "failed", left: true, untouched: true } as const;
  if (!isThere) return { ...untouched, reason: "it never took the image" };
  const reason = plainText(row.deployError ?? "failed without a reason", REASON_LENGTH);
  return { ...untouched, reason, failed_on_image: true };
}
