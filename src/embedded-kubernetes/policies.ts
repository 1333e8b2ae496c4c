import type { Deployment } from "./objects.ts";
import { DEPLOYMENTS } from "./resources.ts";
import { ApiError } from "./status.ts";

/** What admission policies of a cluster do to the Deployments of a namespace, for tests of what clients make of it. */
export interface Policies {
  /** As a MutatingAdmissionPolicy: each container's image becomes what this makes of it. */
  rewriteImages(namespace: string, rewrite: (image: string) => string): void;
  /** As a ValidatingAdmissionPolicy of that name: a Deployment with such an image is not taken. */
  denyImages(namespace: string, policy: string, isDenied: (image: string) => boolean, message: string): void;
  /** No policies any more. */
  lift(namespace: string): void;
}

type Policy = (spec: Deployment["spec"], name: string) => Deployment["spec"];

/** The policies in force, in the order in which they were made. Those that rewrite come before those that deny. */
export class PoliciesInForce implements Policies {
  readonly #rewriting = new Map<string, Policy[]>();
  readonly #denying = new Map<string, Policy[]>();

  rewriteImages(namespace: string, rewrite: (image: string) => string): void {
    add(this.#rewriting, namespace, (spec) => {
      const { containers } = spec.template.spec;
      const rewritten = containers.map((container) => ({ ...container, image: rewrite(container.image) }));
      return {
        ...spec,
        template: { ...spec.template, spec: { ...spec.template.spec, containers: rewritten } },
      };
    });
  }

  denyImages(namespace: string, policy: string, isDenied: (image: string) => boolean, message: string): void {
    add(this.#denying, namespace, (spec, name) => {
      if (!spec.template.spec.containers.some(({ image }) => isDenied(image))) return spec;
      const denied = `ValidatingAdmissionPolicy '${policy}' with binding '${policy}' denied request: ${message}`;
      const details = { name, group: "apps", kind: DEPLOYMENTS.plural, causes: [{ message: denied }] };
      throw new ApiError(422, "Invalid", `deployments.apps "${name}" is forbidden: ${denied}`, { details });
    });
  }

  lift(namespace: string): void {
    this.#rewriting.delete(namespace);
    this.#denying.delete(namespace);
  }

  /** What becomes of a Deployment that is to be written. @throws ApiError 422 */
  admit(namespace: string | undefined, name: string, spec: Deployment["spec"]): Deployment["spec"] {
    const policies = [this.#rewriting, this.#denying].flatMap((all) => all.get(namespace ?? "") ?? []);
    return policies.reduce((so, policy) => policy(so, name), spec);
  }
}

function add(policies: Map<string, Policy[]>, namespace: string, policy: Policy): void {
  policies.set(namespace, [...(policies.get(namespace) ?? []), policy]);
}
