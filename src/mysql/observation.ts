import type { Observation } from "./row.ts";

/** Length of running_image. */
const IMAGE_LENGTH = 255;

/** The columns of one observation. */
export function observedColumnsOf({ health, availableReplicas, runningImage }: Observation) {
  const image = fitting(runningImage);
  return { health, availableReplicas, ...(image === undefined ? {} : { runningImage: image }) };
}

/** An image too long for the column was set outside this service, and must not fail the whole statement. */
function fitting(image: string | undefined): string | undefined {
  return image !== undefined && image.length <= IMAGE_LENGTH ? image : undefined;
}
