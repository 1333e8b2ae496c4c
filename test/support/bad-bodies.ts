import fc from "fast-check";
import { badControls } from "./bad-controls.ts";
import { NEW } from "./world.ts";

/** A request that must be refused. */
export interface BadRequest {
  handler: string;
  /** Sent as it is. */
  body: string;
  /** What the sentence must say: the field, the value, or what was expected. */
  says: string[];
  /** Default 400. */
  status?: number;
}

export const VERBS = [
  ...["Rollout", "Resume", "Cancel", "RollbackAll", "Pause", "Abort", "RetryFailed"],
  ...["Freeze", "Unfreeze", "Status", "Plan", "History"],
];
const SENTINEL_HANDLERS = ["Deploy", "NotifyReady"];
const WITH_IMAGE = ["Rollout", "Plan", "Deploy"];
const WITH_WAVES = ["Rollout", "Plan"];
export const GUARDED = ["Resume", "Cancel", "RollbackAll", "Pause", "Abort", "RetryFailed"];

const NOT_JSON = [
  "{",
  "}",
  '{"image":',
  "{'image': 'x:v1'}",
  "image=x:v1",
  "nul",
  "{} {}",
  "\u0000",
  "{,}",
  "<xml/>",
];
const NOT_AN_OBJECT = ["[]", "null", "true", "7", '"x:v1"', '[{"image":"x:v1"}]'];

const NOT_STRINGS = [7, 0, true, false, null, [], ["x:v1"], {}, { name: "x:v1" }];
const BAD_IMAGES = [
  " ",
  "not an image",
  "ghcr.io/unkeyed/sentinel",
  "ghcr.io/unkeyed/sentinel:",
  "ghcr.io/unkeyed/sentinel:v1.2.3 ",
  " ghcr.io/unkeyed/sentinel:v1.2.3",
  "ghcr.io/unkeyed/sentinel:v1.2.3\n",
  "ghcr.io/unkeyed/sentinel:v1 2",
  "ghcr.io/unkeyed/sentinel:-v1",
  `ghcr.io/unkeyed/sentinel:${"v".repeat(129)}`,
  "ghcr.io/Unkeyed/sentinel:v1",
  "ghcr.io//sentinel:v1",
  "/sentinel:v1",
  "ghcr.io/unkeyed/sentinel/:v1",
  "https://ghcr.io/unkeyed/sentinel:v1",
  "ghcr.io:port/unkeyed/sentinel:v1",
  "-ghcr.io/unkeyed/sentinel:v1",
  "ghcr.io/unkeyed/sentinel:v1:v2",
  "ghcr.io/unkeyed/sentinel@sha256:abc",
  "ghcr.io/unkeyed/sentinel@v1",
  "ghcr.io/unkeyed/sentinel@",
  `ghcr.io/unkeyed/sentinel@sha256:${"g".repeat(64)}`,
  `ghcr.io/unkeyed/sentinel@sha256:${"a".repeat(63)}`,
  "../sentinel:v1",
  "sentinel:v1; rm -rf /",
  "sentinel:v1' OR '1'='1",
  "ghcr.io/unkeyed/sentinel:v1\u0000",
  "ghcr.io/unkeyed/séntinel:v1",
  "🚀:v1",
  "\ud800:v1",
  `sentinel:${"a".repeat(300)}`,
  `${"a/".repeat(130)}sentinel:v1`,
];

/** Waves, and the part of the field that the sentence names. */
const BAD_WAVES: [waves: unknown, names: string][] = [
  [null, ""],
  [100, ""],
  ["10,100", ""],
  [{}, ""],
  [{ 0: 100 }, ""],
  [true, ""],
  [[], ""],
  [[50], ""],
  [[1, 5, 25, 50], ""],
  [[0, 100], "[0]"],
  [[-1, 100], "[0]"],
  [[101], "[0]"],
  [[50, 101], "[1]"],
  [[1.5, 100], "[0]"],
  [[99.999, 100], "[0]"],
  [["50", 100], "[0]"],
  [[null, 100], "[0]"],
  [[[50], 100], "[0]"],
  [[50, 50, 100], "[1]"],
  [[50, 20, 100], "[1]"],
  [[100, 100], "[1]"],
  [[10, 1e300, 100], "[1]"],
];

const UNKNOWN = [
  "colour",
  "Image",
  "IMAGE",
  "images",
  "",
  " image",
  "wave-percentages",
  "constructor",
  "toString",
];
/** As text: as a literal it would be no field but the object's prototype. */
const UNKNOWN_AS_TEXT: [body: string, field: string][] = [
  ['{"__proto__": {"image": "x:v1"}}', '"__proto__"'],
  ['{"a\\nb": 1}', '"a\\nb"'],
  ['{"a\\u2028b": 1}', '"a'],
];

const BAD_LIMITS = [0, -1, 1_001, 1.5, "20", null, [], {}, true, 1e300];

const BAD_DETAILS = [null, 0, 1, "true", "", "yes", [], [true], {}, { slowest: true }];

const BAD_NAMES = [...NOT_STRINGS, "", " ", "a b", " a", "a\n", "a\u0000", "é", "🚀", "x".repeat(65)];
const BAD_WAVE_NUMBERS = [0, -1, 1.5, "2", "", null, [], [2], {}, true, 1e300];

const BAD_REASONS = [...NOT_STRINGS, "", " ", "\n\t", "\u0000", "x".repeat(501)];
const BAD_MOMENTS = [
  ...NOT_STRINGS,
  "",
  "tomorrow",
  "2026-01-31",
  "2099-01-31T08:00:00",
  "2099-01-31 08:00:00Z",
  "2099-01-31T08:00Z",
  "2099-02-30T08:00:00Z",
  "2099-01-31T25:00:00Z",
  "2099-01-31T08:00:00 UTC",
  "2099-01-31T08:00:00+25:00",
  " 2099-01-31T08:00:00Z",
  "P1D",
  "4102387200",
];
/** What a freeze keeps from going on, and may be told to go on in spite of it. */
const FREEZABLE = ["Rollout", "Resume", "RetryFailed"];

const AMOUNTS = [
  "cpu_millicores",
  "memory_mib",
  "desired_replicas",
  "cpuMillicores",
  "memoryMib",
  "desiredReplicas",
];
const BAD_AMOUNTS = [-1, 1.5, "3", null, [], {}, true, 1e12, -0.5];

/** One of each kind for each handler: that a handler checks its body is seen with these. */
export function oneOfEachKind(): BadRequest[] {
  const kinds = new Map(handPicked().map((request) => [`${request.handler} ${request.says[0]}`, request]));
  return [...kinds.values()];
}

/** Hand-picked: what people and scripts get wrong. */
export function handPicked(): BadRequest[] {
  const all = [...VERBS, ...SENTINEL_HANDLERS];
  return [
    ...all.flatMap((handler) =>
      NOT_JSON.map((body) => ({ handler, body, says: ["body", "JSON", "malformed"] })),
    ),
    ...all.flatMap((handler) =>
      NOT_AN_OBJECT.map((body) => ({ handler, body, says: ["body", "JSON object", "got"] })),
    ),
    ...all.flatMap((handler) => UNKNOWN.map((field) => unknownField(handler, field))),
    ...all.flatMap((handler) =>
      UNKNOWN_AS_TEXT.map(([body, field]) => ({ handler, body, says: [field, "unknown"] })),
    ),
    ...WITH_IMAGE.map((handler) => {
      return { handler, body: `{"image": "${NEW}", "__proto__": {}}`, says: ['"__proto__"', "unknown"] };
    }),
    ...WITH_WAVES.map((handler) => ({ handler, body: "{}", says: ["image is required"] })),
    ...WITH_WAVES.map((handler) => badImage(handler, "")),
    ...WITH_IMAGE.flatMap((handler) =>
      [...NOT_STRINGS, ...BAD_IMAGES].map((image) => badImage(handler, image)),
    ),
    ...[7, null, []].map((image) => badImage("NotifyReady", image)),
    ...WITH_WAVES.flatMap((handler) => BAD_WAVES.flatMap(([waves, part]) => badWaves(handler, waves, part))),
    ...AMOUNTS.flatMap((field) => BAD_AMOUNTS.map((amount) => badAmount(field, amount))),
    ...BAD_LIMITS.map((limit) => ({
      handler: "History",
      body: JSON.stringify({ limit }),
      says: ["limit must be a whole number from 1 to 1000", "got"],
    })),
    ...[...NOT_STRINGS, "", "x".repeat(65)].map((rollout_id) => ({
      handler: "History",
      body: JSON.stringify({ rollout_id }),
      says: ["rollout_id must", "got"],
    })),
    ...[...NOT_STRINGS, "", "x".repeat(81)].map((after) => ({
      handler: "History",
      body: JSON.stringify({ after }),
      says: ["after must", "got"],
    })),
    ...BAD_DETAILS.map((detail) => ({
      handler: "Status",
      body: JSON.stringify({ detail }),
      says: ["detail must be true or false", "got", started(JSON.stringify(detail))],
    })),
    ...[...NOT_STRINGS, "", "x".repeat(65)].map((actions_after) => ({
      handler: "History",
      body: JSON.stringify({ actions_after }),
      says: ["actions_after must", "got"],
    })),
    ...[...NOT_STRINGS, "", "x".repeat(65)].map((actions_after) => ({
      handler: "History",
      body: JSON.stringify({ actions_after }),
      says: ["actions_after must", "got"],
    })),
    ...GUARDED.flatMap((handler) => BAD_NAMES.flatMap((id) => badName(handler, id))),
    ...GUARDED.flatMap((handler) =>
      BAD_WAVE_NUMBERS.map((wave) => ({
        handler,
        body: JSON.stringify({ rollout_id: "7781234a", wave }),
        says: ["wave must be a whole number from 1", "got"],
      })),
    ),
    ...["{}", '{"until": "2099-01-31T08:00:00Z"}'].map((body) => {
      return { handler: "Freeze", body, says: ["reason is required"] };
    }),
    ...BAD_REASONS.map((reason) => badFreeze({ reason }, "reason must")),
    ...BAD_MOMENTS.map((until) =>
      badFreeze({ until }, "until must be a moment in ISO 8601 with its time zone"),
    ),
    ...FREEZABLE.flatMap((handler) =>
      ["true", 1, null, {}].map((value) =>
        badOverride(handler, value, "override_freeze must be true or false"),
      ),
    ),
    ...FREEZABLE.map((handler) => badOverride(handler, true, "comment is required: it must say why")),
    ...FREEZABLE.flatMap((handler) =>
      ["", " ", "\u200b\n"].map((comment) =>
        badOverride(handler, true, "comment must say why the freeze is overridden", comment),
      ),
    ),
    ...GUARDED.flatMap((handler) => twice(handler, { rollout_id: "a", rolloutId: "a" }, "rollout_id")),
    ...badControls(),
    ...twice("Rollout", { image: NEW, wave_percentages: [100], wavePercentages: [100] }, "wave_percentages"),
    ...twice("Rollout", { image: NEW, soak_seconds: 60, soakSeconds: 60 }, "soak_seconds"),
    ...twice("History", { rollout_id: "a", rolloutId: "a" }, "rollout_id"),
    ...twice("Deploy", { cpu_millicores: 0, cpuMillicores: 0 }, "cpu_millicores"),
  ];
}

const field = fc.string({ maxLength: 30, unit: "grapheme" }).filter((name) => !KNOWN.includes(name));
const KNOWN = [
  "image",
  "wave_percentages",
  "wavePercentages",
  "limit",
  "rollout_id",
  "rolloutId",
  "wave",
  "detail",
  ...["reason", "until", "comment", "override_freeze", "overrideFreeze"],
  ...AMOUNTS,
];

const spoiltImage = fc
  .tuple(
    fc.nat(NEW.length),
    fc.constantFrom(" ", "//", "..", "#", "?", "\\", "%41", "\t", "é", "🚀", "+", "@@", "$(id)"),
  )
  .map(([at, piece]) => NEW.slice(0, at) + piece + NEW.slice(at))
  // A tag may have dots in a row.
  .filter((image) => !/^ghcr\.io\/unkeyed\/sentinel:\w[\w.-]*$/.test(image));
const notAString = fc.jsonValue({ maxDepth: 2 }).filter((value) => typeof value !== "string");

/** Each spoils one thing of a list that would do. */
const spoiltWaves = fc
  .uniqueArray(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 8 })
  .map((percents) => [...percents.sort((a, b) => a - b), 100])
  .chain((good) =>
    fc
      .nat(good.length - 2)
      .chain((at) =>
        fc.constantFrom<[unknown[], string]>(
          [good.slice(0, -1), ""],
          [good.with(at, 0), `[${at}]`],
          [good.with(at, -7), `[${at}]`],
          [good.toSpliced(at, 0, good[at] ?? 0), `[${at + 1}]`],
          [(good as unknown[]).with(at, (good[at] ?? 0) + 0.5), `[${at}]`],
          [(good as unknown[]).with(at, String(good[at])), `[${at}]`],
          [(good as unknown[]).with(at, null), `[${at}]`],
          [[...good, 100], `[${good.length}]`],
          [[...good, 101], `[${good.length}]`],
        ),
      ),
  );

const WHOLE = JSON.stringify({ image: NEW, wave_percentages: [10, 100] });

/** Generated: what nobody thought of. */
export function generated(seed: number, count: number): BadRequest[] {
  const all = fc.constantFrom(...VERBS, ...SENTINEL_HANDLERS);
  const waves = fc.constantFrom(...WITH_WAVES);
  const request = fc.oneof(
    fc.tuple(all, field).map(([handler, name]) => unknownField(handler, name)),
    fc
      .tuple(all, fc.jsonValue({ maxDepth: 3 }))
      .filter(([, json]) => typeof json !== "object" || json === null || Array.isArray(json))
      .map(([handler, json]) => ({ handler, body: JSON.stringify(json), says: ["body", "JSON object"] })),
    fc.tuple(all, fc.integer({ min: 1, max: WHOLE.length - 1 })).map(([handler, length]) => {
      return { handler, body: WHOLE.slice(0, length), says: ["body", "JSON", "malformed"] };
    }),
    fc
      .tuple(fc.constantFrom(...WITH_IMAGE), fc.oneof(spoiltImage, notAString))
      .map(([h, image]) => badImage(h, image)),
    fc
      .tuple(waves, spoiltWaves)
      .map(([handler, [list, part]]) => badWaves(handler, list, part)[0] as BadRequest),
    fc
      .tuple(
        fc.constantFrom(...AMOUNTS),
        fc.oneof(notAString, fc.string({ minLength: 1 }), fc.integer({ max: -1 })),
      )
      .filter(([, amount]) => !Number.isInteger(amount) || Number(amount) < 0)
      .map(([name, amount]) => badAmount(name, amount)),
  );
  return fc.sample(request, { seed, numRuns: count });
}

function unknownField(handler: string, name: string): BadRequest {
  const body = WITH_WAVES.includes(handler) ? { image: NEW, [name]: 1 } : { [name]: 1 };
  return {
    handler,
    body: JSON.stringify(body),
    says: ["unknown", "expected", started(JSON.stringify(name))],
  };
}

function badImage(handler: string, image: unknown): BadRequest {
  return {
    handler,
    body: JSON.stringify({ image }),
    says: ["image must", "got", started(JSON.stringify(image))],
  };
}

/** In both spellings. */
function badWaves(handler: string, waves: unknown, part: string): BadRequest[] {
  const says = [`wave_percentages${part} must`, "got"];
  return ["wave_percentages", "wavePercentages"].map((name) => ({
    handler,
    body: JSON.stringify({ image: NEW, [name]: waves }),
    says,
  }));
}

/** In both spellings. */
function badName(handler: string, id: unknown): BadRequest[] {
  return ["rollout_id", "rolloutId"].map((name) => ({
    handler,
    body: JSON.stringify({ [name]: id }),
    says: ["rollout_id must", "got"],
  }));
}

function badFreeze(fields: object, says: string): BadRequest {
  return { handler: "Freeze", body: JSON.stringify({ reason: "why", ...fields }), says: [says, "got"] };
}

function badOverride(handler: string, override_freeze: unknown, says: string, comment?: string): BadRequest {
  const image = handler === "Rollout" ? { image: NEW } : {};
  return { handler, body: JSON.stringify({ ...image, override_freeze, comment }), says: [says] };
}

function badAmount(name: string, amount: unknown): BadRequest {
  const snake = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const says = [`${snake} must be a whole number from 0 to`, "got", started(JSON.stringify(amount))];
  return { handler: "Deploy", body: JSON.stringify({ [name]: amount }), says };
}

function twice(handler: string, body: object, name: string): BadRequest[] {
  return [{ handler, body: JSON.stringify(body), says: [name, "given twice"] }];
}

/** A long value is shown by its beginning. */
function started(text: string): string {
  return text.slice(0, 60);
}
