import { type Clock, rfc3339 } from "./clock.ts";
import { type Collection, keyOf } from "./collection.ts";
import type { KubeObject, Pod } from "./objects.ts";
import type { Store } from "./store.ts";

/** Keeps an object until everything that it owns is gone. */
export const FOREGROUND = "foregroundDeletion";

/** Deletes an object, or marks it as being deleted for as long as a finalizer holds it. */
export function deleteOrMark<T extends KubeObject>(
  collection: Collection<T>,
  clock: Clock,
  object: T,
  foreground: boolean,
): T {
  const { metadata } = object;
  const finalizers = new Set([...(metadata.finalizers ?? []), ...(foreground ? [FOREGROUND] : [])]);
  if (finalizers.size === 0) {
    collection.delete(keyOf(metadata));
    return object;
  }
  const isMarked = metadata.deletionTimestamp !== undefined;
  if (isMarked && finalizers.size === metadata.finalizers?.length) return object;
  return collection.update({
    ...object,
    metadata: {
      ...metadata,
      finalizers: [...finalizers],
      deletionTimestamp: metadata.deletionTimestamp ?? clock.timestamp(),
      deletionGracePeriodSeconds: 0,
      generation: (metadata.generation ?? 1) + (isMarked ? 0 : 1),
    },
  });
}

/** Takes away one finalizer; the last one takes the object with it. */
export function release<T extends KubeObject>(collection: Collection<T>, object: T, finalizer: string): void {
  const { finalizers: present, ...metadata } = object.metadata;
  const finalizers = present?.filter((name) => name !== finalizer) ?? [];
  if (finalizers.length === 0) collection.delete(keyOf(metadata));
  else collection.update({ ...object, metadata: { ...metadata, finalizers } });
}

export function isDeleting({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** Marks a pod for deletion; the kubelet ends it. */
export function terminate(store: Store, clock: Clock, pod: Pod): void {
  if (isDeleting(pod)) return;
  const seconds = pod.spec.terminationGracePeriodSeconds ?? 30;
  const metadata = {
    ...pod.metadata,
    generation: (pod.metadata.generation ?? 1) + 1,
    deletionTimestamp: rfc3339(clock.now() + seconds * 1000),
    deletionGracePeriodSeconds: seconds,
  };
  store.pods.update({ ...pod, metadata });
}
