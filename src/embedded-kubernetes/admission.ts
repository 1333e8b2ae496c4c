import { cleanMetadata, defaultedSpec } from "./defaults.ts";
import { asObject, type JsonObject } from "./json.ts";
import { suffix } from "./names.ts";
import type { Deployment } from "./objects.ts";
import { badRequest, type Cause, invalid } from "./status.ts";
import { type DeploymentShape, deploymentShape, problems } from "./validation.ts";

/** A Deployment that may be stored. */
export interface Checked {
  shape: DeploymentShape;
  spec: Deployment["spec"];
}

/**
 * Completes and checks a Deployment as a client wrote it; `before` is what it was.
 * @throws ApiError 422, or 400 for a new one whose fields have wrong types
 */
export function checked(given: JsonObject, before?: Deployment): Checked {
  const metadata = cleanMetadata(asObject(given.metadata));
  if (metadata.name === undefined && typeof metadata.generateName === "string") {
    metadata.name = `${metadata.generateName}${suffix(5)}`;
  }
  const parsed = deploymentShape.safeParse({ metadata, spec: defaultedSpec(asObject(given.spec)) });
  const name = typeof metadata.name === "string" ? metadata.name : "";
  if (!parsed.success) {
    const causes = parsed.error.issues.map(({ path, message }): Cause => {
      const field = fieldPath(path);
      return { reason: "FieldValueInvalid", message: `Invalid value: ${message}`, field };
    });
    if (before === undefined) {
      throw badRequest(
        `Deployment in version "v1" cannot be handled as a Deployment: ${causes
          .map(({ field, message }) => `${field}: ${message}`)
          .join(", ")}`,
      );
    }
    throw invalid("Deployment", "apps", name, causes);
  }
  const causes = problems(parsed.data, before);
  if (causes.length > 0) throw invalid("Deployment", "apps", name, causes);
  // `problems` has excluded what the looser type of the schema still allows.
  return { shape: parsed.data, spec: parsed.data.spec as Deployment["spec"] };
}

/** `spec.template.spec.containers[0].image` */
function fieldPath(path: PropertyKey[]): string {
  return path.reduce<string>((so, part) => {
    if (typeof part === "number") return `${so}[${part}]`;
    return so === "" ? String(part) : `${so}.${String(part)}`;
  }, "");
}
