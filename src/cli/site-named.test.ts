import assert from "node:assert/strict";
import { test } from "node:test";
import { urlOf } from "./site-named.ts";

test("addresses of sites are URLs, also with IPv6", () => {
  assert.equal(urlOf({ host: "127.0.0.1", port: 7000 }), "http://127.0.0.1:7000");
  assert.equal(urlOf({ host: "::1", port: 7000 }), "http://[::1]:7000");
});
