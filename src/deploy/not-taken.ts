import type { ObjectContext } from "@restatedev/restate-sdk";
import { type Ending, failed } from "./ending.ts";
import type { Target } from "./look.ts";

/**
 * How a Deploy ends whose image the Deployment does not have: the row says again which one it has, for an image that was never
 * patched must not come by itself with the next change of something else.
 * @param present absent: there is no Deployment, or nobody could find out
 */
export function notDeployed(reason: string, present: string | undefined): Ending {
  const ending = failed(reason);
  return present === undefined ? ending : { ...ending, image: present };
}

/** The end of a Deploy whose change Kubernetes did not take. Finding out what is there is not worth failing or waiting for. */
export async function notTaken(
  ctx: ObjectContext,
  { cluster, k8sName }: Target,
  image: string,
  isRewritten: (image: string) => Promise<boolean>,
  reason: string,
): Promise<Ending> {
  const present = await ctx.run("look: what does it have?", async () => {
    try {
      const there = (await cluster().read(k8sName))?.image;
      return there === undefined || there === image || (await isRewritten(there)) ? null : there;
    } catch {
      return null;
    }
  });
  return notDeployed(reason, present ?? undefined);
}
