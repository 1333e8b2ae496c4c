import type { ObjectContext } from "@restatedev/restate-sdk";
import { type Ending, failed } from "./ending.ts";
import type { Target } from "./look.ts";

/**
 * Ends a Deploy whose Deployment does not have its image. The row gets back the image that the Deployment has, so that the
 * next change of another field does not roll out an image that was never patched.
 * @param present absent: there is no Deployment, or its image could not be read
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
