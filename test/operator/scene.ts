import { expect } from "vitest";
import { startStack } from "../../src/local-stack/stack.ts";
import { drivesLeft, type FleetState } from "../support/rollout-state.ts";
import { until } from "../support/until.ts";
import { ids, World } from "../support/world.ts";

export const FLEET = ids(1, 5);
/** Waves of 1, 2 and 2. */
const WAVES = [20, 60, 100];
/** Of the second wave, and of the last. */
const SLOW = ["sen_0003", "sen_0005"];

export type Drive = "Rollout" | "Resume" | "RollbackAll";
export const DRIVES: Drive[] = ["Rollout", "Resume", "RollbackAll"];

/** Where a drive is interrupted; each but the first goes on for half a second or so. */
export const STAGES = [
  "before its first step",
  "as it begins",
  "in the middle of a wave",
  "at its end",
] as const;
export type Stage = (typeof STAGES)[number];

/** A small fleet, two of it slow, on which one drive after another is interrupted. */
export class Scene {
  readonly world: World;
  #image = "";
  #images = 0;

  static async open(): Promise<Scene> {
    const env = { MAX_IN_FLIGHT: "2", DEPLOY_TIMEOUT_SECONDS: "60" };
    const scene = new Scene(new World(await startStack({ sentinels: FLEET.length, env })));
    for (const id of SLOW) await scene.world.fault(id, "slow:0.5");
    return scene;
  }

  private constructor(world: World) {
    this.world = world;
  }

  /** The image that the present case rolls out. */
  get image(): string {
    return this.#image;
  }

  /** The sentinels that can take an image: in a rollout that is to be paused the first one cannot. */
  healthy: string[] = FLEET;

  /** Brings the rollout to where the drive is legal, and lets it begin. Resolves to its invocation. */
  async begin(drive: Drive, stage: Stage): Promise<string> {
    const { world } = this;
    await this.prepare(drive);
    const body = drive === "Rollout" ? { image: this.#image, wave_percentages: WAVES } : {};
    if (stage !== "before its first step") return world.start(drive, body);
    const { process } = world.stack.service;
    await process.signal("SIGSTOP");
    const id = await world.start(drive, body);
    await until("Restate to have called it", async () => (await this.statusOf(id)) === "running");
    return id;
  }

  async prepare(drive: Drive): Promise<void> {
    const { world } = this;
    const { state } = await world.status();
    if (state === "paused") await world.verb("Cancel");
    this.#image = `ghcr.io/unkeyed/sentinel:i${++this.#images}`;
    this.healthy = drive === "Rollout" ? FLEET : FLEET.slice(1);
    const k8sName = drive === "Rollout" ? "sentinel-0001" : "gone";
    await world.change(`UPDATE sentinels SET k8s_name = '${k8sName}' WHERE id = 'sen_0001'`);
    if (drive === "Rollout") return;
    const wave_percentages = drive === "Resume" ? WAVES : [100];
    const { body } = await world.verb("Rollout", { image: this.#image, wave_percentages });
    expect(body).toMatchObject({ state: "paused", failed: 1 });
  }

  /** Waits until the drive is there. */
  async reach(drive: Drive, stage: Stage): Promise<void> {
    const { world } = this;
    if (stage === "before its first step") return;
    const busy = drive === "RollbackAll" ? "rolling_back" : "in_progress";
    await until(`${drive} to be ${stage}`, async () => {
      const isAtTheEnd = stage !== "at its end" || (await this.#isNearlyDone(drive));
      return isAtTheEnd && (await world.state())?.state === busy;
    });
    if (stage === "as it begins") return;
    await until("a slow one to be in flight", async () => {
      return (await world.rows()).some((row) => SLOW.includes(row.id) && row.deploy_status === "progressing");
    });
  }

  /** By the table: results are recorded a little later, and then it may be over. */
  async #isNearlyDone(drive: Drive): Promise<boolean> {
    const isBack = drive === "RollbackAll";
    const done = (await this.world.rows()).filter(
      (row) => row.deploy_status === "ready" && (row.running_image === this.#image) !== isBack,
    );
    // A rollback takes the newest first, two at a time: the last two are then in flight.
    return done.length >= this.healthy.length - (isBack ? 2 : 1);
  }

  async goOn(stage: Stage): Promise<void> {
    if (stage === "before its first step") await this.world.stack.service.process.signal("SIGCONT");
  }

  async statusOf(invocation: string): Promise<string | undefined> {
    const [row] = await this.world.sql<{ status: string }>(
      `SELECT status FROM sys_invocation WHERE id = '${invocation}'`,
    );
    return row?.status;
  }

  /** What the UI's buttons do. It takes effect once the service lets go of the invocation. */
  async pause(invocation: string, stage: Stage): Promise<void> {
    await this.#admin(invocation, "pause");
    await this.goOn(stage);
    await until("the invocation to be paused", async () => (await this.statusOf(invocation)) === "paused");
  }

  async resume(invocation: string): Promise<void> {
    await this.#admin(invocation, "resume");
  }

  async #admin(invocation: string, what: "pause" | "resume"): Promise<void> {
    const response = await fetch(`${this.world.stack.admin}/invocations/${invocation}/${what}`, {
      method: "PATCH",
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`Restate could not ${what} ${invocation}: ${response.status} ${text}`);
  }

  /** The rollout stands still within seconds, and somebody can do something about it. */
  async rests(): Promise<FleetState | undefined> {
    const { world } = this;
    const busy = ["in_progress", "rolling_back"];
    await until(
      "the rollout to stand still",
      async () => !busy.includes((await world.status()).state),
      10_000,
    );
    const { next } = await world.status();
    expect(next.length, "there is a legal way out").toBeGreaterThan(0);
    const state = await world.state();
    if (state !== undefined) this.#isSound(state);
    return state;
  }

  #isSound({ succeededIds, failedIds, waves, currentWave }: FleetState): void {
    const results = [...succeededIds, ...failedIds];
    expect(new Set(results).size, "nobody has two results").toBe(results.length);
    expect(results, "no sentinel of an earlier wave is lost").toEqual(
      expect.arrayContaining(waves.slice(0, currentWave).flat()),
    );
  }

  /** All of the fleet that can took the image, and every planned sentinel has its result. */
  async isRolledOut(): Promise<void> {
    const { world } = this;
    const state = await world.state();
    expect(state).toMatchObject({ state: "completed", image: this.#image, pauseReason: "" });
    expect([...(state?.succeededIds ?? []), ...(state?.failedIds ?? [])].sort()).toEqual(FLEET);
    expect([...(state?.succeededIds ?? [])].sort()).toEqual(this.healthy);
    expect(await world.on(this.#image)).toEqual(this.healthy);
    await this.nothingIsLeft();
  }

  async isRolledBack(): Promise<void> {
    const { world } = this;
    const state = await world.state();
    expect(state?.state).toBe("cancelled");
    expect([...(state?.revertedIds ?? [])].sort()).toEqual(this.healthy);
    expect(await world.on(this.#image)).toEqual([]);
    await this.nothingIsLeft();
  }

  /** No invocation that waits, no row that stays progressing, no state of a Deploy or a drive. */
  async nothingIsLeft(): Promise<void> {
    const { world } = this;
    await world.quiet();
    for (const { id, deploy_status } of await world.rows()) {
      expect(deploy_status, id).toBe(this.healthy.includes(id) ? "ready" : "failed");
    }
    expect(await drivesLeft((statement) => world.sql(statement))).toEqual([]);
    const left = await world.sql(
      "SELECT service_key, key FROM state WHERE service_name LIKE '%SentinelService'",
    );
    expect(left).toEqual([]);
  }

  /** What an operator does next, until the drive's work is done. */
  async finish(drive: Drive): Promise<void> {
    const { world } = this;
    if (drive === "RollbackAll") {
      const { status, body } = await world.verb<{ reverted: number; total: number; state: string }>(
        "RollbackAll",
      );
      expect({ status, state: body.state }).toEqual({ status: 200, state: "cancelled" });
      expect(body.reverted).toBe(body.total);
      return;
    }
    const { state, next } = await world.status();
    const again = next.includes("Resume")
      ? await world.verb("Resume")
      : await world.verb("Rollout", { image: this.#image, wave_percentages: WAVES });
    expect(again.body, `after ${state}`).toMatchObject({ state: "completed" });
  }

  /** Answer of the interrupted call, or of what became of it. */
  async answer(invocation: string): Promise<{ status: number; body: { state?: string; message?: string } }> {
    return this.world.answer<{ state?: string; message?: string }>(invocation);
  }
}
