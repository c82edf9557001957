import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type AgentState, HANDLER_NAMES } from "../model.ts";
import { specOf, stateOf } from "./agent-set.test.support.ts";
import { decodeAgents, encodeAgents } from "./agent-state-codec.ts";

const hash = fc.string({
  unit: fc.constantFrom(..."0123456789abcdef"),
  minLength: 64,
  maxLength: 64,
});
const state: fc.Arbitrary<AgentState> = fc.record(
  {
    spec: fc.record(
      {
        name: fc.stringMatching(/^[A-Za-z0-9_-]{1,40}$/),
        code: hash,
        replaced: fc.dictionary(fc.constantFrom(...HANDLER_NAMES), fc.option(hash), {
          noNullPrototype: true,
        }),
        isolation: fc.constantFrom("inline", "process", "thread"),
        limits: fc.record(
          {
            handlerMs: fc.integer({ min: 1, max: 600_000 }),
            memoryMb: fc.integer({ min: 1, max: 4_096 }),
            briefcaseBytes: fc.integer({ min: 1, max: 16 * 1024 * 1024 }),
          },
          { noNullPrototype: true },
        ),
        onError: fc.record(
          {
            retry: fc.nat(100),
            backoffMs: fc.nat(10_000),
            // biome-ignore lint/suspicious/noThenProperty: a field of the policy
            then: fc.constantFrom("deadLetter", "skip", "halt"),
          },
          { noNullPrototype: true },
        ),
        owner: fc.string({ minLength: 1, maxLength: 200 }),
      },
      { noNullPrototype: true },
    ),
    briefcase: fc.uint8Array({ maxLength: 100 }),
  },
  { noNullPrototype: true },
);
const states = fc.uniqueArray(state, { selector: ({ spec }) => spec.name, maxLength: 5 });

test("what was encoded is decoded", () => {
  fc.assert(
    fc.property(states, (agents) => {
      assert.deepEqual(decodeAgents(encodeAgents(agents)), agents);
    }),
  );
});

test("truncated bytes, and bytes with trailing data, are not a state", () => {
  fc.assert(
    fc.property(states, fc.nat(), (agents, cut) => {
      const bytes = encodeAgents(agents);
      assert.equal(decodeAgents(bytes.subarray(0, cut % bytes.byteLength)), undefined);
      assert.equal(decodeAgents(Uint8Array.from([...bytes, 0])), undefined);
    }),
  );
});

test("no bytes make the decoder throw", () => {
  const head = encodeAgents([stateOf("counter")]);
  fc.assert(
    fc.property(fc.uint8Array(), fc.nat(head.byteLength - 1), fc.nat(255), (bytes, at, value) => {
      decodeAgents(bytes);
      const damaged = head.slice();
      damaged[at] = value;
      decodeAgents(damaged);
    }),
    { numRuns: 500 },
  );
});

test("invalid specs, repeated names, or too many specs are not a state", () => {
  const refused: (readonly AgentState[])[] = [
    [stateOf("a", {}, { name: "no blanks" })],
    [stateOf("a", {}, { code: "beef" })],
    [stateOf("a", {}, { limits: { handlerMs: 0, memoryMb: 1, briefcaseBytes: 1 } })],
    [{ spec: { ...specOf("a"), extra: 1 } as never, briefcase: new Uint8Array() }],
    [stateOf("a"), stateOf("a")],
    Array.from({ length: 65 }, (_, index) => stateOf(`a${index}`)),
  ];
  for (const agents of refused) assert.equal(decodeAgents(encodeAgents(agents)), undefined);
});
