import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isAllowedOrigin, parseAllowedOrigin } from "./allowed-origins.ts";

function allows(text: string, origin: string): boolean {
  return isAllowedOrigin([parseAllowedOrigin(text)], origin, "link");
}

test("[A18] an exact origin is that scheme, host and port alone", () => {
  assert.ok(allows("https://a.example", "https://a.example"));
  assert.ok(allows("https://A.Example:443", "https://a.example"), "as browsers write it");
  assert.ok(allows("http://a.example:8080", "http://a.example:8080"));
  assert.ok(allows("http://[::1]:5173", "http://[::1]:5173"));
  assert.ok(allows("https://bücher.example", "https://xn--bcher-kva.example"));
  for (const origin of [
    "http://a.example",
    "https://a.example:8443",
    "https://a.example.evil.example",
    "https://b.a.example",
    "https://a.example/",
    "https://a.example.",
    "https://user@a.example",
    "https://A.example",
    "null",
    "",
    "*",
  ]) {
    assert.equal(allows("https://a.example", origin), false, origin);
  }
});

test("[A18] `*.` is one label of the host, and no port", () => {
  assert.ok(allows("https://*.example.org", "https://a.example.org"));
  for (const origin of [
    "https://example.org",
    "https://a.b.example.org",
    "https://aexample.org",
    "https://.example.org",
    "https://a.example.org:8443",
    "https://a.example.org.evil.example",
    "http://a.example.org",
  ]) {
    assert.equal(allows("https://*.example.org", origin), false, origin);
  }
  assert.ok(allows("https://*.example.org:8443", "https://a.example.org:8443"));
});

test("[A18] `:*` is any port of that host", () => {
  assert.ok(allows("http://10.0.0.5:*", "http://10.0.0.5:5173"));
  assert.ok(allows("http://10.0.0.5:*", "http://10.0.0.5"));
  assert.equal(allows("http://10.0.0.5:*", "http://10.0.0.50:5173"), false);
  assert.equal(allows("http://10.0.0.5:*", "https://10.0.0.5:5173"), false);
});

test("[A18] `*` is every origin but null, which must be named", () => {
  assert.ok(allows("*", "https://a.example"));
  assert.equal(allows("*", "null"), false);
  assert.ok(allows("null", "null"));
  assert.equal(allows("null", "https://a.example"), false);
});

test("[A18] without a part named, a page may load the player and watch; the API must be named", () => {
  const scopesOf = (text: string): string[] =>
    (["script", "link", "api"] as const).filter((scope) =>
      isAllowedOrigin([parseAllowedOrigin(text)], "https://a.example", scope),
    );
  assert.deepEqual(scopesOf("https://a.example"), ["script", "link"]);
  assert.deepEqual(scopesOf("script=https://a.example"), ["script"]);
  assert.deepEqual(scopesOf("link=https://a.example"), ["link"]);
  assert.deepEqual(scopesOf("api=https://a.example"), ["api"]);
});

test("what is no origin is refused with what was expected", () => {
  for (const text of [
    "",
    "a.example",
    "ftp://a.example",
    "https://",
    "https://a.example/",
    "https://a.example/page",
    "https://a.example?x",
    "https://user@a.example",
    "https://a.example:70000",
    "https://a.example:80:*",
    "https://*.org",
    "https://*",
    "https://*.*.example.org",
    "https://a*.example.org",
    "https://a.*.example.org",
    "https://*.example.org:8*",
    "chat=https://a.example",
    "api=*",
    "api=null",
    "=https://a.example",
  ]) {
    assert.throws(() => parseAllowedOrigin(text), { code: "config-invalid" }, text);
  }
  assert.throws(() => parseAllowedOrigin("https://*.org", "argument --allow-origin"), {
    where: "argument --allow-origin https://*.org",
    expected: /https:\/\/\*\.DOMAIN\.TLD/,
  });
});

test("no text beside an allowed origin passes for it", () => {
  const allowed = ["https://a.example", "https://*.b.example"].map((each) =>
    parseAllowedOrigin(each),
  );
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.webUrl()), (origin) => {
      if (isAllowedOrigin(allowed, origin, "link")) {
        assert.match(origin, /^https:\/\/(?:a\.example|[^./:]+\.b\.example)$/);
      }
    }),
  );
});
