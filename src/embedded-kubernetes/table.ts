import type {
  Deployment,
  KubeEvent,
  KubeObject,
  Namespace,
  Pod,
  PodTemplate,
  ReplicaSet,
} from "./objects.ts";
import { DEPLOYMENTS, EVENTS, NAMESPACES, PODS, REPLICA_SETS, type Resource } from "./resources.ts";
import { formatSelector } from "./selectors.ts";

/** Rows and columns as `kubectl get` prints them. */
export interface Table {
  columns: Column[];
  cells(object: KubeObject, nowMs: number): (string | number)[];
}

interface Column {
  name: string;
  type: "string" | "integer";
  format: "" | "name";
  description: string;
  /** 1: only with `-o wide`. */
  priority: 0 | 1;
}

export function tableOf(resource: Resource): Table {
  return TABLES.get(resource) ?? { columns: [NAME, AGE], cells: (o, now) => [o.metadata.name, age(o, now)] };
}

/** The objects as a Table; only the first one of a watch carries the column definitions. */
export function tableBody(
  { columns, cells }: Table,
  objects: KubeObject[],
  metadata: object,
  nowMs: number,
  withColumns = true,
): object {
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata,
    columnDefinitions: withColumns ? columns : null,
    rows: objects.map((object) => ({
      cells: cells(object, nowMs),
      object: { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata },
    })),
  };
}

const NAME: Column = { ...column("Name"), format: "name" };
const AGE = column("Age");
const WIDE = [column("Containers", 1), column("Images", 1), column("Selector", 1)];

const TABLES = new Map<Resource, Table>([
  [
    DEPLOYMENTS,
    {
      columns: [NAME, column("Ready"), column("Up-to-date"), column("Available"), AGE, ...WIDE],
      cells(object, now) {
        const { metadata, spec, status } = object as Deployment;
        return [
          metadata.name,
          `${status.readyReplicas ?? 0}/${spec.replicas}`,
          status.updatedReplicas ?? 0,
          status.availableReplicas ?? 0,
          age(object, now),
          ...containers(spec.template),
          formatSelector(spec.selector),
        ];
      },
    },
  ],
  [
    REPLICA_SETS,
    {
      columns: [NAME, number("Desired"), number("Current"), number("Ready"), AGE, ...WIDE],
      cells(object, now) {
        const { metadata, spec, status } = object as ReplicaSet;
        return [
          metadata.name,
          spec.replicas,
          status.replicas,
          status.readyReplicas ?? 0,
          age(object, now),
          ...containers(spec.template),
          formatSelector(spec.selector),
        ];
      },
    },
  ],
  [
    PODS,
    {
      columns: [
        NAME,
        ...["Ready", "Status", "Restarts", "Age"].map((name) => column(name)),
        ...["IP", "Node", "Nominated Node", "Readiness Gates"].map((name) => column(name, 1)),
      ],
      cells(object, now) {
        const { metadata, spec, status } = object as Pod;
        const containers = status.containerStatuses ?? [];
        const ready = containers.filter((container) => container.ready).length;
        return [
          metadata.name,
          `${ready}/${spec.containers.length}`,
          podPhase(object as Pod),
          restarts(object as Pod, now),
          age(object, now),
          status.podIP ?? "<none>",
          spec.nodeName ?? "<none>",
          "<none>",
          "<none>",
        ];
      },
    },
  ],
  [
    EVENTS,
    {
      columns: ["Last Seen", "Type", "Reason", "Object", "Message"].map((name) => column(name)),
      cells(object, now) {
        const { type, reason, message, lastTimestamp, involvedObject } = object as KubeEvent;
        const about = `${involvedObject.kind.toLowerCase()}/${involvedObject.name}`;
        return [duration(now - Date.parse(lastTimestamp)), type, reason, about, message];
      },
    },
  ],
  [
    NAMESPACES,
    {
      columns: [NAME, column("Status"), AGE],
      cells: (object, now) => [object.metadata.name, (object as Namespace).status.phase, age(object, now)],
    },
  ],
]);

function podPhase({ metadata, status }: Pod): string {
  if (metadata.deletionTimestamp !== undefined) return "Terminating";
  const waiting = status.containerStatuses?.find(({ state }) => state.waiting !== undefined);
  return waiting?.state.waiting?.reason ?? status.phase;
}

function restarts({ status }: Pod, now: number): string {
  const containers = status.containerStatuses ?? [];
  const count = containers.reduce((sum, { restartCount }) => sum + restartCount, 0);
  const last = Math.max(
    ...containers.flatMap(({ lastState }) =>
      lastState.terminated === undefined ? [] : Date.parse(lastState.terminated.finishedAt),
    ),
  );
  return count > 0 && Number.isFinite(last) ? `${count} (${duration(now - last)} ago)` : String(count);
}

function containers({ spec }: PodTemplate): [string, string] {
  return [
    spec.containers.map(({ name }) => name).join(","),
    spec.containers.map(({ image }) => image).join(","),
  ];
}

function age({ metadata }: KubeObject, now: number): string {
  return duration(now - Date.parse(metadata.creationTimestamp));
}

/** Two units at most, the smaller one only while it still says something: `45s`, `3m12s`, `47m`, `5h20m`, `12d`. */
function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  const two = (large: string, rest: number, unit: string) => (rest === 0 ? large : `${large}${rest}${unit}`);
  if (seconds < 120) return `${seconds}s`;
  if (minutes < 10) return two(`${minutes}m`, seconds % 60, "s");
  if (hours < 3) return `${minutes}m`;
  if (hours < 8) return two(`${hours}h`, minutes % 60, "m");
  if (hours < 48) return `${hours}h`;
  if (days < 8) return two(`${days}d`, hours % 24, "h");
  return `${days}d`;
}

function column(name: string, priority: 0 | 1 = 0): Column {
  return { name, type: "string", format: "", description: "", priority };
}

function number(name: string): Column {
  return { ...column(name), type: "integer" };
}
