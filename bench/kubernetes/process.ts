import { Clock } from "../../src/embedded-kubernetes/clock.ts";
import { ApiServer } from "../../src/embedded-kubernetes/server.ts";
import { Store } from "../../src/embedded-kubernetes/store.ts";
import { Writes } from "../../src/embedded-kubernetes/writes.ts";
import { benchFleet, type Lengths, oldImage } from "../fleet.ts";
import { answering } from "../remote.ts";
import { deploymentOf } from "./deployment.ts";
import { InstantUpdates, type UpdateTime } from "./instant-updates.ts";

// The embedded Kubernetes API in a process of its own, so that it takes no time from whoever measures.

const clock = new Clock(1);
const store = new Store(clock);
const updates = new InstantUpdates(store, clock);
const server = new ApiServer(store, clock);

export const handlers = {
  listen: () => server.listen(0),
  seed(count: number, namespace: string, lengths: Lengths): void {
    store.createNamespace(namespace);
    const writes = new Writes(store);
    for (const sentinel of benchFleet(count, lengths)) {
      writes.createDeployment(namespace, JSON.stringify(deploymentOf(sentinel, oldImage(lengths))));
    }
  },
  updatesTake(time: UpdateTime): void {
    updates.time = time;
  },
  /** Requests so far by verb and resource: `patch deployments` → 42. */
  requests: () => Object.fromEntries(server.requests),
  convergedMs: () => Object.fromEntries(updates.convergedMs),
};

answering(handlers);
