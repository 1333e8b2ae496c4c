import type { ApiFault, ApiRequest } from "../../../src/embedded-kubernetes/api-faults.ts";
import type { Arena } from "../harness/arena.ts";
import { A_MOMENT_MS, type Fault } from "../harness/fault.ts";
import type { Random } from "../harness/random.ts";

const MOST = 4;
const possible = ({ world }: Arena) => world.stack.embedded !== undefined;

/** A few requests of the service, of any kind, meet with it. */
function onRequests(
  name: string,
  losesAnswers: number,
  fault: (random: Random) => ApiFault,
  only?: (request: ApiRequest) => boolean,
): Fault {
  return {
    name: `Kubernetes API ${name}`,
    losesAnswers,
    possible,
    lastsMs: A_MOMENT_MS,
    async inject({ world }, random) {
      const times = random.between(1, MOST);
      world.stack.embedded?.faults.inject(fault(random), { times, ...(only === undefined ? {} : { only }) });
      return async () => world.stack.embedded?.faults.clear();
    },
  };
}

const isPatch = ({ verb, resource }: ApiRequest) => verb === "patch" && resource === "deployments";

export const kubernetesFaults: Fault[] = [
  onRequests("throttles", 0, (random) => ({
    kind: "status",
    code: 429,
    retryAfterSeconds: random.between(0, 2),
  })),
  onRequests("throttles without a word", 0, () => ({ kind: "status", code: 429 })),
  onRequests("errs", 0, (random) => ({ kind: "status", code: random.pick([500, 502, 503, 504]) })),
  onRequests("refuses the credentials", 0, (random) => ({
    kind: "status",
    code: random.pick([401, 403]),
  })),
  onRequests("hangs", MOST, () => ({ kind: "hang" })),
  onRequests("resets connections", MOST, () => ({ kind: "reset" })),
  onRequests("loses answers", MOST, () => ({ kind: "lostAnswer" })),
  onRequests("loses the answers to patches", MOST, () => ({ kind: "lostAnswer" }), isPatch),
  {
    name: "Kubernetes API lists what was",
    losesAnswers: 0,
    possible,
    lastsMs: A_MOMENT_MS,
    async inject({ world }, random) {
      const { stack } = world;
      const [{ regionId = "" } = {}] = stack.fleet;
      const list = await stack
        .clusterOf(regionId)
        .apps.listNamespacedDeployment({ namespace: stack.namespace });
      const resourceVersion = list.metadata?.resourceVersion ?? "";
      const only = ({ verb, resource }: ApiRequest) => verb === "list" && resource === "deployments";
      stack.embedded?.faults.inject(
        { kind: "staleList", resourceVersion },
        { times: random.between(1, 2), only },
      );
      stack.embedded?.faults.expireWatches();
      return async () => stack.embedded?.faults.clear();
    },
  },
  {
    name: "Kubernetes watches dropped",
    losesAnswers: 0,
    possible,
    async inject({ world }) {
      world.stack.embedded?.faults.dropWatches();
      return async () => undefined;
    },
  },
  {
    name: "Kubernetes watches expired",
    losesAnswers: 0,
    possible,
    async inject({ world }) {
      world.stack.embedded?.faults.expireWatches();
      return async () => undefined;
    },
  },
  {
    name: "Kubernetes API refuses everything",
    losesAnswers: 0,
    lastsMs: A_MOMENT_MS,
    async inject({ proxy }, random) {
      const code = random.pick([429, 500, 503, 504]);
      const headers = code === 429 ? { "retry-after": "1" } : {};
      proxy.mishap = () => ({ answer: code, body: "{}", headers });
      return async () => {
        proxy.mishap = () => undefined;
      };
    },
  },
  {
    name: "Kubernetes API away",
    losesAnswers: 1,
    lastsMs: A_MOMENT_MS,
    async inject({ proxy }) {
      proxy.mishap = () => "reset";
      proxy.cut();
      return async () => {
        proxy.mishap = () => undefined;
      };
    },
  },
  {
    name: "Kubernetes API frozen",
    // Of a request that was let through before, when the connections are cut.
    losesAnswers: 1,
    lastsMs: A_MOMENT_MS,
    async inject({ proxy }) {
      proxy.mishap = () => "hang";
      return async () => {
        proxy.mishap = () => undefined;
        proxy.cut();
      };
    },
  },
];
