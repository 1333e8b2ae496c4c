import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type ReadableSpan,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { HooksProvider } from "@restatedev/restate-sdk";
import { openTelemetryHook } from "@restatedev/restate-sdk-opentelemetry";
import type { Logger } from "./log.ts";
import { ROLLOUT_ID_HEADER, WAVE_HEADER } from "./restate/contract.ts";
import type { TracingConfig } from "./tracing-config.ts";
import { atMost } from "./util/at-most.ts";

export interface Tracing {
  /** Makes a span of each attempt of a handler, and of each step that it really runs. */
  hook: HooksProvider;
  /** Exports what is left, for up to `graceMs`. */
  close(graceMs: number): Promise<void>;
}

const SERVICE = "sentinel-rollout";
/** Most spans of one export. */
const BATCH = 512;

/** Exports in batches and in the background; while the collector is away, what does not fit the queue is dropped. */
export function startTracing(config: TracingConfig, logger: Logger): Tracing {
  const fromEnvironment = detectResources({ detectors: [envDetector] });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": SERVICE }).merge(fromEnvironment),
    sampler: samplerOf(config),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: reporting(new OTLPTraceExporter(), logger),
        scheduledDelayMillis: config.delayMs,
        maxQueueSize: config.queueSize,
        maxExportBatchSize: Math.min(config.queueSize, BATCH),
      }),
    ],
  });
  const hook = openTelemetryHook({
    tracer: provider.getTracer(SERVICE),
    additionalAttemptAttributes: ({ request: { headers } }) => ({
      "sentinel_rollout.id": headers.get(ROLLOUT_ID_HEADER),
      "sentinel_rollout.wave": headers.get(WAVE_HEADER),
    }),
  });
  return {
    hook,
    async close(graceMs) {
      await atMost(
        graceMs,
        provider.shutdown().catch(() => undefined),
        () => undefined,
      );
    },
  };
}

/** Says once that the collector does not take the spans, and once that it does again. */
function reporting(exporter: SpanExporter, logger: Logger): SpanExporter {
  let failing = false;
  return {
    export(spans: ReadableSpan[], done: (result: ExportResult) => void) {
      exporter.export(spans, (result) => {
        const failed = result.code !== ExportResultCode.SUCCESS;
        if (failed && !failing) logger.warn({ reason: reasonOf(result.error) }, "traces cannot be exported");
        if (!failed && failing) logger.info("traces are exported again");
        failing = failed;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
  };
}

/** A code and nothing else: a message may hold the URL with its credentials. */
function reasonOf(error: Error | undefined): string {
  return error !== undefined && "code" in error ? String(error.code) : "no answer";
}

function samplerOf({ sampler, ratio }: TracingConfig): Sampler {
  switch (sampler) {
    case "always_on":
      return new AlwaysOnSampler();
    case "always_off":
      return new AlwaysOffSampler();
    case "traceidratio":
      return new TraceIdRatioBasedSampler(ratio);
    case "parentbased_always_on":
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
    case "parentbased_always_off":
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case "parentbased_traceidratio":
      return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) });
  }
}
