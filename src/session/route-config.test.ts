import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MeanderError } from "../base/index.ts";
import { defaultRouteConfig } from "./model.ts";
import { parseRouteConfig } from "./route-config.ts";

const wrong: readonly (readonly [what: string, config: unknown, message: string])[] = [
  [
    "a site name that is none",
    { channels: { clip: { input: { from: ["North"] } } } },
    'demo.json: channels.clip.input.from[0]: got "North"; expected 1 to 40 of a-z, 0-9 and -, starting with a letter',
  ],
  [
    "a misspelt key",
    { upstream: ["north"] },
    'demo.json: upstream: unknown key "upstream"; expected upstreams, connection, channels, maxSubscribers, maxBitsPerSecond; did you mean "upstreams"?',
  ],
  [
    "a misspelt key of a channel",
    { channels: { clip: { inptu: {} } } },
    'demo.json: channels.clip.inptu: unknown key "inptu"; expected input, record, maxSubscribers, maxBitsPerSecond, silenceMs, maxPublishers, historyBytes; did you mean "input"?',
  ],
  [
    "a key of an input that is like none",
    { channels: { "a/b": { input: { from: ["north"], colour: "red" } } } },
    'demo.json: channels["a/b"].input.colour: unknown key "colour"; expected from, connection, keep; correct or remove it',
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
    "a channel name that is none",
    { channels: { "../x": {} } },
    'demo.json: channels["../x"]: got the name "../x"; expected letters, digits, . _ - in segments divided by /',
  ],
  ["no object", [1], "demo.json: got [1]; expected an object"],
  [
    "text that is no JSON",
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
    connection: "udp",
    keep: false,
  });
  assert.equal(parsed.channels["a/b"]?.maxPublishers, 1);
  assert.deepEqual(parseRouteConfig(parsed, "again"), parsed);
  assert.deepEqual(parseRouteConfig({}, "empty"), defaultRouteConfig());
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
