import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_ON_ERROR } from "../model.ts";
import { agentSpecSchema, makeSpec } from "./index.ts";

const code = "0123456789abcdef".repeat(4);

test("what a definition leaves out has its default", () => {
  assert.deepEqual(makeSpec({ fields: {}, code, owner: "shell-1f3a" }), {
    name: "agent",
    code,
    replaced: {},
    isolation: "process",
    limits: { handlerMs: 5_000, memoryMb: 64, briefcaseBytes: 1024 * 1024 },
    onError: DEFAULT_ON_ERROR,
    owner: "shell-1f3a",
  });
});

test("what a definition says holds, but for a name that was asked for", () => {
  const fields = {
    name: "its-own",
    isolation: "thread",
    limits: { memoryMb: 8 },
    onError: { retry: 7 },
  } as const;
  const spec = makeSpec({ fields, code, owner: "foo", name: "asked-for" });
  assert.equal(spec.name, "asked-for");
  assert.equal(spec.isolation, "thread");
  assert.deepEqual(spec.limits, { handlerMs: 5_000, memoryMb: 8, briefcaseBytes: 1024 * 1024 });
  assert.deepEqual(spec.onError, { ...DEFAULT_ON_ERROR, retry: 7 });
  assert.deepEqual(agentSpecSchema.parse(JSON.parse(JSON.stringify(spec))), spec);
});

test("the earlier name of an isolation is still read", () => {
  const spec = makeSpec({ fields: { isolation: "worker" }, code, owner: "foo" });
  assert.equal(spec.isolation, "process");
  assert.equal(agentSpecSchema.parse({ ...spec, isolation: "worker" }).isolation, "process");
});

test("values out of range are refused, with their place", () => {
  const make = (fields: object, name?: string) => () =>
    makeSpec({ fields, code, owner: "foo", name });
  assert.throws(make({ limits: { memoryMb: 0 } }), {
    code: "agent-invalid",
    where: "limits.memoryMb",
  });
  assert.throws(make({ onError: { backoffMs: -1 } }), {
    code: "agent-invalid",
    where: "onError.backoffMs",
  });
  assert.throws(make({}, "no/slash"), { code: "agent-invalid", where: "name" });
  assert.equal(agentSpecSchema.safeParse({ name: "a" }).success, false);
});
