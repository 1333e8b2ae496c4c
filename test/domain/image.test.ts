import { describe, expect, it } from "vitest";
import { imageProblem } from "../../src/domain/image.ts";

const SHA256 = `sha256:${"0123456789abcdef".repeat(4)}`;
const NOT_A_REFERENCE = "must be an image reference such as ghcr.io/unkeyed/sentinel:v1.2.3";
const NO_VERSION = "must have an explicit tag or digest, such as ghcr.io/unkeyed/sentinel:v1.2.3";
const BAD_TAG = "must have a valid tag after the colon (letters, digits, _ . -, at most 128 characters)";
const BAD_DIGEST = "must end in a valid digest";

describe("an image reference that is taken", () => {
  it.each([
    "ghcr.io/unkeyed/sentinel:v1.2.3",
    "sentinel:v1",
    "unkeyed/sentinel:latest",
    "localhost/sentinel:v1",
    "localhost:5000/sentinel:v1",
    "registry.example.com:5000/team/sentinel:v1",
    "Registry.Example.COM/team/sentinel:v1",
    "127.0.0.1:5000/sentinel:v1",
    `ghcr.io/unkeyed/sentinel@${SHA256}`,
    `ghcr.io/unkeyed/sentinel:v1.2.3@${SHA256}`,
    `localhost:5000/sentinel@${SHA256}`,
    `sentinel@sha512:${"ab".repeat(64)}`,
    `sentinel@multihash+base58:${"ab".repeat(20)}`,
    "a/b/c/d/e:v1",
    "my-org/my_image.name:v1",
    "org/two__underscores:v1",
    "org/three---dashes:v1",
    "sentinel:_tag",
    "sentinel:V1.2-RC_1",
    `sentinel:${"t".repeat(128)}`,
    `${"a".repeat(252)}:v1`,
  ])("%s", (image) => {
    expect(imageProblem(image)).toBeUndefined();
  });
});

describe("an image reference that is refused", () => {
  it.each([
    ["without a tag", "ghcr.io/unkeyed/sentinel", NO_VERSION],
    ["with a port, but no tag", "localhost:5000/sentinel", NO_VERSION],
    ["with uppercase in its path", "ghcr.io/Unkeyed/sentinel:v1", NOT_A_REFERENCE],
    ["with uppercase in its only component", "Sentinel:v1", NOT_A_REFERENCE],
    ["with a scheme", "https://ghcr.io/unkeyed/sentinel:v1", NOT_A_REFERENCE],
    ["with a space before", " sentinel:v1", NOT_A_REFERENCE],
    ["with a space after", "sentinel:v1 ", BAD_TAG],
    ["with a line break after", "sentinel:v1\n", BAD_TAG],
    ["with a space inside", "my sentinel:v1", NOT_A_REFERENCE],
    ["with an empty component", "ghcr.io//sentinel:v1", NOT_A_REFERENCE],
    ["with a slash before", "/sentinel:v1", NOT_A_REFERENCE],
    ["with a slash before the tag", "ghcr.io/unkeyed/:v1", NOT_A_REFERENCE],
    ["with a slash at the end", "sentinel:v1/", NOT_A_REFERENCE],
    ["with a component that begins with a separator", "org/-sentinel:v1", NOT_A_REFERENCE],
    ["with a component that ends with a separator", "org/sentinel_:v1", NOT_A_REFERENCE],
    ["with three underscores in a row", "org/a___b:v1", NOT_A_REFERENCE],
    ["with two dots in a row", "org/a..b:v1", NOT_A_REFERENCE],
    ["with a port that is none", "localhost:port/sentinel:v1", NOT_A_REFERENCE],
    ["with a host that begins with a dash", "-ghcr.io/sentinel:v1", NOT_A_REFERENCE],
    ["with letters beyond ASCII", "sentinél:v1", NOT_A_REFERENCE],
    ["with nothing but a tag", ":v1", NOT_A_REFERENCE],
    ["with nothing but a digest", `@${SHA256}`, NOT_A_REFERENCE],
    ["with an empty tag", "sentinel:", BAD_TAG],
    ["with a tag that begins with a dot", "sentinel:.v1", BAD_TAG],
    ["with a tag that begins with a dash", "sentinel:-v1", BAD_TAG],
    ["with two tags", "sentinel:v1:v2", BAD_TAG],
    ["with a tag of 129 characters", `sentinel:${"t".repeat(129)}`, BAD_TAG],
    ["with an empty tag before a digest", `sentinel:@${SHA256}`, BAD_TAG],
    ["with an empty digest", "sentinel:v1@", BAD_DIGEST],
    ["with a digest without its algorithm", `sentinel@${"ab".repeat(32)}`, BAD_DIGEST],
    ["with a digest that is not hexadecimal", `sentinel@sha256:${"xy".repeat(32)}`, BAD_DIGEST],
    ["with a digest that is too short", `sentinel@${SHA256.slice(0, -1)}`, BAD_DIGEST],
    ["with a digest that is too long", `sentinel@${SHA256}0`, BAD_DIGEST],
    ["with a digest in uppercase", `sentinel@sha256:${"AB".repeat(32)}`, BAD_DIGEST],
    ["with a sha512 as long as a sha256", `sentinel@sha512:${"ab".repeat(32)}`, BAD_DIGEST],
    ["with two digests", `sentinel@${SHA256}@${SHA256}`, BAD_DIGEST],
    ["that is empty", "", NOT_A_REFERENCE],
    ["of 256 characters", `${"a".repeat(253)}:v1`, "must be at most 255 characters"],
  ])("one %s", (_, image, problem) => {
    expect(imageProblem(image)).toContain(problem);
  });
});
