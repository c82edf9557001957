import assert from "node:assert/strict";
import { test } from "node:test";
import { SenderTrust } from "./sender-trust.ts";

test("[G32] only named senders are accepted, in every form of their addresses", () => {
  const trust = new SenderTrust(["192.0.2.1", "fe80::1"]);
  assert.ok(trust.isSettled);
  assert.ok(trust.admits("192.0.2.1"));
  assert.ok(trust.admits("::ffff:192.0.2.1"));
  assert.ok(trust.admits("FE80::1%eth0"));
  assert.ok(!trust.admits("192.0.2.2"));
  trust.accepted({ host: "192.0.2.2" });
  assert.ok(!trust.admits("192.0.2.2"));
});

test("[G32] without names, the first sender is accepted until it has been silent for five seconds", () => {
  const trust = new SenderTrust("first");
  assert.ok(!trust.isSettled);
  assert.ok(trust.admits("192.0.2.1") && trust.admits("192.0.2.2"));
  trust.accepted({ host: "192.0.2.1" });
  assert.ok(trust.isSettled);
  assert.ok(!trust.admits("192.0.2.2"));
  for (let second = 0; second < 20; second++) {
    assert.equal(trust.tick(), false);
    trust.accepted({ host: "192.0.2.1" });
  }
  const given = Array.from({ length: 6 }, () => trust.tick());
  assert.deepEqual(given, [false, false, false, false, false, true]);
  assert.ok(trust.admits("192.0.2.2"));
});
