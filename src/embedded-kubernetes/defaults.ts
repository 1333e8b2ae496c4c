import { asObject, isObject, type Json, type JsonObject, withoutNulls } from "./json.ts";

/** A Deployment's spec with everything filled in that the API server fills in when it is left out. */
export function defaultedSpec(spec: JsonObject): JsonObject {
  const clean = asObject(withoutNulls(spec));
  return {
    replicas: 1,
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
    ...withoutZero(clean, "minReadySeconds", "paused"),
    strategy: strategy(asObject(clean.strategy)),
    template: template(asObject(clean.template)),
  };
}

/** Metadata without what stands for nothing. */
export function cleanMetadata(metadata: JsonObject): JsonObject {
  return withoutEmpty(
    asObject(withoutNulls(metadata)),
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
  );
}

function strategy(given: JsonObject): JsonObject {
  const { type = "RollingUpdate", ...rest } = given;
  if (type !== "RollingUpdate") return { type, ...rest };
  return {
    type,
    rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%", ...asObject(given.rollingUpdate) },
  };
}

function template(given: JsonObject): JsonObject {
  const spec = asObject(given.spec);
  return {
    metadata: withoutEmpty(asObject(given.metadata), "labels", "annotations"),
    spec: {
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 30,
      dnsPolicy: "ClusterFirst",
      securityContext: {},
      schedulerName: "default-scheduler",
      ...withoutEmpty(spec, "nodeSelector", "tolerations", "volumes", "initContainers"),
      ...(Array.isArray(spec.containers) ? { containers: spec.containers.map(container) } : {}),
      ...(Array.isArray(spec.initContainers) && spec.initContainers.length > 0
        ? { initContainers: spec.initContainers.map(container) }
        : {}),
    },
  };
}

function container(given: Json): Json {
  if (!isObject(given)) return given;
  const image = typeof given.image === "string" ? given.image : "";
  const floating = !image.includes("@") && (/:latest$/.test(image) || !/:[^/]*$/.test(image));
  return {
    resources: {},
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
    imagePullPolicy: floating ? "Always" : "IfNotPresent",
    ...withoutEmpty(given, "env", "ports", "volumeMounts", "args", "command"),
    ...(Array.isArray(given.ports) && given.ports.length > 0 ? { ports: given.ports.map(port) } : {}),
    ...Object.fromEntries(
      ["livenessProbe", "readinessProbe", "startupProbe"]
        .filter((name) => isObject(given[name]))
        .map((name) => [name, probe(asObject(given[name]))]),
    ),
  };
}

function port(given: Json): Json {
  return isObject(given) ? { protocol: "TCP", ...given } : given;
}

function probe(given: JsonObject): JsonObject {
  return {
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
    ...given,
    ...(isObject(given.httpGet) ? { httpGet: { path: "/", scheme: "HTTP", ...given.httpGet } } : {}),
  };
}

function withoutEmpty(object: JsonObject, ...names: string[]): JsonObject {
  const isEmpty = (value: Json) =>
    Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;
  return Object.fromEntries(
    Object.entries(object).filter(([name, value]) => !(names.includes(name) && isEmpty(value))),
  );
}

function withoutZero(object: JsonObject, ...names: string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name, value]) => !names.includes(name) || value));
}
