import { plural } from "../domain/progress.ts";
import { duration } from "../domain/spans.ts";
import type { RolloutResponse, StatusResponse } from "../restate/rollout-schemas.ts";
import { failedPart, type RolloutProgress } from "./progress.ts";
import type { ReceivedMessage } from "./slack-page.ts";

export interface Story {
  response: RolloutResponse;
  /** How it stands once all is quiet. */
  end: Pick<StatusResponse, "rollout_id" | "state" | "regressed" | "regressions" | "message" | "next">;
  progress: RolloutProgress | undefined;
  /** When the rollout answered, unix ms. */
  endedAtMs: number;
  tookMs: number;
  slack: readonly ReceivedMessage[];
}

/** What happened, for a person. */
export function tellStory(story: Story): string {
  const { response, end } = story;
  // A rollback that has begun by itself has ended since.
  const last = end.state === response.state && end.state !== "cancelled" ? response : end;
  return [
    "",
    `Rollout of ${response.image} over ${plural(response.total, "sentinel")}: ${last.state} after ${brief(story.tookMs)}`,
    "",
    ...waveLines(story),
    ...failureLines(response),
    ...regressionLines(end),
    last.message,
    ...(last.next.length === 0 ? [] : [`Next: ${last.next.join(", ")}`]),
    "",
    `Slack heard ${plural(story.slack.length, "message")}:`,
    ...story.slack.map((message) => slackLine(message, response.image)),
    "",
  ].join("\n");
}

/** The fallback text says it all in one line; the image is the same in each. */
function slackLine({ received_at, text }: ReceivedMessage, image: string): string {
  const line = text.replaceAll(/[*`]/g, "").replace(` · Image: ${image}`, "");
  return `  ${received_at.slice(11, 19)}  ${line.replaceAll("\n", "\n            ")}`;
}

function waveLines({ progress, endedAtMs }: Story): string[] {
  if (progress === undefined) return [];
  const lines = progress.waves.map((wave, index) => {
    const name = `  wave ${index + 1}/${progress.waves.length}`;
    const size = plural(wave.size, "sentinel").padEnd(15);
    if (index > progress.current) return `${name}  ${size} not started`;
    const end = index === progress.current ? endedAtMs : progress.waves[index + 1]?.startedAtMs;
    const took = wave.startedAtMs === undefined || end === undefined ? "" : brief(end - wave.startedAtMs);
    return `${name}  ${size} ${took.padEnd(7)} ${wave.succeeded} ready${failedPart(wave)}`;
  });
  return [...lines, ""];
}

function failureLines(response: RolloutResponse): string[] {
  if (response.failed === 0) return [];
  const lines = response.failures.map(({ sentinel_id, reason }) => `  ${sentinel_id}  ${reason}`);
  const more = response.failed - response.failures.length;
  return ["Failed:", ...lines, ...(more > 0 ? [`  (+${more} more)`] : []), ""];
}

function regressionLines({ regressed, regressions }: Story["end"]): string[] {
  if (regressed === 0) return [];
  const lines = regressions.map(
    ({ sentinel_id, reason, recovered }) => `  ${sentinel_id}  ${reason}${recovered ? " (recovered)" : ""}`,
  );
  const more = regressed - regressions.length;
  return ["Broke after they had come up:", ...lines, ...(more > 0 ? [`  (+${more} more)`] : []), ""];
}

/** Waves of a dry run are short: tenths of a second matter. */
function brief(ms: number): string {
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)}s` : duration(ms);
}
