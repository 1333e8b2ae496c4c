import type { Observation } from "../mysql/row.ts";
import { plainText } from "../util/plain-text.ts";
import type { Look } from "./look.ts";

/** As many characters as deploy_error takes. */
const REASON_LIMIT = 1_024;

/** How a Deploy ended, as it is written into the row. */
export type Ending = (Ready | Failed) & {
  /** What it runs or was to run, where admission has made that of the image asked for. */
  rewritten?: string | undefined;
  /** When (unix ms) it was written into the row; absent: it still is to be. */
  writtenMs?: number;
};

interface Ready {
  status: "ready";
  observed: Observation;
  /** When it was found converged (unix ms); absent where it served already and nothing was patched. */
  seenMs?: number;
}

interface Failed {
  status: "failed";
  reason: string;
  /** What the row is to say again; absent: it stays. */
  image?: string;
  /** There is no Deployment any more. */
  gone?: true;
  /** Kubernetes did not answer until the deadline. */
  away?: true;
  /** The Deployment has this image, which was set outside the rollout. */
  moved?: string;
}

/** The reason may quote text that anybody with write access to the cluster can set. */
export function failed(reason: string): Failed {
  return { status: "failed", reason: plainText(reason, REASON_LIMIT) };
}

export function noClusterServes(regionId: string): Failed {
  return failed(`no cluster serves the region ${regionId} (see KUBE_CONTEXTS)`);
}

export function readyAfter({ observed, atMs, writtenMs }: Look): Ready & Pick<Ending, "writtenMs"> {
  const seen = observed ?? { health: "unknown", availableReplicas: 0 };
  return {
    ...{ status: "ready", observed: seen, seenMs: atMs },
    ...(writtenMs === undefined ? {} : { writtenMs }),
  };
}
