import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkGate, isLoopbackName, originsOf } from "./gate.ts";

const RULES = { hosts: ["relay.example"], origins: ["http://127.0.0.1:7001"] };

test("loopback names are let in with any port", () => {
  for (const host of [
    "localhost",
    "localhost:7000",
    "127.0.0.1:7000",
    "127.1.2.3",
    "[::1]:80",
    "LOCALHOST:1",
  ]) {
    assert.equal(checkGate(RULES, { host, origin: undefined }).type, "admitted", host);
  }
});

test("a name the site was opened for is let in", () => {
  assert.equal(
    checkGate(RULES, { host: "relay.example:7000", origin: undefined }).type,
    "admitted",
  );
});

test("a foreign, missing or malformed Host is refused in words", () => {
  const hosts = [
    "evil.example",
    undefined,
    "",
    "127.0.0.1.evil.example",
    "localhost:x",
    "a b",
    "[::1",
    "user@localhost",
  ];
  for (const host of hosts) {
    const answer = checkGate(RULES, { host, origin: undefined });
    assert.equal(answer.type, "refused", String(host));
    if (answer.type === "refused") {
      assert.equal(answer.error.code, "host-refused");
      assert.match(answer.error.message, /expected localhost, 127\.0\.0\.1, relay\.example/);
    }
  }
});

test("pages of the same site need no CORS, pages of other sites of the session get it", () => {
  const host = "localhost:7000";
  assert.deepEqual(checkGate(RULES, { host, origin: "http://localhost:7000" }), {
    type: "admitted",
    origin: undefined,
  });
  assert.deepEqual(checkGate(RULES, { host, origin: "http://127.0.0.1:7001" }), {
    type: "admitted",
    origin: "http://127.0.0.1:7001",
  });
});

test("other origins, null among them, are refused in words", () => {
  for (const origin of [
    "http://evil.example",
    "null",
    "http://localhost:3000",
    "http://127.0.0.1:70011",
    "",
  ]) {
    const answer = checkGate(RULES, { host: "localhost:7000", origin });
    assert.equal(answer.type, "refused", origin);
    if (answer.type === "refused") assert.equal(answer.error.code, "origin-refused");
  }
});

test("any text as Host or Origin gets an answer, and only known names pass", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (host, origin) => {
      const answer = checkGate({ hosts: [], origins: [] }, { host, origin });
      if (answer.type === "admitted") {
        const name = host
          .replace(/:\d+$/, "")
          .replace(/^\[|\]$/g, "")
          .toLowerCase();
        assert.ok(isLoopbackName(name));
        assert.ok([`http://${host}`, `https://${host}`].includes(origin));
      }
    }),
  );
});

test("a loopback site has an origin for every way to write its address", () => {
  assert.deepEqual(originsOf({ http: { host: "127.0.0.1", port: 7001 } }), [
    "http://127.0.0.1:7001",
    "http://localhost:7001",
    "http://[::1]:7001",
  ]);
  assert.deepEqual(originsOf({ http: { host: "fe80::2", port: 1 } }), ["http://[fe80::2]:1"]);
  const secure = { http: { host: "north.example", port: 443 }, tls: { fingerprint: "" } };
  assert.deepEqual(originsOf(secure), ["https://north.example"]);
});
