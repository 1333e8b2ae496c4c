import { Gauge, type Registry } from "prom-client";
import { PHASES } from "../domain/phase.ts";
import type { PauseKind, State } from "../domain/state.ts";
import type { StatusResponse } from "../restate/rollout-schemas.ts";
import type { CachedSource } from "../util/cached.ts";

const STATES: State[] = ["idle", "in_progress", "paused", "cancelled", "completed", "rolling_back"];
const PAUSE_KINDS: PauseKind[] = ["failure", "budget", "operator", "interrupted", "freeze", "regression"];

/** Each has a label of its name, and is 1 for the one that holds. */
const ONE_OF: {
  name: string;
  help: string;
  label: string;
  values: readonly string[];
  of(status: StatusResponse): string | null;
}[] = [
  {
    name: "sentinel_rollout_state",
    help: "1 for the state in which the rollout is, 0 for the others.",
    label: "state",
    values: STATES,
    of: ({ state }) => state,
  },
  {
    name: "sentinel_rollout_phase",
    help: "1 for what the rollout does now, in finer words than its state, 0 for the others.",
    label: "phase",
    values: PHASES,
    of: ({ phase }) => phase,
  },
  {
    name: "sentinel_rollout_pause_kind",
    help: "1 for why the rollout is paused, 0 for the others; 0 for all while it is not.",
    label: "kind",
    values: PAUSE_KINDS,
    of: ({ pause_kind }) => pause_kind,
  },
];

/** Numbers of the rollout; undefined where there is nothing to tell. */
const NUMBERS: { name: string; help: string; of(status: StatusResponse): number | undefined }[] = [
  {
    name: "sentinel_rollout_state_since_timestamp_seconds",
    help: "Since when the state, and the wave, is what it is now.",
    of: ({ waiting_since }) => seconds(waiting_since),
  },
  {
    name: "sentinel_rollout_started_timestamp_seconds",
    help: "When the rollout started.",
    of: ({ started_at }) => seconds(started_at),
  },
  {
    name: "sentinel_rollout_current_wave",
    help: "The current wave, counted from 1; 0 when there is no rollout.",
    of: ({ wave }) => wave,
  },
  { name: "sentinel_rollout_waves", help: "Waves of the rollout.", of: ({ waves }) => waves },
  { name: "sentinel_rollout_target_sentinels", help: "Sentinels in the rollout.", of: ({ total }) => total },
  {
    name: "sentinel_rollout_succeeded_sentinels",
    help: "Sentinels of the rollout that took the image.",
    of: ({ succeeded }) => succeeded,
  },
  {
    name: "sentinel_rollout_failed_sentinels",
    help: "Sentinels of the rollout that failed.",
    of: ({ failed }) => failed,
  },
  {
    name: "sentinel_rollout_reverted_sentinels",
    help: "Sentinels of the rollout that were rolled back.",
    of: ({ reverted }) => reverted,
  },
  {
    name: "sentinel_rollout_regressed_sentinels",
    help: "Sentinels of the rollout that broke after they had come up with the image, those that have recovered included.",
    of: ({ regressed }) => regressed,
  },
  {
    name: "sentinel_rollout_soak_until_timestamp_seconds",
    help: "Until when the wave soaks; 0 while it does not.",
    of: ({ soak_until }) => seconds(soak_until) ?? 0,
  },
  {
    name: "sentinel_rollout_frozen",
    help: "1 while a freeze holds: no rollout begins, resumes or goes on to its next wave.",
    of: ({ frozen }) => (frozen === null ? 0 : 1),
  },
  {
    name: "sentinel_rollout_frozen_since_timestamp_seconds",
    help: "Since when the freeze holds; absent while none does.",
    of: ({ frozen }) => seconds(frozen?.since ?? null),
  },
  {
    name: "sentinel_rollout_frozen_until_timestamp_seconds",
    help: "When the freeze ends by itself; absent while none holds that does.",
    of: ({ frozen }) => seconds(frozen?.until ?? null),
  },
];

/**
 * The rollout as Restate has it, so that it is the same at every replica, whichever drives: take the maximum. Absent,
 * rather than old, while Restate does not answer.
 */
export function registerRolloutMetrics(registry: Registry, status: CachedSource<StatusResponse>): void {
  const registers = [registry];
  for (const { name, help, label, values, of } of ONE_OF) {
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers,
      async collect() {
        const current = await status();
        this.reset();
        if (current === undefined) return;
        for (const value of values) this.set({ [label]: value }, value === of(current) ? 1 : 0);
      },
    });
  }
  new Gauge({
    name: "sentinel_rollout_info",
    help: "The rollout's id and image; always 1.",
    labelNames: ["rollout_id", "image"],
    registers,
    async collect() {
      const current = await status();
      this.reset();
      if (current?.rollout_id) this.set({ rollout_id: current.rollout_id, image: current.image }, 1);
    },
  });
  for (const { name, help, of } of NUMBERS) {
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        const current = await status();
        const value = current === undefined ? undefined : of(current);
        if (value === undefined) this.remove({});
        else this.set(value);
      },
    });
  }
}

function seconds(iso: string | null): number | undefined {
  return iso === null ? undefined : Date.parse(iso) / 1000;
}
