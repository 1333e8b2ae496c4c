/** The parts of the Kubernetes objects that the embedded API itself looks at; further fields are carried along. */

interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

export interface ObjectMeta {
  name: string;
  generateName?: string;
  namespace?: string;
  uid: string;
  resourceVersion: string;
  generation?: number;
  creationTimestamp: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  /** While there are any, a deleted object stays, marked by its deletionTimestamp. */
  finalizers?: string[];
}

/** Objects are never changed in place: every version is a new object that shares what did not change. */
export interface KubeObject {
  metadata: ObjectMeta;
}

export interface Namespace extends KubeObject {
  spec: { finalizers: string[] };
  status: { phase: "Active" | "Terminating" };
}

export interface Container {
  name: string;
  image: string;
  [field: string]: unknown;
}

export interface PodSpec {
  containers: Container[];
  nodeSelector?: Record<string, string>;
  terminationGracePeriodSeconds?: number;
  nodeName?: string;
  [field: string]: unknown;
}

export interface PodTemplate {
  metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: PodSpec;
}

export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

export interface Condition {
  type: string;
  status: "True" | "False" | "Unknown";
  reason?: string;
  message?: string;
  lastUpdateTime?: string;
  lastTransitionTime: string;
}

export interface DeploymentSpec {
  replicas: number;
  selector: LabelSelector;
  template: PodTemplate;
  strategy:
    | { type: "Recreate" }
    | {
        type: "RollingUpdate";
        rollingUpdate: { maxSurge: number | string; maxUnavailable: number | string };
      };
  minReadySeconds?: number;
  revisionHistoryLimit: number;
  paused?: boolean;
  progressDeadlineSeconds: number;
}

/** Counters that are zero are absent, as in the real API. */
export interface DeploymentStatus {
  observedGeneration?: number;
  replicas?: number;
  updatedReplicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  unavailableReplicas?: number;
  terminatingReplicas?: number;
  conditions?: Condition[];
}

export interface Deployment extends KubeObject {
  spec: DeploymentSpec;
  status: DeploymentStatus;
}

export interface ReplicaSetStatus {
  replicas: number;
  fullyLabeledReplicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  terminatingReplicas?: number;
  observedGeneration?: number;
}

export interface ReplicaSet extends KubeObject {
  spec: { replicas: number; minReadySeconds?: number; selector: LabelSelector; template: PodTemplate };
  status: ReplicaSetStatus;
}

export interface PodCondition extends Condition {
  lastProbeTime: null;
}

export interface ContainerStatus {
  name: string;
  image: string;
  imageID: string;
  ready: boolean;
  started: boolean;
  restartCount: number;
  state: {
    running?: { startedAt: string };
    waiting?: { reason: string; message: string };
  };
  lastState: { terminated?: { exitCode: number; reason: string; startedAt: string; finishedAt: string } };
}

export interface Pod extends KubeObject {
  spec: PodSpec;
  status: {
    phase: "Pending" | "Running";
    conditions?: PodCondition[];
    containerStatuses?: ContainerStatus[];
    startTime?: string;
    podIP?: string;
    podIPs?: { ip: string }[];
    qosClass: string;
  };
}

/** What a controller did to an object, as `kubectl describe` tells it. */
export interface KubeEvent extends KubeObject {
  involvedObject: {
    kind: string;
    namespace: string;
    name: string;
    uid: string;
    apiVersion: string;
    resourceVersion: string;
  };
  type: "Normal" | "Warning";
  reason: string;
  message: string;
  source: { component: string };
  firstTimestamp: string;
  lastTimestamp: string;
  count: number;
  eventTime: null;
  reportingComponent: string;
  reportingInstance: string;
}

/** A new object without what the store gives it. */
export type Draft<T extends KubeObject> = Omit<T, "metadata"> & {
  metadata: Omit<ObjectMeta, "uid" | "resourceVersion" | "creationTimestamp">;
};
