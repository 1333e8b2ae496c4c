import type { Regression } from "../domain/health.ts";
import { examine, type Judgement } from "../domain/regression.ts";
import { standingOf } from "../kubernetes/ailing-pod.ts";
import { TransientKubernetesError } from "../kubernetes/errors.ts";
import type { ObservedRow } from "../mysql/row.ts";
import type { SentinelStore } from "../mysql/sentinels.ts";
import { type Sight, unavailableMs, type WatchedCluster } from "./sight.ts";

export interface Confirmed {
  regressed: Regression[];
  recovered: string[];
  /** MySQL or the cluster did not answer: it is unknown. */
  unread: string[];
}

export interface ConfirmOptions {
  sight: Sight;
  store: Pick<SentinelStore, "observedRowsOf">;
  debounceMs: number;
}

/** `away`: its cluster does not answer; `refused`: it answers, and not this. */
type Unread = "away" | "refused";

/** Sentinels of one cluster that are read at a time. */
const CONCURRENCY = 16;
/** Most that are read one by one; where more are in doubt a LIST is cheaper. */
const MOST_READS = 200;

/** Reads each again, its row and what its cluster has of it, and judges that. */
export async function confirmed(
  { sight, store, debounceMs }: ConfirmOptions,
  images: readonly string[],
  regressions: readonly Regression[],
): Promise<Confirmed> {
  const answer: Confirmed = { regressed: [], recovered: [], unread: [] };
  if (regressions.length === 0) return answer;
  const rows = await readRows(regressions.map(({ id }) => id));
  if (rows === undefined) return { ...answer, unread: regressions.map(({ id }) => id) };
  const unseen = sight.unseen();
  await Promise.all(sight.clusters.map((at) => confirmAt(at)));
  return answer;

  async function readRows(ids: string[]): Promise<Map<string, ObservedRow> | undefined> {
    try {
      return new Map((await store.observedRowsOf(ids)).map((row) => [row.id, row]));
    } catch {
      return undefined;
    }
  }

  async function confirmAt(at: WatchedCluster): Promise<void> {
    const here = regressions.filter(({ id }) => {
      const row = rows?.get(id);
      return row !== undefined && sight.clusterOf(row) === at;
    });
    if (here.length === 0) return;
    let isAway = unseen.has(at.cluster.name);
    const many = here.length > MOST_READS;
    if (many && !isAway) {
      const lists = Promise.all([at.deployments.relist(), at.pods.relist()]);
      isAway = await lists.then(
        () => false,
        () => true,
      );
    }
    const pending = [...here];
    const worker = async () => {
      for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
        const row = rows?.get(next.id) as ObservedRow;
        const judgement = isAway ? "away" : await (many ? listed(at, row) : read(at, row, next.sinceMs));
        // The others would wait for as long.
        isAway ||= judgement === "away";
        tell(at, row, judgement);
      }
    };
    await Promise.all(Array.from({ length: many ? 1 : CONCURRENCY }, worker));
  }

  function tell(at: WatchedCluster, row: ObservedRow, judgement: Judgement | Unread): void {
    const { id } = row;
    if (judgement === "away" || judgement === "refused") answer.unread.push(id);
    else if (judgement.kind === "healthy") {
      const deployment = at.deployments.get(row.k8sName);
      const isLasting = deployment !== undefined && sight.unchangedMs(deployment) >= debounceMs;
      if (isLasting) answer.recovered.push(id);
    } else if (judgement.kind === "ailing" && judgement.regressed) {
      answer.regressed.push({ id, sinceMs: judgement.sinceMs, why: judgement.why });
    }
  }

  /** By the caches, which were listed just now. */
  function listed(at: WatchedCluster, row: ObservedRow): Judgement {
    const deployment = at.deployments.get(row.k8sName);
    const ours = deployment?.sentinelId === row.id ? deployment : undefined;
    const pods = ours && at.pods.standing(ours.name, ours.image, ours.completeSeconds);
    const since = ours && unavailableMs(ours, pods?.unreadyMs);
    const standing = ours && (since === undefined ? ours : { ...ours, unavailableMs: since });
    return judged(row, standing, pods);
  }

  async function read(
    at: WatchedCluster,
    row: ObservedRow,
    suspectedMs: number,
  ): Promise<Judgement | Unread> {
    const found = await at.cluster.readStanding(row.k8sName).catch(unread);
    if (typeof found === "string") return found;
    if (found === undefined) return judged(row, undefined, undefined);
    const { deployment } = found;
    const pods = standingOf(found.pods, deployment.image, deployment.completeSeconds);
    const isWell = deployment.availableReplicas >= deployment.desiredReplicas;
    const since = isWell ? undefined : sinceOf(at, deployment, pods?.unreadyMs, suspectedMs);
    return judged(row, since === undefined ? deployment : { ...deployment, unavailableMs: since }, pods);
  }

  /** A reading does not tell since when the trouble lasts. The caches tell it, or else the suspicion. */
  function sinceOf(
    at: WatchedCluster,
    { name, completeSeconds }: { name: string; completeSeconds: number },
    unreadyMs: number | undefined,
    suspectedMs: number,
  ): number {
    const cached = at.deployments.get(name);
    if (cached === undefined) return suspectedMs;
    const isSame = cached.completeSeconds === completeSeconds;
    return (isSame ? unavailableMs(cached, unreadyMs) : undefined) ?? Date.now();
  }

  function judged(
    row: ObservedRow,
    deployment: Parameters<typeof examine>[0]["deployment"],
    pods: Parameters<typeof examine>[0]["pods"],
  ): Judgement {
    return examine({ images, isSeen: true, deployment, pods, row, nowMs: Date.now(), debounceMs });
  }
}

function unread(error: unknown): Unread {
  return error instanceof TransientKubernetesError && !error.clusterWide ? "refused" : "away";
}
