import { isDeepStrictEqual } from "node:util";
import type { EventRecorder } from "./events.ts";
import { templateHash, templateKey } from "./names.ts";
import type { Deployment, ObjectMeta, PodTemplate, ReplicaSet } from "./objects.ts";
import { faultOfNewReplicaSet, type PodFault } from "./pod-faults.ts";
import { DEPLOYMENTS } from "./resources.ts";
import {
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  newestAnnotations,
  revisionOf,
  sizeAnnotations,
} from "./revisions.ts";
import { byAge, newSize, proportional, type Resize, total } from "./rolling-update.ts";
import type { Store } from "./store.ts";

const HASH_LABEL = "pod-template-hash";

/** The ReplicaSets of Deployments: finding, making, resizing and pruning them. */
export class ReplicaSets {
  readonly #store: Store;
  readonly #events: EventRecorder;
  /** By uid: what a Deployment's annotation said when the ReplicaSet was made holds for all its pods. */
  readonly #faults = new Map<string, PodFault>();

  constructor(store: Store, events: EventRecorder) {
    this.#store = store;
    this.#events = events;
    store.replicaSets.listen(({ type, entry }) => {
      if (type === "DELETED") this.#faults.delete(entry.object.metadata.uid);
    });
  }

  faultOf(owner: { metadata: Pick<ObjectMeta, "ownerReferences"> }): PodFault | undefined {
    return this.#faults.get(owner.metadata.ownerReferences?.[0]?.uid ?? "");
  }

  of(deployment: Deployment): ReplicaSet[] {
    return this.#store.replicaSets.ownedBy(deployment.metadata.uid);
  }

  /** `fresh` is the one of the Deployment's present template, even if it was made long ago. */
  split(deployment: Deployment): { fresh?: ReplicaSet; old: ReplicaSet[]; all: ReplicaSet[] } {
    const all = byAge(this.of(deployment));
    const wanted = templateKey(deployment.spec.template);
    const fresh = all.find(({ spec }) => templateKey(withoutHash(spec.template)) === wanted);
    const old = all.filter((replicaSet) => replicaSet !== fresh);
    return fresh === undefined ? { old, all } : { fresh, old, all };
  }

  create(deployment: Deployment, old: ReplicaSet[]): ReplicaSet {
    const { metadata, spec } = deployment;
    const hash = templateHash(spec.template);
    const labels = { ...spec.template.metadata?.labels, [HASH_LABEL]: hash };
    const created = this.#store.replicaSets.create({
      metadata: {
        name: `${metadata.name}-${hash}`,
        ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
        generation: 1,
        labels,
        annotations: { ...newestAnnotations(deployment, undefined, old), ...sizeAnnotations(deployment) },
        ownerReferences: [
          {
            apiVersion: "apps/v1",
            kind: "Deployment",
            name: metadata.name,
            uid: metadata.uid,
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      },
      spec: {
        replicas: newSize(deployment, 0, total(old)),
        ...(spec.minReadySeconds === undefined ? {} : { minReadySeconds: spec.minReadySeconds }),
        selector: {
          ...spec.selector,
          matchLabels: { ...spec.selector.matchLabels, [HASH_LABEL]: hash },
        },
        template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
      },
      status: { replicas: 0 },
    });
    const fault = faultOfNewReplicaSet(deployment, old.length > 0);
    if (fault !== undefined) this.#faults.set(created.metadata.uid, fault);
    this.#tellScaled(deployment, created, 0, created.spec.replicas);
    return created;
  }

  /** Brings revision, copied annotations and minReadySeconds of the present one up to date. */
  refresh(deployment: Deployment, fresh: ReplicaSet, old: ReplicaSet[]): ReplicaSet {
    const annotations = newestAnnotations(deployment, fresh.metadata.annotations, old);
    const { minReadySeconds } = deployment.spec;
    const sameSpec = fresh.spec.minReadySeconds === minReadySeconds;
    if (sameSpec && isDeepStrictEqual(annotations, fresh.metadata.annotations)) return fresh;
    const { minReadySeconds: _, ...spec } = fresh.spec;
    return this.#store.replicaSets.update({
      ...fresh,
      metadata: {
        ...fresh.metadata,
        annotations,
        generation: (fresh.metadata.generation ?? 1) + (sameSpec ? 0 : 1),
      },
      spec: { ...spec, ...(minReadySeconds === undefined ? {} : { minReadySeconds }) },
    });
  }

  resize(deployment: Deployment, resizes: Resize[]): void {
    for (const { replicaSet, replicas } of resizes) {
      const annotations = { ...replicaSet.metadata.annotations, ...sizeAnnotations(deployment) };
      const sameSize = replicas === replicaSet.spec.replicas;
      if (sameSize && isDeepStrictEqual(annotations, replicaSet.metadata.annotations)) continue;
      const generation = (replicaSet.metadata.generation ?? 1) + (sameSize ? 0 : 1);
      this.#store.replicaSets.update({
        ...replicaSet,
        metadata: { ...replicaSet.metadata, annotations, generation },
        spec: { ...replicaSet.spec, replicas },
      });
      this.#tellScaled(deployment, replicaSet, replicaSet.spec.replicas, replicas);
    }
  }

  #tellScaled(deployment: Deployment, { metadata: { name } }: ReplicaSet, from: number, to: number): void {
    if (from === to) return;
    this.#events.record(DEPLOYMENTS, deployment, {
      reason: "ScalingReplicaSet",
      message: `Scaled ${to > from ? "up" : "down"} replica set ${name} from ${from} to ${to}`,
      component: "deployment-controller",
    });
  }

  /** True when a ReplicaSet was last sized for another number of replicas than the Deployment has now. */
  wasScaled(deployment: Deployment): boolean {
    const desired = String(deployment.spec.replicas);
    return this.of(deployment).some(
      ({ metadata, spec }) =>
        spec.replicas > 0 && (metadata.annotations?.[DESIRED_REPLICAS] ?? desired) !== desired,
    );
  }

  /** Follows a changed `spec.replicas` without going on with a rolling update. */
  scale(deployment: Deployment): void {
    const { fresh, old, all } = this.split(deployment);
    const { replicas } = deployment.spec;
    const active = all.filter(({ spec }) => spec.replicas > 0);
    const [only = fresh ?? all.at(-1)] = active;
    if (active.length <= 1) {
      if (only !== undefined) this.resize(deployment, [{ replicaSet: only, replicas }]);
      return;
    }
    if (fresh !== undefined && isSaturated(deployment, fresh)) {
      this.resize(
        deployment,
        old.filter(({ spec }) => spec.replicas > 0).map((replicaSet) => ({ replicaSet, replicas: 0 })),
      );
      return;
    }
    if (deployment.spec.strategy.type !== "RollingUpdate") return;
    const formerMax = Math.max(
      ...active.map(({ metadata }) => Number(metadata.annotations?.[MAX_REPLICAS] ?? replicas)),
    );
    const changed = proportional(deployment, active, formerMax);
    const sizes = new Map(changed.map(({ replicaSet, replicas: size }) => [replicaSet, size]));
    this.resize(
      deployment,
      active.map((replicaSet) => ({
        replicaSet,
        replicas: sizes.get(replicaSet) ?? replicaSet.spec.replicas,
      })),
    );
  }

  /** Deletes what is beyond the history limit, lowest revisions first. */
  prune(deployment: Deployment, old: ReplicaSet[]): void {
    const surplus = old.length - deployment.spec.revisionHistoryLimit;
    if (surplus <= 0) return;
    for (const replicaSet of [...old].sort((a, b) => revisionOf(a) - revisionOf(b)).slice(0, surplus)) {
      const { metadata, spec, status } = replicaSet;
      const idle = spec.replicas === 0 && status.replicas === 0;
      if (idle && (metadata.generation ?? 0) <= (status.observedGeneration ?? 0)) {
        this.#store.replicaSets.delete(`${metadata.namespace}/${metadata.name}`);
      }
    }
  }
}

function isSaturated({ spec }: Deployment, fresh: ReplicaSet): boolean {
  return (
    fresh.spec.replicas === spec.replicas &&
    fresh.metadata.annotations?.[DESIRED_REPLICAS] === String(spec.replicas) &&
    (fresh.status.availableReplicas ?? 0) === spec.replicas
  );
}

const bare = new WeakMap<PodTemplate, PodTemplate>();

/** The template as the Deployment wrote it. */
function withoutHash(template: PodTemplate): PodTemplate {
  const known = bare.get(template);
  if (known !== undefined) return known;
  const { [HASH_LABEL]: _, ...labels } = template.metadata?.labels ?? {};
  const own = { ...template, metadata: { ...template.metadata, labels } };
  bare.set(template, own);
  return own;
}
