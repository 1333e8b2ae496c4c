import { isDeepStrictEqual } from "node:util";
import type { Clock } from "./clock.ts";
import { keyOf } from "./collection.ts";
import { isDeleting } from "./deletion.ts";
import {
  countedStatus,
  deadlineOf,
  isComplete,
  progressed,
  progressing,
  progressingCondition,
  withCondition,
} from "./deployment-status.ts";
import type { Deployment, ReplicaSet } from "./objects.ts";
import type { ReplicaSets } from "./replica-sets.ts";
import { REVISION } from "./revisions.ts";
import { newSize, shrinkOld, total } from "./rolling-update.ts";
import type { Store } from "./store.ts";
import { WorkQueue } from "./work-queue.ts";

/** Drives every Deployment to what its spec says, a step at a time, and reports in its status how far it is. */
export class DeploymentController {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #queue: WorkQueue;
  readonly #replicaSets: ReplicaSets;

  constructor(store: Store, clock: Clock, replicaSets: ReplicaSets) {
    this.#store = store;
    this.#clock = clock;
    this.#replicaSets = replicaSets;
    this.#queue = new WorkQueue(clock, (key) => this.#sync(key));
    store.deployments.listen(({ type, entry }) => {
      if (type !== "DELETED") this.#queue.add(entry.key);
    });
    store.replicaSets.listen(({ entry: { object } }) => {
      const owner = object.metadata.ownerReferences?.find(({ kind }) => kind === "Deployment");
      if (owner !== undefined) this.#queue.add(`${object.metadata.namespace}/${owner.name}`);
    });
  }

  close(): void {
    this.#queue.close();
  }

  #sync(key: string): void {
    const found = this.#store.deployments.get(key);
    if (found === undefined) return;
    if (isDeleting(found)) {
      this.#count(found);
      return;
    }
    const deployment = this.#pauseCondition(found);
    if (deployment.spec.paused === true || this.#replicaSets.wasScaled(deployment)) this.#scale(deployment);
    else if (deployment.spec.strategy.type === "Recreate") this.#recreate(deployment);
    else this.#roll(deployment);
  }

  #roll(found: Deployment): void {
    const { deployment, fresh, old } = this.#withFresh(found);
    const present = this.#replicaSets.split(deployment);
    const size = newSize(deployment, fresh.spec.replicas, total(present.all));
    if (size !== fresh.spec.replicas)
      this.#replicaSets.resize(deployment, [{ replicaSet: fresh, replicas: size }]);
    else this.#replicaSets.resize(deployment, shrinkOld(deployment, fresh, old));
    // The real one has a conflict when it writes a status on top of the revision just written, and tries again.
    if (deployment === found) this.#finish(deployment, present);
    else this.#sync(keyOf(found.metadata));
  }

  #recreate(deployment: Deployment): void {
    const present = this.#replicaSets.split(deployment);
    const { old } = present;
    const active = old.filter(({ spec }) => spec.replicas > 0);
    this.#replicaSets.resize(
      deployment,
      active.map((replicaSet) => ({ replicaSet, replicas: 0 })),
    );
    const busy = old.some(({ status }) => status.replicas > 0 || (status.terminatingReplicas ?? 0) > 0);
    if (active.length > 0 || busy) this.#finish(deployment, present);
    else this.#roll(deployment);
  }

  /** Only sizes change: no new ReplicaSet, no progress to report. */
  #scale(deployment: Deployment): void {
    const present = this.#replicaSets.split(deployment);
    this.#replicaSets.scale(deployment);
    this.#count(deployment, present);
  }

  #count(deployment: Deployment, { fresh, all } = this.#replicaSets.split(deployment)): void {
    const status = countedStatus(deployment, fresh, all, this.#clock.timestamp());
    if (!isDeepStrictEqual(status, deployment.status))
      this.#store.deployments.update({ ...deployment, status });
  }

  /** The ReplicaSet of the present template, made if need be, with the Deployment's revision following it. */
  #withFresh(deployment: Deployment): { deployment: Deployment; fresh: ReplicaSet; old: ReplicaSet[] } {
    const { fresh: existing, old } = this.#replicaSets.split(deployment);
    const fresh =
      existing === undefined
        ? this.#replicaSets.create(deployment, old)
        : this.#replicaSets.refresh(deployment, existing, old);
    const name = fresh.metadata.name;
    const now = this.#clock.timestamp();
    const made = progressingCondition(
      "True",
      "NewReplicaSetCreated",
      `Created new replica set "${name}"`,
      now,
    );
    const seen = progressingCondition("True", "FoundNewReplicaSet", `Found new replica set "${name}"`, now);
    const { conditions } = deployment.status;
    const next =
      existing === undefined
        ? withCondition(conditions, made)
        : progressing(conditions) === undefined
          ? withCondition(conditions, seen)
          : conditions;
    const revision = fresh.metadata.annotations?.[REVISION] ?? "1";
    if (next === conditions && deployment.metadata.annotations?.[REVISION] === revision) {
      return { deployment, fresh, old };
    }
    // The revision is the controller's own annotation: it leaves the generation alone.
    const annotations = { ...deployment.metadata.annotations, [REVISION]: revision };
    const updated = this.#store.deployments.update({
      ...deployment,
      metadata: { ...deployment.metadata, annotations },
      status: { ...deployment.status, ...(next === undefined ? {} : { conditions: next }) },
    });
    return { deployment: updated, fresh, old };
  }

  /**
   * Writes the status as it was before anything was resized just now, prunes history once all is done, and comes back
   * when the deadline passes.
   */
  #finish(deployment: Deployment, { fresh, old, all }: ReturnType<ReplicaSets["split"]>): void {
    const now = this.#clock.timestamp();
    const counted = countedStatus(deployment, fresh, all, now);
    const status = progressed(deployment, counted, fresh, this.#clock.now(), now);
    if (isComplete(deployment, status)) this.#replicaSets.prune(deployment, old);
    const written = isDeepStrictEqual(status, deployment.status)
      ? deployment
      : this.#store.deployments.update({ ...deployment, status });
    const deadline = deadlineOf(written);
    if (deadline === undefined || isComplete(written, status)) return;
    // A second later: the condition's time is in whole seconds.
    this.#queue.addAfter(keyOf(written.metadata), deadline - this.#clock.now() + 1000);
  }

  #pauseCondition(deployment: Deployment): Deployment {
    const { conditions } = deployment.status;
    const reason = progressing(conditions)?.reason;
    if (reason === "ProgressDeadlineExceeded") return deployment;
    const paused = deployment.spec.paused === true;
    if (paused === (reason === "DeploymentPaused")) return deployment;
    const now = this.#clock.timestamp();
    const condition = paused
      ? progressingCondition("Unknown", "DeploymentPaused", "Deployment is paused", now)
      : progressingCondition("Unknown", "DeploymentResumed", "Deployment is resumed", now);
    const status = { ...deployment.status, conditions: withCondition(conditions, condition) };
    return this.#store.deployments.update({ ...deployment, status });
  }
}
