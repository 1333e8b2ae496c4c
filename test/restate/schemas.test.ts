import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { jsonSchemaOf, parseBody } from "../../src/restate/body.ts";
import { DeployRequest, DeployResponse, NotifyReadyRequest } from "../../src/restate/deploy-schemas.ts";
import { FreezeRequest, FreezeResponse, UnfreezeRequest } from "../../src/restate/freeze-schemas.ts";
import { HistoryRequest, HistoryResponse } from "../../src/restate/history-schemas.ts";
import { PlanResponse } from "../../src/restate/plan-schemas.ts";
import { RollbackResponse } from "../../src/restate/rollback-schemas.ts";
import {
  GuardedRequest,
  ResumeRequest,
  RetryRequest,
  RollbackRequest,
  RolloutRequest,
  StatusRequest,
} from "../../src/restate/rollout-requests.ts";
import { RolloutResponse, StatusResponse } from "../../src/restate/rollout-schemas.ts";

const REQUESTS = {
  RolloutRequest,
  StatusRequest,
  GuardedRequest,
  ResumeRequest,
  RetryRequest,
  RollbackRequest,
  FreezeRequest,
  UnfreezeRequest,
  HistoryRequest,
  DeployRequest,
  NotifyReadyRequest,
};
const RESPONSES = {
  RolloutResponse,
  StatusResponse,
  RollbackResponse,
  FreezeResponse,
  PlanResponse,
  HistoryResponse,
  DeployResponse,
};

function examplesOf(schema: z.ZodType): unknown[] {
  const examples = schema.meta()?.examples;
  return Array.isArray(examples) ? examples : [];
}

describe("the schemas that the playground shows", () => {
  it.each(Object.entries(REQUESTS))("%s has an example that is accepted as it is", (_, schema) => {
    expect(examplesOf(schema)).not.toEqual([]);
    for (const example of examplesOf(schema)) {
      expect(parseBody<unknown>(schema, JSON.stringify(example))).toEqual({ ok: true, value: example });
    }
  });

  it.each(Object.entries(RESPONSES))("%s has an example with every field as the schema says", (_, schema) => {
    expect(examplesOf(schema)).not.toEqual([]);
    for (const example of examplesOf(schema)) expect(schema.strict().parse(example)).toEqual(example);
  });

  it.each(Object.entries(REQUESTS))("%s describes each of its fields", (_, schema) => {
    for (const [name, field] of Object.entries(schema.shape)) {
      expect((field as z.ZodType).description, name).toMatch(/\.$/);
    }
  });

  it.each(Object.entries({ ...REQUESTS, ...RESPONSES }))("%s has no bounds that say nothing", (_, schema) => {
    const shown = JSON.stringify([jsonSchemaOf(schema), jsonSchemaOf(schema, "output")]);
    expect(shown).not.toContain(String(Number.MAX_SAFE_INTEGER));
  });
});
