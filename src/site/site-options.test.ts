import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MeanderError } from "../base/index.ts";
import { checkSettings, completeSettings, parseConfigFile } from "./site-options.ts";

function errorOf(run: () => unknown): MeanderError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof MeanderError, String(error));
    return error;
  }
  throw new Error("nothing was thrown");
}

test("a file sets the listener and the routes side by side", () => {
  const text =
    '{ "name": "north", "httpPort": 7001, "upstreams": ["origin"], "channels": { "a/b": {} } }';
  const { routes, ...rest } = parseConfigFile(text, "north.json");
  assert.deepEqual(rest, { name: "north", httpPort: 7001 });
  assert.deepEqual(routes?.upstreams, ["origin"]);
  assert.equal(routes?.channels["a/b"]?.maxPublishers, 1);
});

test("an unknown key is named with its place and those there are", () => {
  const error = errorOf(() => parseConfigFile('{ "naem": "north" }', "north.json"));
  assert.equal(error.code, "config-invalid");
  assert.equal(error.where, "north.json: naem");
  assert.match(error.expected ?? "", /^one of name, join, .*upstreams, stack, channels/);
});

test("an unknown key deep inside is named with its path", () => {
  const text = '{ "channels": { "clip": { "input": { "from": ["a"], "keeep": true } } } }';
  const error = errorOf(() => parseConfigFile(text, "north.json"));
  assert.equal(error.where, "north.json: channels.clip.input.keeep");
  assert.match(error.what, /unknown key/);
});

test("a wrong type tells what was got and what was expected", () => {
  const cases = [
    ['{ "httpPort": "7000" }', "north.json: httpPort", '"7000"', /whole number/],
    [
      '{ "channels": { "clip": { "maxSubscribers": "many" } } }',
      "north.json: channels.clip.maxSubscribers",
      '"many"',
      /number/,
    ],
    ['{ "upstreams": [1] }', "north.json: upstreams[0]", "1", /./],
    ['{ "name": "North!" }', "north.json: name", '"North!"', /a-z, 0-9/],
    ['{ "join": "ftp://x" }', "north.json: join", '"ftp://x"', /http:\/\/127/],
  ] as const;
  for (const [text, where, got, expected] of cases) {
    const error = errorOf(() => parseConfigFile(text, "north.json"));
    assert.equal(error.where, where);
    assert.equal(error.what, `got ${got}`, text);
    assert.match(error.expected ?? "", expected, text);
  }
});

test("text that is not JSON is refused with line and column", () => {
  const error = errorOf(() => parseConfigFile('{\n  "name": north\n}', "north.json"));
  assert.equal(error.where, "north.json: line 2, column 11");
  assert.equal(errorOf(() => parseConfigFile("[]", "north.json")).where, "north.json");
  assert.equal(
    errorOf(() => parseConfigFile("", "north.json")).where,
    "north.json: line 1, column 1",
  );
});

test("defaults keep a site on its own machine", () => {
  const options = completeSettings({ name: "north" });
  assert.equal(options.host, "127.0.0.1");
  assert.equal(options.advertise, "127.0.0.1");
  assert.equal(options.httpPort, 7000);
  assert.equal(options.data, ".meander/north");
});

test("an address that others reach needs --open, and --open alone listens everywhere", () => {
  const error = errorOf(() => completeSettings({ name: "north", host: "0.0.0.0" }));
  assert.equal(error.code, "open-required");
  assert.match(error.next ?? "", /--open HOST/);
  const options = completeSettings({ name: "north", open: ["Relay.Example"] });
  assert.equal(options.host, "0.0.0.0");
  assert.equal(options.advertise, "Relay.Example");
  assert.deepEqual(options.open, ["relay.example"]);
});

test("a site without a name is told how to get one", () => {
  assert.equal(errorOf(() => completeSettings({})).where, "argument --name");
});

test("an argument is named as it was given", () => {
  const error = errorOf(() => checkSettings({ udpPort: 70_000 }, (key) => `argument --${key}`));
  assert.equal(error.where, "argument --udpPort");
  assert.equal(error.what, "got 70000");
});

test("streams come over TCP on a free port unless said otherwise, and none runs in the site's own thread", () => {
  const { streamTransport, streamPort, allowInline, evacuate, leaseMs } = completeSettings({
    name: "north",
  });
  assert.deepEqual(
    [streamTransport, streamPort, allowInline, evacuate, leaseMs],
    ["tcp", 0, false, true, undefined],
  );
  const text = JSON.stringify({ streamTransport: "udp", streamPort: 7100, leaseMs: 3_000 });
  assert.deepEqual(parseConfigFile(text, "f"), JSON.parse(text));
  for (const [key, value] of [
    ["streamTransport", "sctp"],
    ["streamPort", -1],
    ["allowInline", "yes"],
    ["leaseMs", 10],
    ["maxStreams", 1e9],
    ["agentProcesses", 0],
    ["agentMemoryMb", 1e9],
    ["agentHandlerMs", 1e9],
  ]) {
    const wrong = JSON.stringify({ [String(key)]: value });
    assert.throws(() => parseConfigFile(wrong, "f"), {
      code: "config-invalid",
      where: `f: ${key}`,
    });
  }
});

test("native calls are made unless they are turned off", () => {
  assert.equal(completeSettings({ name: "north" }).native, true);
  const settings = parseConfigFile('{ "name": "north", "native": false }', "f");
  assert.equal(completeSettings(settings).native, false);
  assert.throws(() => parseConfigFile('{ "native": "no" }', "f"), { code: "config-invalid" });
});

test("any text is settings or an error in words", () => {
  const value = fc.oneof(fc.string(), fc.json());
  fc.assert(
    fc.property(value, (text) => {
      try {
        parseConfigFile(text, "f");
      } catch (error) {
        assert.ok(error instanceof MeanderError);
        assert.equal(error.code, "config-invalid");
        assert.match(error.where ?? "", /^f/);
      }
    }),
  );
});
