import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type OriginScope, parseAllowedOrigin } from "./allowed-origins.ts";
import { checkGate, isLoopbackName, originsOf, scopeOf } from "./gate.ts";

const RULES = { hosts: ["relay.example"], origins: ["http://127.0.0.1:7001"] };

test("loopback names are admitted with any port", () => {
  for (const host of [
    "localhost",
    "localhost:7000",
    "127.0.0.1:7000",
    "127.1.2.3",
    "[::1]:80",
    "LOCALHOST:1",
  ]) {
    assert.equal(
      checkGate(RULES, { host, origin: undefined, scope: "api" }).type,
      "admitted",
      host,
    );
  }
});

test("[A17] what is no address is a name, however much it looks like one of this machine's", () => {
  const admits = (host: string, ...hosts: string[]): boolean =>
    checkGate({ hosts, origins: [] }, { host, origin: undefined, scope: "api" }).type ===
    "admitted";
  const spellings: readonly [host: string, isAdmitted: boolean][] = [
    ...(["127.0.0.1", "127.255.255.254", "127.1.2.3:65535", "localhost:1"] as const).map(
      (host): [string, boolean] => [host, true],
    ),
    ["[::1]", true],
    ["[0:0:0:0:0:0:0:1]:7000", true],
    ["[0000::0001]", true],
    ["[::ffff:127.0.0.1]", true],
    ["[::FFFF:7F00:1]:7000", true],
    // Neither of these is an address: who gives the name says where it leads.
    ["127.999.1.1", false],
    ["127.0.0.256", false],
    ["127.0.0.01", false],
    ["127.0.0.0x1", false],
    ["127.1", false],
    ["127.0.1", false],
    ["0x7f.1", false],
    ["0x7f000001", false],
    ["0177.0.0.1", false],
    ["2130706433", false],
    ["127.0.0.1.", false],
    ["127.0.0.1.1", false],
    ["127..0.1", false],
    [".127.0.0.1", false],
    ["１２７.0.0.1", false],
    ["localhost.", false],
    ["localhost.localdomain", false],
    ["sub.localhost", false],
    // Addresses, and not of this machine alone.
    ["0.0.0.0", false],
    ["128.0.0.1", false],
    ["[::]", false],
    ["[::2]", false],
    ["[::127.0.0.1]", false],
    ["[::ffff:128.0.0.1]", false],
    ["[fe80::1]", false],
    // Not in the form of an address.
    ["[127.0.0.1]", false],
    ["[localhost]", false],
    ["[::1%lo]", false],
    ["[::1%25lo]", false],
    ["[::1::]", false],
    ["[::fffff:127.0.0.1]", false],
    ["[::ffff:127.0.0.256]", false],
    ["::1", false],
    ["[::1", false],
    ["[]", false],
    // Ports that are none.
    ["localhost:", false],
    ["localhost:0", false],
    ["localhost:65536", false],
    ["localhost:99999", false],
    ["localhost:070000", false],
    ["localhost:-1", false],
    ["localhost:1:2", false],
    ["[::1]:65536", false],
  ];
  for (const [host, isAdmitted] of spellings) assert.equal(admits(host), isAdmitted, host);
  assert.equal(admits("[2001:DB8:0::0:5]:7000", "2001:db8::5"), true, "a name of the site");
  assert.equal(admits("[2001:db8::5]", "2001:db8:0:0:0:0:0:5"), true, "however it was written");
  assert.equal(admits("[2001:db8::6]", "2001:db8::5"), false);
});

test("a name the site was opened for is admitted", () => {
  assert.equal(
    checkGate(RULES, { host: "relay.example:7000", origin: undefined, scope: "api" }).type,
    "admitted",
  );
});

test("a foreign, missing or malformed Host is refused with what was expected", () => {
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
    const answer = checkGate(RULES, { host, origin: undefined, scope: "api" });
    assert.equal(answer.type, "refused", String(host));
    if (answer.type === "refused") {
      assert.equal(answer.error.code, "host-refused");
      assert.match(answer.error.message, /expected localhost, 127\.0\.0\.1, relay\.example/);
    }
  }
});

test("pages of the same site need no CORS, pages of other sites of the session get it", () => {
  const host = "localhost:7000";
  assert.deepEqual(checkGate(RULES, { host, origin: "http://localhost:7000", scope: "api" }), {
    type: "admitted",
    origin: undefined,
  });
  assert.deepEqual(checkGate(RULES, { host, origin: "http://127.0.0.1:7001", scope: "api" }), {
    type: "admitted",
    origin: "http://127.0.0.1:7001",
  });
});

test("other origins, null among them, are refused with what was expected", () => {
  for (const origin of [
    "http://evil.example",
    "null",
    "http://localhost:3000",
    "http://127.0.0.1:70011",
    "",
  ]) {
    const answer = checkGate(RULES, { host: "localhost:7000", origin, scope: "script" });
    assert.equal(answer.type, "refused", origin);
    if (answer.type === "refused") assert.equal(answer.error.code, "origin-refused");
  }
});

test("[A18] a page served on the machine itself may use script and link of a local site, not its API", () => {
  const rules = { hosts: [], origins: [], local: true };
  const host = "127.0.0.1:7000";
  for (const origin of [
    "http://localhost:5173",
    "http://127.0.0.1:5173",
    "https://localhost",
    "http://[::1]:8080",
  ]) {
    for (const scope of ["script", "link"] as const) {
      assert.deepEqual(checkGate(rules, { host, origin, scope }), { type: "admitted", origin });
      const open = { ...rules, local: false };
      assert.equal(checkGate(open, { host, origin, scope }).type, "refused", "an open site");
    }
    const answer = checkGate(rules, { host, origin, scope: "api" });
    assert.equal(answer.type, "refused", origin);
    if (answer.type === "refused") assert.match(answer.error.next ?? "", /--allow-origin api=http/);
  }
  for (const origin of ["null", "http://localhost.evil.example", "http://evil.example", "file://"])
    assert.equal(checkGate(rules, { host, origin, scope: "link" }).type, "refused", origin);
});

test("[A17] an allowed origin changes nothing for a name the site does not answer to", () => {
  const allowed = [parseAllowedOrigin("http://evil.example:7000"), parseAllowedOrigin("*")];
  const rules = { hosts: [], origins: [], allowed, local: true };
  const request = { host: "evil.example:7000", origin: "http://evil.example:7000" };
  const answer = checkGate(rules, { ...request, scope: "link" });
  assert.equal(answer.type === "refused" && answer.error.code, "host-refused");
});

test("a request is for the script, a link, or the API and all else", () => {
  const scopes: readonly [string, string | undefined, OriginScope][] = [
    ["/meander-player.js", undefined, "script"],
    ["/meander-player.js?v=2", undefined, "script"],
    ["/assets/player-DasPEIEm.js", undefined, "script"],
    ["/assets/..", undefined, "api"],
    ["/assets/%2e%2e", undefined, "api"],
    ["/assets/../api/stop", undefined, "api"],
    ["/meander-player.js/../api/stop", undefined, "api"],
    ["//meander-player.js", undefined, "api"],
    ["/", undefined, "api"],
    ["/link", undefined, "api"],
    ["/link?x", "WebSocket", "link"],
    ["/link", "meander", "api"],
    ["/api/shell", "websocket", "api"],
    ["/meander-player.js", "websocket", "api"],
  ];
  for (const [target, upgrade, scope] of scopes) {
    assert.equal(scopeOf(target, upgrade), scope, `${target} ${upgrade}`);
  }
});

test("any text as Host or Origin gets an answer, and only known names pass", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (host, origin) => {
      const answer = checkGate({ hosts: [], origins: [] }, { host, origin, scope: "link" });
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
