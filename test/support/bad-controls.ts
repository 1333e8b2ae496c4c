import { NEW } from "./world.ts";

/** A field of a verb's body, what it must not be, and what the sentence says of it. */
interface BadField {
  handlers: string[];
  field: string;
  /** As the sentence names it, where that is not how it is sent. */
  named?: string;
  /** The element that the sentence names. */
  part?: string;
  values: unknown[];
  says: string;
}

const WITH_LIMITS = ["Rollout", "Plan"];
const NOT_BOOLEANS = ["true", 1, 0, null, [], {}];
const NOT_LIMITS = [-1, 1.5, "", "2", "%", "-1%", "101%", "100.01%", "2 %", "1e1%", "2.345%", "02%", null];
const NOT_COUNTS = [0, -1, 1.5, "3", null, [], {}, true, 1e300];
const COMMENTED = ["Rollout", "Plan", "Resume", "Cancel", "Pause", "RollbackAll", "Abort", "RetryFailed"];

const SECONDS = "must be a whole number of seconds from 0 to 86400";
/** For the five default percentages. */
const soaksWith = (last: unknown) => [0, 60, 60, 60, last];

const FIELDS: BadField[] = [
  ...["max_failures", "max_total_failures", "max_regressions", "maxRegressions"].map((field) => ({
    handlers: WITH_LIMITS,
    field,
    named: field === "maxRegressions" ? "max_regressions" : field,
    values: [...NOT_LIMITS, "2.5.1%", [], {}, true, 1e300],
    says: 'must be a whole number from 0, or a percentage such as "2%"',
  })),
  {
    handlers: WITH_LIMITS,
    field: "max_in_flight",
    values: NOT_COUNTS,
    says: "must be a whole number from 1",
  },
  ...["soak_seconds", "soakSeconds"].map((field) => ({
    ...{ handlers: WITH_LIMITS, field, named: "soak_seconds" },
    values: [-1, 86_401, 1.5, "600", "", null, {}, true, 1e300, ...["60", null, 1.5].map(soaksWith)],
    says: `${SECONDS}, or a list of one for each wave percentage`,
  })),
  {
    ...{ handlers: WITH_LIMITS, field: "soak_seconds", part: "[4]" },
    values: [-1, 86_401].map(soaksWith),
    says: `${SECONDS}, got`,
  },
  {
    ...{ handlers: WITH_LIMITS, field: "soak_seconds" },
    values: [[], [60], [0, 60, 60, 60], [0, 60, 60, 60, 60, 60]],
    says: "must have one number for each of the 5 wave percentages",
  },
  {
    ...{ handlers: WITH_LIMITS, field: "max_regressions" },
    values: [0, 1, "2%"],
    says: "needs soak_seconds",
  },
  ...["on_failure", "onFailure"].map((field) => ({
    ...{ handlers: WITH_LIMITS, field, named: "on_failure" },
    values: ["stop", "Rollback", "", null, true, 1, [], {}],
    says: 'must be "pause" or "rollback"',
  })),
  { handlers: WITH_LIMITS, field: "ramp", values: NOT_BOOLEANS, says: "must be true or false" },
  {
    handlers: ["RollbackAll", "Abort"],
    field: "include_failed",
    values: NOT_BOOLEANS,
    says: "must be true or false",
  },
  { handlers: ["RetryFailed"], field: "resume", values: NOT_BOOLEANS, says: "must be true or false" },
  {
    handlers: ["RetryFailed"],
    field: "sentinel_ids",
    values: [null, "sen_0001", 7, {}, true, [], Array.from({ length: 101 }, (_, i) => `sen_${i}`)],
    says: "must be a list of 1 to 100 ids",
  },
  ...[
    { values: [[7], [null], [{}], [["sen_0001"]]], part: "[0]", says: "must be a string" },
    { values: [[""]], part: "[0]", says: "must not be empty" },
    { values: [["x".repeat(65)]], part: "[0]", says: "must have at most 64 characters" },
    { values: [["sen_0001", "sen_0001"]], part: "[1]", says: "must be named once" },
  ].map((each) => ({ handlers: ["RetryFailed"], field: "sentinel_ids", ...each })),
  { handlers: COMMENTED, field: "comment", values: [7, null, ["why"], {}], says: "must be a string" },
  {
    handlers: COMMENTED,
    field: "comment",
    values: ["x".repeat(501)],
    says: "must have at most 500 characters",
  },
];

/** What people get wrong in the fields that control a rollout. */
export function badControls(): { handler: string; body: string; says: string[] }[] {
  return FIELDS.flatMap(({ handlers, field, named = field, part = "", values, says }) =>
    handlers.flatMap((handler) =>
      values.map((value) => ({
        handler,
        body: JSON.stringify({ ...(WITH_LIMITS.includes(handler) ? { image: NEW } : {}), [field]: value }),
        says: [`${named}${part} ${says}`, "got"],
      })),
    ),
  );
}
