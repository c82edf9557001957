import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAllowedOrigin } from "./allowed-origins.ts";
import { pagePolicy } from "./page-policy.ts";

const of = (path: string, ...origins: string[]): string =>
  pagePolicy(path, { allowed: origins.map((each) => parseAllowedOrigin(each)) })[
    "content-security-policy"
  ] ?? "";

test("[A28] no page runs a script but the site's own, and the console is shown in no other page", () => {
  for (const path of ["/", "/index.html", "/player.html"]) {
    const policy = of(path);
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self';/);
    assert.doesNotMatch(policy, /unsafe|script-src[^;]*\*/);
    assert.match(policy, /base-uri 'none'; form-action 'none'/);
    assert.equal(pagePolicy(path, {})["referrer-policy"], "no-referrer");
  }
  assert.match(of("/", "https://a.example"), /frame-ancestors 'none'$/);
  assert.equal(pagePolicy("/", {})["x-frame-options"], "DENY");
});

test("[A28] the player is shown in pages that may watch here", () => {
  assert.match(of("/player.html"), /frame-ancestors 'self'$/);
  assert.match(
    of("/player.html", "https://*.a.example", "script=https://b.example", "http://c.example:*"),
    /frame-ancestors 'self' https:\/\/\*\.a\.example:443 http:\/\/c\.example:\*$/,
  );
  assert.match(of("/player.html", "*", "null"), /frame-ancestors 'self' \*$/);
  const local = pagePolicy("/player.html", { local: true })["content-security-policy"] ?? "";
  // Browsers warn about what they do not understand, such as an address of IPv6.
  assert.match(local, /'self' http:\/\/localhost:\* http:\/\/127\.0\.0\.1:\*$/);
  assert.match(of("/player.html", "http://[::1]:8080"), /frame-ancestors 'self'$/);
});
