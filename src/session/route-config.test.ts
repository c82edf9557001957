import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MeanderError } from "../base/index.ts";
import { defaultRouteConfig } from "./model.ts";
import { parseRouteConfig } from "./route-config.ts";

const wrong: readonly (readonly [what: string, config: unknown, message: string])[] = [
  [
    "an invalid site name",
    { channels: { clip: { input: { from: ["North"] } } } },
    'demo.json: channels.clip.input.from[0]: got "North"; expected 1 to 40 of a-z, 0-9 and -, starting with a letter',
  ],
  [
    "a misspelt key",
    { upstream: ["north"] },
    'demo.json: upstream: unknown key "upstream"; expected upstreams, stack, channels, maxSubscribers, maxBitsPerSecond, reshaping; did you mean "upstreams"?',
  ],
  [
    "a misspelt key of a channel",
    { channels: { clip: { inptu: {} } } },
    'demo.json: channels.clip.inptu: unknown key "inptu"; expected input, record, maxSubscribers, maxBitsPerSecond, silenceMs, maxPublishers, historyBytes; did you mean "input"?',
  ],
  [
    "a key of an input that is like none",
    { channels: { "a/b": { input: { from: ["north"], colour: "red" } } } },
    'demo.json: channels["a/b"].input.colour: unknown key "colour"; expected from, stack, keep; correct or remove it',
  ],
  [
    "a missing key",
    { channels: { clip: { input: {} } } },
    "demo.json: channels.clip.input.from: it is missing; expected a list",
  ],
  [
    "an empty list",
    { channels: { clip: { input: { from: [] } } } },
    "demo.json: channels.clip.input.from: got []; expected at least 1 entries",
  ],
  [
    "a wrong type",
    { maxSubscribers: "many" },
    'demo.json: maxSubscribers: got "many"; expected a number',
  ],
  [
    "a fraction",
    { maxSubscribers: 1.5 },
    "demo.json: maxSubscribers: got 1.5; expected a whole number",
  ],
  [
    "a number too large",
    { maxSubscribers: 1e7 },
    "demo.json: maxSubscribers: got 10000000; expected at most 1000000",
  ],
  [
    "an invalid channel name",
    { channels: { "../x": {} } },
    'demo.json: channels["../x"]: got the name "../x"; expected 1 to 100 letters, digits, . _ - in segments divided by /, none starting with a dot',
  ],
  ["no object", [1], "demo.json: got [1]; expected an object"],
  [
    "text that is not JSON",
    '{\n  "upstreams": [north]\n}',
    "demo.json: line 2, column 17: it is not JSON; expected an object in JSON",
  ],
  ["empty text", "", "demo.json: line 1, column 1: it is not JSON; expected an object in JSON"],
];

for (const [what, config, message] of wrong) {
  test(`${what} is refused with its place and what would be right`, () => {
    assert.throws(() => parseRouteConfig(config, "demo.json"), { code: "config-invalid", message });
  });
}

test("a configuration, as value or text, comes back with its defaults", () => {
  const config = {
    upstreams: ["north"],
    channels: { "a/b": { input: { from: ["north", "south"], keep: false } } },
  };
  const parsed = parseRouteConfig(config, "demo.json");
  assert.deepEqual(parsed, parseRouteConfig(JSON.stringify(config), "demo.json"));
  assert.deepEqual(parsed.channels["a/b"]?.input, {
    from: ["north", "south"],
    stack: "udp",
    keep: false,
  });
  assert.equal(parsed.channels["a/b"]?.maxPublishers, 1);
  assert.deepEqual(parseRouteConfig(parsed, "again"), parsed);
  assert.deepEqual(parseRouteConfig({}, "empty"), defaultRouteConfig());
});

test("a stack that cannot be composed is refused with its place, column and what would be right", () => {
  const input = { from: ["north"], stack: "frag(mtu=9):udp" };
  assert.throws(() => parseRouteConfig({ channels: { "a/b": { input } } }, "demo.json"), {
    code: "config-invalid",
    where: 'demo.json: channels["a/b"].input.stack: "frag(mtu=9):udp", stack, column 10',
  });
  assert.throws(() => parseRouteConfig({ stack: "pigeon" }, "demo.json"), {
    code: "config-invalid",
    where: 'demo.json: stack: "pigeon", stack, column 1',
  });
});

test("the former key `connection` is read as `stack`, with a warning that names both", () => {
  const warnings: string[] = [];
  const channels = { "a/b": { input: { from: ["north"], connection: "tcp" } } };
  const former = { connection: "websocket", channels };
  const parsed = parseRouteConfig(former, "demo.json", (text) => warnings.push(text));
  assert.equal(parsed.stack, "websocket");
  assert.equal(parsed.channels["a/b"]?.input?.stack, "tcp");
  assert.deepEqual(warnings, [
    'demo.json: connection: the key is now called "stack"; rename it',
    'demo.json: channels["a/b"].input.connection: the key is now called "stack"; rename it',
  ]);
  assert.equal(former.connection, "websocket");
  parseRouteConfig(parsed, "again", (text) => warnings.push(text));
  assert.equal(warnings.length, 2);
});

test("the former key beside the present one is refused", () => {
  assert.throws(() => parseRouteConfig({ connection: "tcp", stack: "udp" }, "demo.json"), {
    code: "config-invalid",
    where: "demo.json: connection",
  });
});

test("whatever is given is a configuration or an error in one line", () => {
  const text = fc.oneof(fc.json(), fc.string());
  const value = fc.record(
    {
      upstreams: fc.jsonValue(),
      channels: fc.jsonValue(),
      maxSubscribers: fc.jsonValue(),
      other: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(text, value, fc.anything()), (input) => {
      try {
        parseRouteConfig(input, "x");
      } catch (error) {
        assert.ok(error instanceof MeanderError, String(error));
        assert.equal(error.code, "config-invalid");
      }
    }),
  );
});
