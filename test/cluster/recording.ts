import { type Body, type Cluster, type OpenWatch, until } from "../support/kubernetes-api.ts";
import { normaliser } from "./normalise.ts";
import { type Scenario, SUBJECT } from "./scenarios.ts";

/** One watch event: what it changed since the one before, by path; null for what is gone. */
export interface RecordedEvent {
  type: string;
  changes: Record<string, unknown>;
}

/** What was watched of one object, or of several alike (the pods of a ReplicaSet). */
export interface Watched {
  count: number;
  /** Each sequence of events that was seen; where controllers race there are several. */
  sequences: RecordedEvent[][];
}

/** By object: "Deployment", "ReplicaSet 1" (in the order of their creation), "Pods of ReplicaSet 1". */
export type Recording = Record<string, Watched>;

const KINDS = ["deployments", "replicasets", "pods"] as const;

/** Lets the scenario happen in a namespace of its own and tells what watchers of its three kinds of object saw. */
export async function play(cluster: Cluster, scenario: Scenario): Promise<Recording> {
  await scenario.before?.(cluster);
  if (scenario.before !== undefined) await settled(cluster, (found) => found !== undefined && isIdle(found));
  const watches = await Promise.all(
    KINDS.map((kind) => cluster.watch(`${kind}?labelSelector=app%3D${SUBJECT}`)),
  );
  await upToDate(cluster, watches);
  const from = watches.map(({ events }) => events.length);
  for (const { act, isOver } of scenario.steps) {
    await act(cluster);
    await settled(cluster, isOver);
  }
  await upToDate(cluster, watches);
  for (const watch of watches) watch.close();
  return recordingOf(watches, from);
}

function isIdle({ metadata, status }: Body): boolean {
  return (
    status.observedGeneration === metadata.generation &&
    status.conditions?.some(({ reason }) => reason === "NewReplicaSetAvailable") === true
  );
}

/** Nothing is under way any more: no pod comes or goes, every status is of the present generation. */
async function settled(cluster: Cluster, isOver: (deployment: Body | undefined) => boolean): Promise<void> {
  await until(async () => {
    const [deployments = [], replicaSets = [], pods = []] = await lists(cluster);
    const wanted = replicaSets.reduce((sum, { spec }) => sum + spec.replicas, 0);
    const late = replicaSets.filter(
      ({ metadata, spec, status }) =>
        status.observedGeneration !== metadata.generation ||
        (status.replicas ?? 0) !== spec.replicas ||
        (status as { terminatingReplicas?: number }).terminatingReplicas !== 0,
    );
    const starting = pods.filter(({ status }) => {
      const isScheduled = status.conditions?.find(({ type }) => type === "PodScheduled")?.status;
      return isScheduled !== "False" && status.containerStatuses === undefined;
    });
    const counted = deployments.filter(
      ({ status }) => (status as { terminatingReplicas?: number }).terminatingReplicas !== 0,
    );
    if (
      pods.length !== wanted ||
      late.length > 0 ||
      starting.length > 0 ||
      counted.length > 0 ||
      !isOver(deployments[0])
    ) {
      throw new Error(`not settled: ${JSON.stringify([deployments, replicaSets, pods].flat())}`);
    }
  });
}

/** The watches have told of every object's present version, and of the end of those that are gone. */
async function upToDate(cluster: Cluster, watches: OpenWatch[]): Promise<void> {
  await until(async () => {
    const present = await lists(cluster);
    for (const [at, { events }] of watches.entries()) {
      const told = new Map<string, string>();
      for (const { type, object } of events) {
        if (type === "DELETED") told.delete(object.metadata.uid);
        else told.set(object.metadata.uid, object.metadata.resourceVersion);
      }
      const is = new Map(present[at]?.map(({ metadata }) => [metadata.uid, metadata.resourceVersion]));
      const same = told.size === is.size && [...is].every(([uid, version]) => told.get(uid) === version);
      if (!same) throw new Error("a watch lags behind");
    }
  });
}

async function lists(cluster: Cluster): Promise<Body[][]> {
  const all = await Promise.all(KINDS.map((kind) => cluster.get(`${kind}?labelSelector=app%3D${SUBJECT}`)));
  return all.map(({ items = [] }) => items);
}

function recordingOf(watches: OpenWatch[], from: number[]): Recording {
  const replicaSets = watches[1]?.events.flatMap(({ object }) => object) ?? [];
  const hashes = [
    ...new Set(replicaSets.map(({ metadata }) => metadata.labels?.["pod-template-hash"] ?? "")),
  ];
  const changesOf = normaliser(hashes);
  const sequences = new Map<string, { title: string; events: RecordedEvent[] }>();
  for (const [at, { events }] of watches.entries()) {
    for (const [index, { type, object }] of events.entries()) {
      const { uid, labels } = object.metadata;
      const template = hashes.indexOf(labels?.["pod-template-hash"] ?? "") + 1;
      const title = ["Deployment", `ReplicaSet ${template}`, `Pods of ReplicaSet ${template}`][at] ?? "";
      const sequence = sequences.get(uid) ?? { title, events: [] };
      sequences.set(uid, sequence);
      const changes = changesOf(object);
      if (index >= (from[at] ?? 0)) sequence.events.push({ type, changes });
    }
  }
  const recording: Recording = {};
  for (const { title, events } of sequences.values()) {
    recording[title] ??= { count: 0, sequences: [] };
    recording[title].count++;
    addNew(recording[title].sequences, events);
  }
  return recording;
}

/** Adds a sequence that is not among the others yet. */
export function addNew(sequences: RecordedEvent[][], sequence: RecordedEvent[]): void {
  const text = JSON.stringify(sequence);
  if (!sequences.some((known) => JSON.stringify(known) === text)) sequences.push(sequence);
}
