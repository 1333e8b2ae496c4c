import { z } from "zod";
import { imageProblem } from "../domain/image.ts";
import { EXAMPLE_FAILURE } from "./answer-fields.ts";
import { EXAMPLE_IMAGE } from "./rollout-requests.ts";

const amount = (what: string, most: number) => {
  const message = `must be a whole number from 0 to ${most}`;
  return z
    .int(message)
    .min(0, message)
    .max(most, message)
    .optional()
    .describe(`${what}; absent or 0 keeps the present value.`);
};

/** The body of `Deploy`; an absent, zero or empty field keeps the present value. */
export const DeployRequest = z
  .strictObject({
    image: z
      .string("must be a string")
      .superRefine((text, ctx) => {
        const problem = text === "" ? undefined : imageProblem(text);
        if (problem !== undefined) ctx.addIssue({ code: "custom", message: problem, input: text });
      })
      .optional()
      .describe("The image to deploy, with an explicit tag or digest; absent or empty keeps the present one.")
      .meta({ examples: [EXAMPLE_IMAGE] }),
    cpu_millicores: amount("CPU limit in thousandths of a core; half of it is requested", 1_000_000),
    memory_mib: amount("Memory limit and request in MiB", 16_777_216),
    desired_replicas: amount("Number of replicas", 10_000),
  })
  .meta({ examples: [{}] });

export type DeployRequest = z.infer<typeof DeployRequest>;

/** The body of `NotifyReady`. */
export const NotifyReadyRequest = z
  .strictObject({
    image: z.string("must be a string").optional().describe("The image that was seen; a hint only."),
  })
  .meta({ examples: [{}] });

export type NotifyReadyRequest = z.infer<typeof NotifyReadyRequest>;

export const DeployResponse = z
  .object({
    status: z.enum(["ready", "failed"]),
    reason: z.string().optional().describe("Why it failed."),
    rewritten_to: z
      .string()
      .optional()
      .describe("What the cluster's admission has made of the image, where that is another one."),
    skipped: z
      .boolean()
      .optional()
      .describe("True when it failed because the sentinel is archived, on standby or deleted."),
  })
  .meta({ examples: [{ status: "ready" }, { status: "failed", reason: EXAMPLE_FAILURE.reason }] });
export type DeployResponse = z.infer<typeof DeployResponse>;
/** What a Deploy also tells the rollout that asked for it. */
export type DeployReply = DeployResponse & {
  /** How long it took. */
  duration_ms?: number;
  /**
   * True: the sentinel is none of this Deploy's business. Either there was nothing for the Deploy to do, or somebody else has
   * superseded what it wrote or patched.
   */
  left?: boolean;
  /** True: left, and it never took the image that was to be reverted, or its rollout launches nothing more. */
  untouched?: boolean;
  /** True: untouched, for its row says that it failed with the image that was to be reverted. */
  failed_on_image?: boolean;
  /** True: it failed for its cluster did not answer. */
  away?: boolean;
};
