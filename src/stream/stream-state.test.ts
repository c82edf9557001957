import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { packValue } from "../wire/index.ts";
import { EVENT_HANDLERS, type LifecycleEvent } from "./consumer.ts";
import {
  decodeState,
  encodeState,
  freshState,
  type StreamState,
  withoutNumbers,
} from "./stream-state.ts";

const plain = { noNullPrototype: true } as const;
const whole = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const name = fc.string({ maxLength: 20 });
const bytes = fc.uint8Array({ maxLength: 50 });
const fault = fc.record({ code: name, message: name, agent: name }, plain);
const deaths = fc.array(
  fc.record({ at: whole, site: name, instance: whole, reason: name }, plain),
  { maxLength: 2 },
);
const siteInstance = fc.record({ site: name, instance: whole }, plain);
const pairs = fc.array(
  fc.record(
    { source: whole, sourceName: name, sourceEpoch: whole, consumed: whole, siteInstance },
    plain,
  ),
  { maxLength: 3 },
);
const few = { maxLength: 3 };
const lifecycleEvents: fc.Arbitrary<LifecycleEvent> = fc.oneof(
  fc.record({ type: fc.constant("arrival" as const), from: name }, plain),
  fc.record({ type: fc.constant("siteLeft" as const), site: name }, plain),
  fc.record({ type: fc.constant("clientAttached" as const), client: name }, plain),
  fc.record({ type: fc.constant("timer" as const), agent: name, payload: bytes }, plain),
);
const states: fc.Arbitrary<StreamState> = fc.record(
  {
    inbound: pairs,
    replies: pairs,
    outbound: fc.array(
      fc.record(
        {
          ...{
            target: whole.map((id) => 0 - id),
            targetName: name,
            base: whole,
            next: whole,
            resync: fc.boolean(),
          },
          segments: fc.array(fc.record({ flags: fc.nat(7), bytes }, plain), few),
        },
        plain,
      ),
      few,
    ),
    unresolved: fc.array(fc.record({ to: name, payload: bytes }, plain), few),
    consumer: bytes,
    timers: fc.array(
      fc.record(
        {
          agent: name,
          delayMs: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
          payload: bytes,
        },
        plain,
      ),
      few,
    ),
    deadLetters: fc.array(
      fc.record(
        {
          ...{ source: whole, sourceName: name, seq: whole, attempts: whole },
          ...{ fault, deaths, payload: bytes },
        },
        plain,
      ),
      few,
    ),
    trouble: fc.option(
      fc.record({ source: whole, seq: whole, attempts: whole, fault, halted: fc.boolean() }, plain),
      { nil: undefined },
    ),
    suspects: fc.array(
      fc.record({ source: whole, seq: whole, deaths, shared: deaths }, plain),
      few,
    ),
    events: fc.array(
      fc.oneof(
        fc.record({ type: fc.constant("told" as const), event: lifecycleEvents }, plain),
        fc.record(
          {
            type: fc.constant("failed" as const),
            call: fc.record(
              { agent: name, handler: fc.constantFrom(...EVENT_HANDLERS), argument: bytes },
              plain,
            ),
            ...{ seq: whole, attempts: whole, spared: whole, deaths },
            ...{ fault, halted: fc.boolean() },
          },
          plain,
        ),
      ),
      few,
    ),
    lastEvent: whole,
    lostNumbers: fc.boolean(),
  },
  plain,
);

test("[M34] a state comes back as it was", () => {
  fc.assert(
    fc.property(states, (state) => assert.deepEqual(decodeState(encodeState(state)), state)),
  );
});

test("[M34] bytes that are no state are none, and never an exception", () => {
  assert.equal(decodeState(new Uint8Array()), undefined);
  assert.equal(decodeState(packValue(null)), undefined);
  assert.equal(decodeState(packValue({ ...freshState(new Uint8Array()), timers: 5 })), undefined);
  const { consumer: _none, ...lacking } = freshState(new Uint8Array());
  assert.equal(decodeState(packValue(lacking)), undefined);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (hostile) =>
      assert.equal(decodeState(hostile), undefined),
    ),
  );
  fc.assert(
    fc.property(states, fc.nat(), fc.nat(255), (state, at, value) => {
      const packed = encodeState(state);
      packed[at % packed.byteLength] = value;
      decodeState(packed);
      decodeState(packed.subarray(0, at % packed.byteLength));
    }),
  );
});

test("[M34] a state from before failed events and suspects were kept has none", () => {
  const { events: _events, lastEvent: _last, suspects: _, ...old } = freshState(new Uint8Array());
  assert.deepEqual(decodeState(packValue(old)), freshState(new Uint8Array()));
});

test("[M51] of an older record agents, timers, events, dead letters and suspects are left, and its numbers are lost", () => {
  fc.assert(
    fc.property(states, (state) => {
      const left = withoutNumbers(state);
      const { consumer, timers, deadLetters, events, lastEvent, suspects } = state;
      const kept = { timers, deadLetters, events, lastEvent, suspects };
      assert.deepEqual(left, { ...freshState(consumer, true), ...kept });
    }),
  );
});
