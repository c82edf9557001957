import assert from "node:assert/strict";
import { test } from "node:test";
import { forbiddenKeyIn } from "./forbidden-keys.ts";
import { parseRouteConfig } from "./route-config.ts";

test("keys that objects have by nature are found, wherever they are", () => {
  for (const key of ["__proto__", "constructor", "prototype"]) {
    const at = (json: string) => forbiddenKeyIn(JSON.parse(json));
    assert.deepEqual(at(`{"a":[{"b":1},{"${key}":{}}]}`), ["a", 1, key]);
    assert.deepEqual(at(`{"${key}":1}`), [key]);
    assert.equal(at(`{"a":"${key}"}`), undefined);
  }
  let deep = "1";
  for (let depth = 0; depth < 5_000; depth++) deep = `[${deep}]`;
  assert.equal(forbiddenKeyIn(JSON.parse(deep)), undefined);
});

test("no configuration has such a key", () => {
  for (const text of [
    '{"__proto__":{"maxSubscribers":1}}',
    '{"channels":{"__proto__":{"maxSubscribers":1}}}',
    '{"channels":{"constructor":{}}}',
    '{"channels":{"clip":{"constructor":1}}}',
  ]) {
    for (const given of [text, JSON.parse(text) as unknown])
      assert.throws(() => parseRouteConfig(given, "t"), { code: "config-invalid" }, text);
  }
  assert.equal(parseRouteConfig({ channels: { clip: {} } }, "t").maxSubscribers > 1, true);
});
