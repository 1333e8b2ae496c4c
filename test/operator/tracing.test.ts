import { afterAll, beforeAll, describe, expect } from "vitest";
import { type OtlpSink, startOtlpSink } from "../support/otlp-sink.ts";
import { until } from "../support/until.ts";
import { it, NEW, OLD, ROLLOUT } from "../support/world.ts";

let collector: OtlpSink;
beforeAll(async () => {
  collector = await startOtlpSink();
});
afterAll(() => collector.close());

const CALLER = "0af7651916cd43dd8448eb211c80319c";

describe("with an OTLP endpoint", () => {
  it.override({
    options: {
      sentinels: 2,
      // Its own spans go nowhere; but only then does Restate hand on which trace a call belongs to.
      restate: { env: { RESTATE_TRACING_ENDPOINT: "http://127.0.0.1:9" } },
      adjustEnv: async () => ({
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_TIMEOUT: "2000",
        OTEL_BSP_SCHEDULE_DELAY: "100",
        OTEL_SERVICE_NAME: "rollouts-eu",
      }),
    },
  });

  it("the handlers and steps of a rollout are spans of its caller's trace; a collector that hangs delays nothing", async ({
    world,
  }) => {
    const response = await fetch(`${world.stack.ingress}/${ROLLOUT}/Rollout`, {
      method: "POST",
      headers: { "content-type": "application/json", traceparent: `00-${CALLER}-b7ad6b7169203331-01` },
      body: JSON.stringify({ image: NEW, wave_percentages: [100] }),
    });
    expect(await response.json()).toMatchObject({ state: "completed" });
    const spans = await until("the spans of the rollout", () => {
      const ended = collector.spans.some(({ name }) => name === `attempt ${ROLLOUT}/Rollout`);
      return ended && collector.spans;
    });
    expect(new Set(spans.map(({ service }) => service))).toEqual(new Set(["rollouts-eu"]));
    const ofRollout = spans.filter(({ traceId }) => traceId === CALLER);
    const names = ofRollout.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        "run (wave 1/1: 2 sentinels)",
        "attempt hydra.v1.SentinelService/sen_0002/Deploy",
        "run (patch Deployment sentinel-0002)",
      ]),
    );
    const drive = ofRollout.find(({ name }) => name === `attempt ${ROLLOUT}/Rollout`);
    const wave = ofRollout.find(({ name }) => name.startsWith("run (wave"));
    expect(wave?.parentSpanId).toBe(drive?.spanId);

    collector.answer = "hang";
    expect((await world.verb("Rollout", { image: OLD })).body.state).toBe("completed");
    const warnings = () =>
      world.stack.service.logs().filter((line) => line.msg === "traces cannot be exported");
    await until("a warning", () => warnings().length > 0);
    await world.quiet();
    const requests = collector.requests;
    expect((await world.verb("Rollout", { image: NEW })).body.state).toBe("completed");
    await until("another attempt", () => collector.requests > requests);
    // By itself, before it would be killed.
    expect(await world.stack.service.process.stop()).toBe(0);
    expect(warnings()).toHaveLength(1);
  });
});
