import type { FleetState, StoredValue } from "../../support/rollout-state.ts";
import type { RowChange } from "../../support/row-history.ts";
import { actionsAreKept } from "./actions.ts";
import { deploymentsKeptTheirFields } from "./deployments.ts";
import type { Evidence, Outage } from "./evidence.ts";
import { stopIsAFence } from "./fence.ts";
import { historyIsTrue } from "./history.ts";
import { journalsAreBounded } from "./journals.ts";
import { limitsAreKept } from "./limits.ts";
import { neverBegan, nothingCameOfIt } from "./never-begun.ts";
import { patchesAreJustified } from "./patches.ts";
import { pauseLosesNothing } from "./pauses.ts";
import { bookkeeping, rolledBack, succeededIsTrue } from "./results.ts";
import { rollbackSaysWhatIs } from "./reverts.ts";
import { rowsNeverGoBack } from "./rows.ts";
import { noSecretAnywhere } from "./secrets.ts";
import { phaseChangesAreTold } from "./slack.ts";
import { soaksAreHeeded } from "./soaks.ts";
import type { Sources } from "./sources.ts";
import { statusAddsUp } from "./status.ts";
import { headAndPartsAgree } from "./stored.ts";

/** What was there before a rollout, and what has been seen of it since. */
export interface Sight {
  before: Snapshot;
  after: Snapshot;
  state: FleetState;
  /** What `state` was assembled of, and whatever else its object stores. */
  stored: readonly StoredValue[];
  status: Record<string, unknown>;
  /** Since `before`. */
  patches: Evidence["patches"];
  verbs: Evidence["verbs"];
  troubles: Evidence["troubles"];
  meddled: ReadonlySet<string>;
  /** What somebody else has moved since, and to which image. */
  hotfixes: ReadonlyMap<string, string>;
  /** Who breaks after it came up, and how long (ms) that takes to count. */
  broken: ReadonlySet<string>;
  regressionMs: number;
  /** Since `before`, where it was looked for. */
  outages: readonly Outage[];
  /** Of the rows, since `before`. */
  rowChanges: RowChange[];
}

export interface Snapshot {
  /** Of the rollout that `rolloutState` tells of; absent: there was none yet. */
  rolloutId: string | undefined;
  rows: Awaited<ReturnType<Sources["rows"]>>;
  deployments: Awaited<ReturnType<Sources["deployments"]>>;
  slack: Awaited<ReturnType<Sources["slack"]>>;
}

/** How many invariants `violationsIn` looks at. */
export const INVARIANTS = 17;

/** What of all that must hold of a rollout at rest does not. */
export async function violationsIn(
  sight: Sight,
  sources: Pick<Sources, "history" | "actions" | "sql" | "logs">,
  evidence: Pick<Evidence, "secrets" | "verbs" | "logFiles">,
): Promise<string[]> {
  return [
    ...bookkeeping(sight),
    ...succeededIsTrue(sight, sources.logs()),
    ...deploymentsKeptTheirFields(sight),
    ...headAndPartsAgree(sight),
    ...statusAddsUp(sight),
    ...rowsNeverGoBack(sight),
    ...(neverBegan(sight)
      ? nothingCameOfIt(sight)
      : [
          ...patchesAreJustified(sight),
          ...phaseChangesAreTold(sight),
          ...rolledBack(sight),
          ...rollbackSaysWhatIs(sight),
          ...(await pauseLosesNothing(sources, sight)),
          ...(await limitsAreKept(sources, sight)),
          ...(await soaksAreHeeded(sources, sight)),
        ]),
    ...(await historyIsTrue(sources, sight)),
    ...(await actionsAreKept(sources, sight)),
    ...(await noSecretAnywhere(sources, evidence, sight)),
    ...(await stopIsAFence(sources, sight)),
    ...(await journalsAreBounded(sources)),
  ];
}
