import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { Deployment, DeploymentSpec } from "./objects.ts";
import { canonicalQuantity, quantityNanos } from "./quantity.ts";
import { matchesLabels, requirements } from "./selectors.ts";
import type { Cause } from "./status.ts";

const labels = z.record(z.string(), z.string());
const intOrPercent = z.union([z.int(), z.string()]);
const quantity = z.union([z.string(), z.number()]).transform((value, ctx) => {
  const canonical = canonicalQuantity(String(value));
  if (canonical === undefined) ctx.addIssue("quantities must match a number with an optional unit");
  return canonical ?? "";
});
const quantities = z.record(z.string(), quantity);

/** The types of the fields; what is wrong here cannot be decoded at all. Unknown fields of these levels are dropped. */
export const deploymentShape = z.object({
  metadata: z.object({
    name: z.string().default(""),
    generateName: z.string().optional(),
    namespace: z.string().optional(),
    uid: z.string().optional(),
    resourceVersion: z.string().optional(),
    labels: labels.optional(),
    annotations: labels.optional(),
    finalizers: z.array(z.string()).optional(),
  }),
  spec: z.object({
    replicas: z.int(),
    minReadySeconds: z.int().optional(),
    revisionHistoryLimit: z.int(),
    progressDeadlineSeconds: z.int(),
    paused: z.boolean().optional(),
    selector: z
      .object({
        matchLabels: labels.optional(),
        matchExpressions: z
          .array(z.object({ key: z.string(), operator: z.string(), values: z.array(z.string()).optional() }))
          .optional(),
      })
      .optional(),
    strategy: z.object({
      type: z.string(),
      rollingUpdate: z.object({ maxSurge: intOrPercent, maxUnavailable: intOrPercent }).optional(),
    }),
    template: z.object({
      metadata: z.object({ labels: labels.optional(), annotations: labels.optional() }),
      spec: z.looseObject({
        nodeSelector: labels.optional(),
        terminationGracePeriodSeconds: z.int(),
        containers: z
          .array(
            z.looseObject({
              name: z.string().default(""),
              image: z.string().default(""),
              resources: z.looseObject({ limits: quantities.optional(), requests: quantities.optional() }),
            }),
          )
          .default([]),
      }),
    }),
  }),
});

export type DeploymentShape = z.infer<typeof deploymentShape>;

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/** Everything that is wrong with a Deployment whose fields have the right types; `before` is what it was. */
export function problems({ metadata, spec }: DeploymentShape, before?: Deployment): Cause[] {
  const causes: Cause[] = [];
  const wrong = (field: string, value: unknown, why: string) =>
    causes.push({
      reason: "FieldValueInvalid",
      message: `Invalid value: ${JSON.stringify(value ?? null)}: ${why}`,
      field,
    });
  if (!isName(metadata.name)) {
    wrong(
      "metadata.name",
      metadata.name,
      "a lowercase RFC 1123 subdomain must consist of a-z, 0-9, '-' and '.'",
    );
  }
  for (const name of ["replicas", "minReadySeconds", "revisionHistoryLimit"] as const) {
    if ((spec[name] ?? 0) < 0) wrong(`spec.${name}`, spec[name], "must be greater than or equal to 0");
  }
  if (spec.progressDeadlineSeconds <= (spec.minReadySeconds ?? 0)) {
    wrong(
      "spec.progressDeadlineSeconds",
      spec.progressDeadlineSeconds,
      "must be greater than minReadySeconds",
    );
  }
  causes.push(...strategyProblems(spec.strategy));
  if (spec.selector === undefined) causes.push(required("spec.selector"));
  const { labels: own } = spec.template.metadata;
  if (spec.selector === undefined || !matchesLabels(requirements(selectorOf(spec)), own)) {
    wrong("spec.template.metadata.labels", own, "`selector` does not match template `labels`");
  }
  causes.push(...containerProblems(spec.template.spec.containers));
  if (before !== undefined && !isDeepStrictEqual(spec.selector, before.spec.selector)) {
    wrong("spec.selector", spec.selector, "field is immutable");
  }
  return causes;
}

function isName(name: string): boolean {
  return name.length <= 253 && SUBDOMAIN.test(name);
}

/** A name that may be a part of a host name: of a namespace or a container. */
export function isLabelName(name: string): boolean {
  return name.length <= 63 && LABEL.test(name);
}

function selectorOf({ selector }: DeploymentShape["spec"]): DeploymentSpec["selector"] {
  return {
    ...(selector?.matchLabels === undefined ? {} : { matchLabels: selector.matchLabels }),
    matchExpressions: (selector?.matchExpressions ?? []).map(({ key, operator, values = [] }) => ({
      key,
      operator,
      values,
    })),
  };
}

function strategyProblems({ type, rollingUpdate }: DeploymentShape["spec"]["strategy"]): Cause[] {
  const field = "spec.strategy";
  if (type !== "RollingUpdate" && type !== "Recreate") {
    const message = `Unsupported value: ${JSON.stringify(type)}: supported values: "Recreate", "RollingUpdate"`;
    return [{ reason: "FieldValueNotSupported", message, field }];
  }
  if (type === "Recreate") {
    if (rollingUpdate === undefined) return [];
    const message = "Forbidden: may not be specified when strategy `type` is 'Recreate'";
    return [{ reason: "FieldValueForbidden", message, field: `${field}.rollingUpdate` }];
  }
  const causes: Cause[] = [];
  for (const name of ["maxUnavailable", "maxSurge"] as const) {
    const value = rollingUpdate?.[name] ?? "25%";
    const valid = typeof value === "number" ? value >= 0 : /^\d+%$/.test(value);
    const message = `Invalid value: ${JSON.stringify(value)}: must be a number of pods or a percentage`;
    if (!valid)
      causes.push({ reason: "FieldValueInvalid", message, field: `${field}.rollingUpdate.${name}` });
  }
  const isZero = (value: number | string | undefined) => value === 0 || value === "0%";
  if (isZero(rollingUpdate?.maxSurge) && isZero(rollingUpdate?.maxUnavailable)) {
    const message = `Invalid value: ${JSON.stringify(rollingUpdate?.maxUnavailable)}: may not be 0 when \`maxSurge\` is 0`;
    causes.push({
      reason: "FieldValueInvalid",
      message,
      field: `${field}.rollingUpdate.maxUnavailable`,
    });
  }
  return causes;
}

function containerProblems(containers: DeploymentShape["spec"]["template"]["spec"]["containers"]): Cause[] {
  const list = "spec.template.spec.containers";
  if (containers.length === 0) return [required(list)];
  return containers.flatMap(({ name, image, resources }, at) => {
    const field = `${list}[${at}]`;
    const causes: Cause[] = [];
    if (name === "") causes.push(required(`${field}.name`));
    else if (!isLabelName(name)) {
      const message = `Invalid value: ${JSON.stringify(name)}: a lowercase RFC 1123 label must consist of a-z, 0-9 and '-'`;
      causes.push({ reason: "FieldValueInvalid", message, field: `${field}.name` });
    }
    if (containers.findIndex((other) => other.name === name) < at) {
      const message = `Duplicate value: ${JSON.stringify(name)}`;
      causes.push({ reason: "FieldValueDuplicate", message, field: `${field}.name` });
    }
    if (image === "") causes.push(required(`${field}.image`));
    for (const [unit, requested] of Object.entries(resources.requests ?? {})) {
      const limit = resources.limits?.[unit];
      if (limit === undefined || (quantityNanos(requested) ?? 0n) <= (quantityNanos(limit) ?? 0n)) continue;
      const message = `Invalid value: ${JSON.stringify(requested)}: must be less than or equal to ${unit} limit of ${limit}`;
      causes.push({ reason: "FieldValueInvalid", message, field: `${field}.resources.requests` });
    }
    return causes;
  });
}

function required(field: string): Cause {
  return { reason: "FieldValueRequired", message: "Required value", field };
}
