import { z } from "zod";
import { httpUrl } from "./util/http-url.ts";

/** Which spans are exported. Where to, and with which headers, the exporter reads from its own standard variables. */
export interface TracingConfig {
  sampler: (typeof SAMPLERS)[number];
  /** Share of traces that is kept (0 to 1) where `sampler` decides by ratio. */
  ratio: number;
  /** Between two exports. */
  delayMs: number;
  /** At most this many spans wait for their export; more are dropped. */
  queueSize: number;
}

const SAMPLERS = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

/** The one protocol that is spoken; http/json and grpc would be packages of their own. */
const protocol = z.literal("http/protobuf", "must be http/protobuf").optional();
/** `name=value,…`: the exporter puts them into headers. */
const headers = z
  .string()
  .regex(/^[\x20-\x7e]*$/, "must be one line of ASCII characters")
  .optional();

const whole = (fallback: number) =>
  z
    .string()
    .regex(/^[1-9]\d{0,6}$/, "must be a whole number above 0")
    .default(String(fallback))
    .transform(Number);

/** OpenTelemetry's standard variables, as far as this service decides on them. */
export const tracingVariables = {
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: httpUrl.optional(),
  OTEL_EXPORTER_OTLP_HEADERS: headers,
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: headers,
  OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: protocol,
  OTEL_SDK_DISABLED: z.string().optional(),
  OTEL_TRACES_EXPORTER: z.enum(["otlp", "none"], "must be otlp or none").optional(),
  OTEL_TRACES_SAMPLER: z
    .enum(SAMPLERS, `must be one of ${SAMPLERS.join(", ")}`)
    .default("parentbased_always_on"),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^(0(\.\d+)?|1(\.0+)?)$/, "must be a number from 0 to 1")
    .default("1")
    .transform(Number),
  OTEL_BSP_SCHEDULE_DELAY: whole(5_000),
  OTEL_BSP_MAX_QUEUE_SIZE: whole(2_048),
};

type Variables = z.infer<z.ZodObject<typeof tracingVariables>>;

/** Undefined: nothing is traced, as is the case unless an endpoint is named. */
export function tracingOf(variables: Variables): TracingConfig | undefined {
  const endpoint = variables.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? variables.OTEL_EXPORTER_OTLP_ENDPOINT;
  const off =
    variables.OTEL_SDK_DISABLED?.toLowerCase() === "true" || variables.OTEL_TRACES_EXPORTER === "none";
  if (endpoint === undefined || off) return undefined;
  return {
    sampler: variables.OTEL_TRACES_SAMPLER,
    ratio: variables.OTEL_TRACES_SAMPLER_ARG,
    delayMs: variables.OTEL_BSP_SCHEDULE_DELAY,
    queueSize: variables.OTEL_BSP_MAX_QUEUE_SIZE,
  };
}
