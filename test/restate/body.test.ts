import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { accepted, BadRequestError, bodyOf, parseBody } from "../../src/restate/body.ts";
import { DeployRequest, NotifyReadyRequest } from "../../src/restate/deploy-schemas.ts";
import { FreezeRequest, UnfreezeRequest } from "../../src/restate/freeze-schemas.ts";
import { HistoryRequest } from "../../src/restate/history-schemas.ts";
import {
  GuardedRequest,
  ResumeRequest,
  RetryRequest,
  RollbackRequest,
  RolloutRequest,
  StatusRequest,
} from "../../src/restate/rollout-requests.ts";
import { generated, handPicked } from "../support/bad-bodies.ts";
import { seedOf } from "../support/seed.ts";

/** How many generated ones. */
const GENERATED = 2_000;
const SCHEMAS: Record<string, z.ZodType> = {
  ...{ Rollout: RolloutRequest, Plan: RolloutRequest, History: HistoryRequest },
  ...{ Resume: ResumeRequest, Cancel: GuardedRequest, RollbackAll: RollbackRequest },
  ...{ Pause: GuardedRequest, Abort: RollbackRequest, RetryFailed: RetryRequest },
  ...{ Freeze: FreezeRequest, Unfreeze: UnfreezeRequest },
  ...{ Deploy: DeployRequest, NotifyReady: NotifyReadyRequest },
};

const IMAGE = "ghcr.io/unkeyed/sentinel:v1.2.3";

/** The value, or the sentence that the caller reads. */
function read(schema: z.ZodType, text: string): unknown {
  const body = parseBody(schema, text);
  return body.ok ? body.value : body.problem;
}

const withImage = (rest: string) => `{"image":"${IMAGE}",${rest}}`;

describe("a body that is taken", () => {
  const cases: [name: string, schema: z.ZodType, text: string, value: object][] = [
    ["of a Rollout", RolloutRequest, `{"image":"${IMAGE}"}`, { image: IMAGE }],
    [
      "of a Rollout with waves",
      RolloutRequest,
      withImage('"wave_percentages":[10,100]'),
      { image: IMAGE, wave_percentages: [10, 100] },
    ],
    [
      "in the protobuf-JSON spelling",
      RolloutRequest,
      withImage('"wavePercentages":[100]'),
      { image: IMAGE, wave_percentages: [100] },
    ],
    [
      "of a Rollout that soaks",
      RolloutRequest,
      withImage(
        '"wave_percentages":[50,100],"soak_seconds":[0,86400],"max_regressions":"2.5%","on_failure":"pause"',
      ),
      {
        ...{ image: IMAGE, wave_percentages: [50, 100] },
        ...{ soak_seconds: [0, 86_400], max_regressions: "2.5%", on_failure: "pause" },
      },
    ],
    [
      "of a Rollout that soaks, in the protobuf-JSON spelling",
      RolloutRequest,
      withImage('"soakSeconds":600,"maxRegressions":0,"onFailure":"rollback"'),
      { image: IMAGE, soak_seconds: 600, max_regressions: 0, on_failure: "rollback" },
    ],
    [
      "of a Deploy in the protobuf-JSON spelling",
      DeployRequest,
      '{"cpuMillicores":500,"memoryMib":256,"desiredReplicas":3}',
      { cpu_millicores: 500, memory_mib: 256, desired_replicas: 3 },
    ],
    [
      "of a Deploy that keeps everything",
      DeployRequest,
      '{"image":"","cpu_millicores":0,"memory_mib":0,"desired_replicas":0}',
      { image: "", cpu_millicores: 0, memory_mib: 0, desired_replicas: 0 },
    ],
    [
      "of a Rollout in spite of a freeze",
      RolloutRequest,
      withImage('"overrideFreeze":true,"comment":"the fix"'),
      { image: IMAGE, override_freeze: true, comment: "the fix" },
    ],
    [
      "of a Resume that overrides nothing",
      ResumeRequest,
      '{"override_freeze":false}',
      { override_freeze: false },
    ],
    [
      "of a Freeze",
      FreezeRequest,
      '{"reason":"closing","until":"2026-01-31T08:00:00+05:30"}',
      { reason: "closing", until: "2026-01-31T08:00:00+05:30" },
    ],
    ["that is empty, of a verb that may be guarded", GuardedRequest, "", {}],
    [
      "of a guarded verb",
      GuardedRequest,
      '{"rollout_id":"7781234a","wave":2}',
      { rollout_id: "7781234a", wave: 2 },
    ],
    [
      "of a guarded verb in the protobuf-JSON spelling",
      GuardedRequest,
      '{"rolloutId":"7781234a"}',
      { rollout_id: "7781234a" },
    ],
    ["that is empty, of a Deploy", DeployRequest, "", {}],
    ["that is empty, of Status", StatusRequest, "", {}],
    ["that is blank", StatusRequest, " \n\t", {}],
    ["that is {}", StatusRequest, "{}", {}],
    ["of Status in detail", StatusRequest, '{"detail":true}', { detail: true }],
    ["that is empty, of NotifyReady", NotifyReadyRequest, "", {}],
    [
      "of NotifyReady with any image: it is a hint",
      NotifyReadyRequest,
      '{"image":"whatever"}',
      { image: "whatever" },
    ],
  ];

  it.each(cases)("%s", (_, schema, text, value) => {
    expect(read(schema, text)).toEqual(value);
  });
});

const ROLLOUT_TAKES =
  "expected image, wave_percentages, max_failures, max_total_failures, max_in_flight, ramp, soak_seconds, max_regressions, on_failure, override_freeze, comment.";

describe("a body that is refused", () => {
  const rollout: [text: string, sentence: string][] = [
    ["", "The field image is required: it must be a string."],
    ["{}", "The field image is required: it must be a string."],
    ["{", 'The body must be JSON, but it is malformed: "{".'],
    ["image=x", 'The body must be JSON, but it is malformed: "image=x".'],
    ["{'image': 'x'}", `The body must be JSON, but it is malformed: "{'image': 'x'}".`],
    ["[]", "The body must be a JSON object such as {}, got []."],
    ["null", "The body must be a JSON object such as {}, got null."],
    ['"x:v1"', 'The body must be a JSON object such as {}, got "x:v1".'],
    ["42", "The body must be a JSON object such as {}, got 42."],
    ['{"image":3}', "The field image must be a string, got 3."],
    ['{"image":null}', "The field image must be a string, got null."],
    ['{"image":["x:v1"]}', 'The field image must be a string, got ["x:v1"].'],
    ['{"image":""}', 'The field image must not be empty, got "".'],
    [
      '{"image":"ghcr.io/unkeyed/sentinel"}',
      'The field image must have an explicit tag or digest, such as ghcr.io/unkeyed/sentinel:v1.2.3, got "ghcr.io/unkeyed/sentinel".',
    ],
    [
      `{"image":"${"a".repeat(400)}:v1"}`,
      `The field image must be at most 255 characters (it has 403), got "${"a".repeat(78)}….`,
    ],
    ['{"img":"x:v1"}', `The field "img" is unknown; ${ROLLOUT_TAKES}`],
    [withImage('"Image":"y:v1"'), `The field "Image" is unknown; ${ROLLOUT_TAKES}`],
    [withImage('"IMAGE":"y:v1"'), `The field "IMAGE" is unknown; ${ROLLOUT_TAKES}`],
    [withImage('"slackChannel":"#x"'), `The field "slackChannel" is unknown; ${ROLLOUT_TAKES}`],
    [withImage('"__proto__":{}'), `The field "__proto__" is unknown; ${ROLLOUT_TAKES}`],
    [withImage('"constructor":{}'), `The field "constructor" is unknown; ${ROLLOUT_TAKES}`],
    [withImage('"toString":1'), `The field "toString" is unknown; ${ROLLOUT_TAKES}`],
    [withImage('"a\\nb":1'), `The field "a\\nb" is unknown; ${ROLLOUT_TAKES}`],
    [
      withImage('"wavePercentages":[100],"wave_percentages":[100]'),
      "The field wave_percentages is given twice, also as wavePercentages.",
    ],
    [
      withImage('"wave_percentages":[100],"wavePercentages":[100]'),
      "The field wave_percentages is given twice, also as wavePercentages.",
    ],
    [
      withImage('"wave_percentages":null'),
      "The field wave_percentages must be a list of whole numbers such as [10, 100], got null.",
    ],
    [
      withImage('"wave_percentages":"10,100"'),
      'The field wave_percentages must be a list of whole numbers such as [10, 100], got "10,100".',
    ],
    [
      withImage('"wave_percentages":[]'),
      "The field wave_percentages must have at least one wave, such as [100], got [].",
    ],
    [withImage('"wave_percentages":[10,50]'), "The field wave_percentages must end with 100, got [10,50]."],
    [
      withImage('"wave_percentages":[0,100]'),
      "The field wave_percentages[0] must be a whole number from 1 to 100, got 0.",
    ],
    [
      withImage('"wave_percentages":[10,101]'),
      "The field wave_percentages[1] must be a whole number from 1 to 100, got 101.",
    ],
    [
      withImage('"wave_percentages":[1.5,100]'),
      "The field wave_percentages[0] must be a whole number from 1 to 100, got 1.5.",
    ],
    [
      withImage('"wave_percentages":["10",100]'),
      'The field wave_percentages[0] must be a whole number from 1 to 100, got "10".',
    ],
    [
      withImage('"wave_percentages":[10,10,100]'),
      "The field wave_percentages[1] must be greater than the 10 before it, got 10.",
    ],
    [
      withImage('"soak_seconds":86401'),
      "The field soak_seconds must be a whole number of seconds from 0 to 86400, or a list of one for each wave percentage, got 86401.",
    ],
    [
      withImage('"wave_percentages":[50,100],"soak_seconds":[60,-1]'),
      "The field soak_seconds[1] must be a whole number of seconds from 0 to 86400, got -1.",
    ],
    [
      withImage('"wave_percentages":[50,100],"soak_seconds":[60]'),
      "The field soak_seconds must have one number for each of the 2 wave percentages, got [60].",
    ],
    [
      withImage('"max_regressions":"2%"'),
      'The field max_regressions needs soak_seconds: without it nobody looks for regressions, got "2%".',
    ],
    [withImage('"onFailure":"stop"'), 'The field on_failure must be "pause" or "rollback", got "stop".'],
    [
      withImage('"wave_percentages":[50,25,100]'),
      "The field wave_percentages[1] must be greater than the 50 before it, got 25.",
    ],
  ];
  it.each(rollout)("by Rollout: %s", (text, sentence) => {
    expect(read(RolloutRequest, text)).toBe(sentence);
  });

  const deploy: [text: string, sentence: string][] = [
    ['{"cpu_millicores":-1}', "The field cpu_millicores must be a whole number from 0 to 1000000, got -1."],
    [
      '{"cpuMillicores":"250m"}',
      'The field cpu_millicores must be a whole number from 0 to 1000000, got "250m".',
    ],
    ['{"memory_mib":1.5}', "The field memory_mib must be a whole number from 0 to 16777216, got 1.5."],
    ['{"memory_mib":1e300}', "The field memory_mib must be a whole number from 0 to 16777216, got 1e+300."],
    [
      '{"desired_replicas":null}',
      "The field desired_replicas must be a whole number from 0 to 10000, got null.",
    ],
    [
      '{"image":"x"}',
      'The field image must have an explicit tag or digest, such as ghcr.io/unkeyed/sentinel:v1.2.3, got "x".',
    ],
    [
      '{"replicas":3}',
      'The field "replicas" is unknown; expected image, cpu_millicores, memory_mib, desired_replicas.',
    ],
    [
      '{"desiredReplicas":3,"desired_replicas":3}',
      "The field desired_replicas is given twice, also as desiredReplicas.",
    ],
  ];
  it.each(deploy)("by Deploy: %s", (text, sentence) => {
    expect(read(DeployRequest, text)).toBe(sentence);
  });

  it("by Status: another field, and a detail that is neither true nor false", () => {
    expect(read(StatusRequest, `{"image":"${IMAGE}"}`)).toBe(
      'The field "image" is unknown; expected detail.',
    );
    expect(read(StatusRequest, '{"detail":"yes"}')).toBe(
      'The field detail must be true or false, got "yes".',
    );
    expect(read(StatusRequest, "[]")).toBe("The body must be a JSON object such as {}, got [].");
  });

  it("by NotifyReady", () => {
    expect(read(NotifyReadyRequest, '{"image":3}')).toBe("The field image must be a string, got 3.");
    expect(read(NotifyReadyRequest, '{"img":""}')).toBe('The field "img" is unknown; expected image.');
  });

  it("becomes a BadRequestError in the handler", () => {
    expect(() => accepted(parseBody(StatusRequest, "3"))).toThrow(BadRequestError);
    expect(accepted(parseBody(StatusRequest, ""))).toEqual({});
  });

  it("does not make the serde throw, not even for bytes that are no text", () => {
    const { deserialize } = bodyOf(RolloutRequest);
    expect(deserialize(new Uint8Array([0xff, 0xfe, 0x00]))).toMatchObject({ ok: false });
    expect(deserialize(new Uint8Array())).toMatchObject({ ok: false });
    expect(deserialize(new TextEncoder().encode(`{"image":"${IMAGE}"}`))).toEqual({
      ok: true,
      value: { image: IMAGE },
    });
  });
});

describe("what people and scripts get wrong", () => {
  it.each([
    ["hand-picked", handPicked()],
    ["generated", generated(seedOf("bad requests"), GENERATED)],
  ])("is refused in a sentence that names field, value and expectation (%s)", (_, requests) => {
    for (const { handler, body, says } of requests) {
      const what = `${handler} ${body.slice(0, 200)}`;
      const sentence = String(read(SCHEMAS[handler] ?? StatusRequest, body));
      expect(sentence, what).toMatch(/^[A-Z][^\n\r]{9,299}\.$/);
      for (const said of says) expect(sentence, what).toContain(said);
    }
  });
});

describe("whatever a caller sends", () => {
  const schemas = [RolloutRequest, DeployRequest, StatusRequest, NotifyReadyRequest];
  const names = [
    "image",
    "wave_percentages",
    "wavePercentages",
    "cpu_millicores",
    "cpuMillicores",
    "memoryMib",
  ];
  const key = fc.oneof(
    fc.constantFrom(...names, "__proto__", "constructor", "hasOwnProperty", "A", ""),
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.constantFrom(
      "k".repeat(1_000),
      "K".repeat(1_000),
      `${"k".repeat(500)}A`,
      `${"k".repeat(500)}_a`,
      "\n\r\t",
    ),
  );
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.array(fc.oneof(fc.integer({ min: -1, max: 102 }), fc.jsonValue({ maxDepth: 1 })), { maxLength: 200 }),
    fc.string({ unit: "binary", maxLength: 2_000 }),
    fc.constantFrom("x:v1", "\n\n\n", "\u2028", 1e308, -0),
  );
  const object = fc
    .array(fc.tuple(key, value), { maxLength: 5 })
    .map(
      (fields) =>
        `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${JSON.stringify(field)}`).join()}}`,
    );
  const text = fc.oneof(object, fc.json(), fc.string({ unit: "binary", maxLength: 500 }));

  it("is taken, or refused in one sentence on one line of at most 300 characters", () => {
    fc.assert(
      fc.property(fc.constantFrom(...schemas), text, (schema, body) => {
        const parsed = parseBody<unknown>(schema, body);
        if (parsed.ok) return;
        expect(parsed.problem).toMatch(/^The (body|field) [^\n\r]*\.$/);
        expect(parsed.problem.length).toBeLessThanOrEqual(300);
        expect(parsed.problem).not.toMatch(/invalid_type|unrecognized_keys|ZodError|"code"/);
      }),
      { numRuns: 2_000 },
    );
  });

  it("may be nested without end", () => {
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    const shown = "got a value that is nested too deep.";
    expect(parseBody(RolloutRequest, deep)).toMatchObject({ problem: expect.stringContaining(shown) });
    expect(parseBody(RolloutRequest, `{"image":${deep}}`)).toMatchObject({
      problem: `The field image must be a string, ${shown}`,
    });
  });

  it("is shown without a character cut in two", () => {
    for (const before of ["", "x"]) {
      const body = JSON.stringify({ image: `${before}${"🚀".repeat(100)}` });
      const parsed = parseBody(RolloutRequest, body);
      expect(parsed.ok || parsed.problem.isWellFormed()).toBe(true);
      expect(parsed.ok || parsed.problem).toContain("🚀…");
    }
  });

  it("is never added to what the service itself holds", () => {
    parseBody(StatusRequest, '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}');
    expect({}).not.toHaveProperty("polluted");
  });
});
