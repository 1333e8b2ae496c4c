/** A row's column and the longest reference taken, in characters. */
export const IMAGE_LIMIT = 255;

const HOST =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::\d{1,5})?$/;
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
/** The registered algorithms have their exact length: a digest that was cut off never comes up. */
const DIGEST =
  /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}|(?!sha(?:256|512):)[a-zA-Z][a-zA-Z0-9]*(?:[+._-][a-zA-Z][a-zA-Z0-9]*)*:[0-9a-fA-F]{32,})$/;

/**
 * Says what is wrong with an image as the target of a rollout, or undefined. It must be a valid OCI reference
 * (https://github.com/opencontainers/distribution-spec) whose tag or digest is explicit: `latest` by omission is not a version.
 */
export function imageProblem(image: string): string | undefined {
  if (image.length > IMAGE_LIMIT) return `must be at most ${IMAGE_LIMIT} characters (it has ${image.length})`;
  const at = image.indexOf("@");
  const named = at < 0 ? image : image.slice(0, at);
  if (at >= 0 && !DIGEST.test(image.slice(at + 1))) {
    return "must end in a valid digest such as @sha256:… after the @";
  }
  const slash = named.lastIndexOf("/");
  const colon = named.indexOf(":", slash + 1);
  const name = colon < 0 ? named : named.slice(0, colon);
  if (!isName(name)) return "must be an image reference such as ghcr.io/unkeyed/sentinel:v1.2.3";
  if (colon >= 0 && !TAG.test(named.slice(colon + 1))) {
    return "must have a valid tag after the colon (letters, digits, _ . -, at most 128 characters)";
  }
  if (colon < 0 && at < 0)
    return "must have an explicit tag or digest, such as ghcr.io/unkeyed/sentinel:v1.2.3";
  return undefined;
}

function isName(name: string): boolean {
  const [first = "", ...rest] = name.split("/");
  const isHost = rest.length > 0 && (first.includes(".") || first.includes(":") || first === "localhost");
  const path = isHost ? rest : [first, ...rest];
  return (
    (!isHost || HOST.test(first)) && path.length > 0 && path.every((component) => COMPONENT.test(component))
  );
}
