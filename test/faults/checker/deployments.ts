import { isDeepStrictEqual } from "node:util";
import type { V1Deployment } from "@kubernetes/client-node";
import { RESTARTED_AT } from "../../../src/kubernetes/patch.ts";
import type { Sight } from "./sight.ts";

/** e: no other field of any Deployment changed, and none was made or removed. */
export function deploymentsKeptTheirFields({ before, after, meddled }: Sight): string[] {
  const others = new Set([...meddled].map((id) => before.rows.get(id)?.k8s_name));
  const names = new Set([...before.deployments.keys(), ...after.deployments.keys()]);
  return [...names].flatMap((name) => {
    if (others.has(name)) return [];
    const [was, is] = [before.deployments.get(name), after.deployments.get(name)];
    if (was === undefined || is === undefined) return [`e: the Deployment ${name} was made or removed`];
    const same = isDeepStrictEqual(withoutRollout(was), withoutRollout(is));
    return same ? [] : [`e: the Deployment ${name} was changed beyond its image`];
  });
}

/** Without what a rollout changes: the image, why, when a retry made fresh pods of it, and what the cluster itself counts. */
function withoutRollout({ metadata, spec }: V1Deployment): unknown {
  const {
    "kubernetes.io/change-cause": _cause,
    "deployment.kubernetes.io/revision": _revision,
    ...annotations
  } = metadata?.annotations ?? {};
  const template = spec?.template;
  const { [RESTARTED_AT]: _restarted, ...templateAnnotations } = template?.metadata?.annotations ?? {};
  const containers = template?.spec?.containers.map((container) =>
    container.name === "sentinel" ? { ...container, image: "" } : container,
  );
  return {
    uid: metadata?.uid,
    labels: metadata?.labels,
    annotations,
    spec: {
      ...spec,
      template: {
        metadata: { ...template?.metadata, annotations: templateAnnotations },
        spec: { ...template?.spec, containers },
      },
    },
  };
}
