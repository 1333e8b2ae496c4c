import { isDeepStrictEqual } from "node:util";
import { type Checked, checked } from "./admission.ts";
import { keyOf } from "./collection.ts";
import { isDeleting } from "./deletion.ts";
import { asObject, isObject, type Json, type JsonObject } from "./json.ts";
import type { Deployment, Draft, Namespace } from "./objects.ts";
import { patched } from "./patch.ts";
import { PoliciesInForce } from "./policies.ts";
import { conflict, DEPLOYMENTS, NAMESPACES, notFound } from "./resources.ts";
import { formatSelector } from "./selectors.ts";
import { badRequest, invalid } from "./status.ts";
import type { Store } from "./store.ts";
import { isLabelName } from "./validation.ts";

/** What clients may change, checked and completed as the API server does it. */
export class Writes {
  readonly #store: Store;
  readonly #policies: PoliciesInForce;

  constructor(store: Store, policies = new PoliciesInForce()) {
    this.#store = store;
    this.#policies = policies;
  }

  /** @throws ApiError 404 without the namespace, 409 for a name that is taken, 400 or 422 for what is wrong */
  createDeployment(namespace: string, body: string): Deployment {
    const given = manifest(body, "Deployment", "apps/v1");
    const metadata = asObject(given.metadata);
    if (metadata.namespace !== undefined && metadata.namespace !== namespace) {
      throw badRequest(
        "the namespace of the provided object does not match the namespace sent on the request",
      );
    }
    if (this.#store.namespaces.get(namespace) === undefined) throw notFound(NAMESPACES, namespace);
    const { shape, spec } = this.#admitted(namespace, checked(given));
    const { labels, annotations, generateName, finalizers } = shape.metadata;
    const draft: Draft<Deployment> = {
      metadata: {
        name: shape.metadata.name,
        ...(generateName === undefined ? {} : { generateName }),
        namespace,
        generation: 1,
        ...(labels === undefined ? {} : { labels }),
        ...(annotations === undefined ? {} : { annotations }),
        ...(finalizers === undefined ? {} : { finalizers }),
      },
      spec,
      status: {},
    };
    return this.#store.deployments.create(draft);
  }

  /**
   * @param tries only says what would come of it
   * @throws ApiError 404, 409 for a stale resourceVersion, 415, or 422; a patch that changes nothing writes nothing
   */
  patchDeployment(key: string, name: string, contentType: string, body: string, tries: boolean): Deployment {
    const before = this.#deployment(key, name);
    const target = { kind: "Deployment", apiVersion: "apps/v1", ...before } as unknown as JsonObject;
    const after = patched(target, contentType, body);
    const metadata = asObject(after.metadata);
    if (metadata.name !== before.metadata.name) {
      throw badRequest(
        `the name of the object (${String(metadata.name)}) does not match the name on the URL (${name})`,
      );
    }
    if (metadata.resourceVersion !== before.metadata.resourceVersion) {
      throw conflict(DEPLOYMENTS, name, MODIFIED);
    }
    if (metadata.uid !== before.metadata.uid) {
      throw conflict(
        DEPLOYMENTS,
        name,
        `the UID in the precondition (${String(metadata.uid)}) does not match`,
      );
    }
    const admitted = this.#admitted(before.metadata.namespace, checked(after, before));
    return tries ? { ...before, spec: admitted.spec } : this.#write(before, admitted);
  }

  /** The subresource `scale` of a Deployment. */
  scale(key: string, name: string): object {
    const { metadata, spec, status } = this.#deployment(key, name);
    const { namespace = "", uid, resourceVersion, creationTimestamp } = metadata;
    return {
      kind: "Scale",
      apiVersion: "autoscaling/v1",
      metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
      spec: spec.replicas === 0 ? {} : { replicas: spec.replicas },
      status: { replicas: status.replicas ?? 0, selector: formatSelector(spec.selector) },
    };
  }

  patchScale(key: string, name: string, contentType: string, body: string): object {
    const before = this.#deployment(key, name);
    const scale = patched(this.scale(key, name) as JsonObject, contentType, body);
    const replicas = asObject(scale.spec).replicas ?? 0;
    if (typeof replicas !== "number" || !Number.isInteger(replicas)) {
      throw badRequest("spec.replicas must be a whole number");
    }
    if (replicas < 0) {
      const message = `Invalid value: ${replicas}: must be greater than or equal to 0`;
      throw invalid("Scale", "autoscaling", name, [
        { reason: "FieldValueInvalid", message, field: "spec.replicas" },
      ]);
    }
    if (asObject(scale.metadata).resourceVersion !== before.metadata.resourceVersion) {
      throw conflict(DEPLOYMENTS, name, MODIFIED);
    }
    if (replicas !== before.spec.replicas) {
      const generation = (before.metadata.generation ?? 0) + 1;
      this.#store.deployments.update({
        ...before,
        metadata: { ...before.metadata, generation },
        spec: { ...before.spec, replicas },
      });
    }
    return this.scale(key, name);
  }

  createNamespace(body: string): Namespace {
    const metadata = asObject(manifest(body, "Namespace", "v1").metadata);
    const name = typeof metadata.name === "string" ? metadata.name : "";
    if (!isLabelName(name)) {
      const message = `Invalid value: ${JSON.stringify(name)}: a lowercase RFC 1123 label must consist of a-z, 0-9 and '-'`;
      throw invalid("Namespace", "", name, [
        { reason: "FieldValueInvalid", message, field: "metadata.name" },
      ]);
    }
    const labels = Object.entries(asObject(metadata.labels)).flatMap(([label, value]) =>
      typeof value === "string" ? [[label, value] as const] : [],
    );
    return this.#store.createNamespace(name, Object.fromEntries(labels));
  }

  #admitted(namespace: string | undefined, { shape, spec }: Checked): Checked {
    return { shape, spec: this.#policies.admit(namespace, shape.metadata.name, spec) };
  }

  #deployment(key: string, name: string): Deployment {
    const found = this.#store.deployments.get(key);
    if (found === undefined) throw notFound(DEPLOYMENTS, name);
    return found;
  }

  /** Keeps what did not change as the same object, and bumps the generation when spec or annotations did. */
  #write(before: Deployment, { shape, spec }: Checked): Deployment {
    const { labels: _, annotations: __, finalizers: ___, ...fixed } = before.metadata;
    const { labels, annotations, finalizers } = shape.metadata;
    const same = {
      spec: isDeepStrictEqual(spec, before.spec),
      annotations: isDeepStrictEqual(annotations, before.metadata.annotations),
      labels: isDeepStrictEqual(labels, before.metadata.labels),
      finalizers: isDeepStrictEqual(finalizers, before.metadata.finalizers),
    };
    if (same.spec && same.annotations && same.labels && same.finalizers) return before;
    const kept = same.labels ? before.metadata.labels : labels;
    const next: Deployment = {
      metadata: {
        ...fixed,
        generation: (fixed.generation ?? 0) + (same.spec && same.annotations ? 0 : 1),
        ...(kept === undefined ? {} : { labels: kept }),
        ...(annotations === undefined ? {} : { annotations }),
        ...(finalizers === undefined ? {} : { finalizers }),
      },
      spec: same.spec ? before.spec : withSameTemplate(spec, before.spec),
      status: before.status,
    };
    if (isDeleting(before) && finalizers === undefined) {
      this.#store.deployments.delete(keyOf(before.metadata));
      return next;
    }
    return this.#store.deployments.update(next);
  }
}

const MODIFIED =
  "the object has been modified; please apply your changes to the latest version and try again";

/** The controllers recognise an unchanged template by identity. */
function withSameTemplate(spec: Deployment["spec"], before: Deployment["spec"]): Deployment["spec"] {
  return isDeepStrictEqual(spec.template, before.template) ? { ...spec, template: before.template } : spec;
}

function manifest(body: string, kind: string, version: string): JsonObject {
  let value: Json;
  try {
    value = JSON.parse(body) as Json;
  } catch (error) {
    throw badRequest(`cannot decode the body: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isObject(value)) throw badRequest("the body must be an object");
  if ((value.kind ?? kind) !== kind || (value.apiVersion ?? version) !== version) {
    throw badRequest(
      `${String(value.kind)} in version "${String(value.apiVersion)}" cannot be handled as a ${kind}`,
    );
  }
  return value;
}
