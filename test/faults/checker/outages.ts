import { setTimeout as delay } from "node:timers/promises";
import type { V1Deployment } from "@kubernetes/client-node";
import type { Outage } from "./evidence.ts";
import { imageOf } from "./results.ts";
import type { Sources } from "./sources.ts";

/** Between two looks (ms). */
const EVERY_MS = 500;

/** Looks at the Deployments again and again, and notes for how long each of them lacks replicas. */
export class Outages {
  readonly #sources: Pick<Sources, "deployments">;
  #all: Outage[] = [];
  #run = 0;

  constructor(sources: Pick<Sources, "deployments">) {
    this.#sources = sources;
  }

  get all(): readonly Outage[] {
    return this.#all;
  }

  start(): void {
    void this.#look(++this.#run);
  }

  /** And forgets what it noted. */
  stop(): void {
    this.#run++;
    this.#all = [];
  }

  async #look(run: number): Promise<void> {
    while (run === this.#run) {
      // Who cannot be asked has no outage that anybody knows of.
      const deployments = await this.#sources.deployments().catch(() => new Map<string, V1Deployment>());
      if (run === this.#run) this.#note(deployments, Date.now());
      await delay(EVERY_MS);
    }
  }

  #note(deployments: ReadonlyMap<string, V1Deployment>, nowMs: number): void {
    for (const [name, deployment] of deployments) {
      const open = this.#all.find((each) => each.name === name && each.toMs === undefined);
      const image = imageOf(deployment);
      const isOut = lacks(deployment);
      if (open !== undefined && (!isOut || open.image !== image)) open.toMs = nowMs;
      if (isOut && open?.image !== image) this.#all.push({ name, image, fromMs: nowMs });
    }
  }
}

/** It lacks replicas, and nobody rolls it. */
function lacks({ metadata, spec, status }: V1Deployment): boolean {
  const replicas = spec?.replicas ?? 1;
  const { updatedReplicas = 0, availableReplicas = 0, observedGeneration = 0 } = status ?? {};
  const isRolled = observedGeneration < (metadata?.generation ?? 0) || updatedReplicas < replicas;
  return !isRolled && availableReplicas < replicas;
}
