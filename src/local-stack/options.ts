import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { RolloutRequest } from "../restate/rollout-requests.ts";
import { parseFault, type SentinelFault } from "./faults.ts";
import { NEW_IMAGE } from "./stack-types.ts";

/** What `npm run dry-run` and `npm run dev` understand after `--`. */
export interface CommandOptions {
  sentinels: number;
  image: string;
  /** The body of the Rollout that is asked for. */
  request: RolloutRequest;
  faults: SentinelFault[];
  json: boolean;
  /** Absolute path. */
  kubeconfig?: string;
  help: boolean;
}

export const OPTIONS_HELP = `Options:
  --sentinels N            size of the fleet (default 100): sen_0001, sen_0002, …
  --image IMAGE            the image to roll out (default ${NEW_IMAGE})
  --waves 10,100           cumulative percentages (default: the service's own)
  --soak 10 | 0,10,…       seconds for which each wave is watched, or one number for each percentage
  --max-regressions N[%]   so many may break after they came up (default 0); needs --soak
  --on-failure pause       or rollback: a pause by a failure or a regression goes on to a rollback by itself
  --fail ID[:REASON]       break the rollout of one sentinel; may be repeated. REASON is ImagePullBackOff (default),
                           CrashLoopBackOff, CreateContainerConfigError, Unschedulable or NeverReady, each also with
                           :<seconds> after which it heals by itself; slow:<seconds>, ready but late;
                           crash-after:<seconds>, ready and broken later; or flap-after:<seconds>, ready and later
                           unready and ready by turns
  --kubeconfig FILE        make the fleet on this real cluster, in the namespace of KUBE_NAMESPACE (default sentinel),
                           which must not exist and is removed at the end
  --json                   machine-readable output
  --help                   this text

The service's own variables (MAX_IN_FLIGHT, DEPLOY_TIMEOUT_SECONDS, LOG_LEVEL, …) reach it when they are set.
DATABASE_URL is the server on which a database is made, and dropped at the end. RESTATE_URL, RESTATE_ADMIN_URL and
KUBECONFIG are used only when they lead to the stack that this command starts.`;

const MOST_SENTINELS = 20_000;

/** Thrown for what was typed: one sentence. */
export class UsageError extends Error {}

/** @throws UsageError */
export function parseOptions(args: string[], leastSentinels: number): CommandOptions {
  const { values } = parse(args);
  const sentinels = values.sentinels ?? "100";
  if (!/^\d+$/.test(sentinels) || Number(sentinels) < leastSentinels || Number(sentinels) > MOST_SENTINELS) {
    throw new UsageError(
      `--sentinels ${sentinels}: must be a whole number from ${leastSentinels} to ${MOST_SENTINELS}`,
    );
  }
  const request = requestOf(values);
  const kubeconfig = values.kubeconfig === undefined ? undefined : resolve(values.kubeconfig);
  if (kubeconfig !== undefined && !existsSync(kubeconfig)) {
    throw new UsageError(`--kubeconfig ${values.kubeconfig}: there is no such file`);
  }
  return {
    sentinels: Number(sentinels),
    image: request.image,
    request,
    faults: faults(values.fail ?? []),
    json: values.json ?? false,
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    help: values.help ?? false,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        sentinels: { type: "string" },
        image: { type: "string" },
        waves: { type: "string" },
        soak: { type: "string" },
        "max-regressions": { type: "string" },
        "on-failure": { type: "string" },
        fail: { type: "string", multiple: true },
        kubeconfig: { type: "string" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    // Node adds advice about positional arguments that helps nobody here.
    throw new UsageError(`${(error as Error).message.split(". ")[0]}; see --help`);
  }
}

const OPTION_OF: Record<string, string> = {
  wave_percentages: "--waves",
  soak_seconds: "--soak",
  max_regressions: "--max-regressions",
  on_failure: "--on-failure",
};

/** The same rules as the service's, before anything is started. */
function requestOf(values: ReturnType<typeof parse>["values"]): RolloutRequest {
  const { image = NEW_IMAGE, waves, soak, "max-regressions": regressions, "on-failure": onFailure } = values;
  const soaks = soak === undefined ? [] : numbers(soak);
  const parsed = RolloutRequest.safeParse({
    image,
    ...(waves === undefined ? {} : { wave_percentages: numbers(waves) }),
    ...(soaks.length === 0 ? {} : { soak_seconds: soaks.length === 1 ? soaks[0] : soaks }),
    ...(regressions === undefined ? {} : { max_regressions: limit(regressions) }),
    ...(onFailure === undefined ? {} : { on_failure: onFailure }),
  });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const option = OPTION_OF[String(issue?.path[0])] ?? `--image ${image}`;
  throw new UsageError(`${option}: ${issue?.message.replace("soak_seconds", "--soak")}`);
}

function numbers(list: string): number[] {
  return list.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
}

/** A percentage stays as it is, and so does what is neither. */
function limit(text: string): number | string {
  return /^-?[\d.]+$/.test(text) ? Number(text) : text;
}

function faults(texts: string[]): SentinelFault[] {
  try {
    return texts.map(parseFault);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
