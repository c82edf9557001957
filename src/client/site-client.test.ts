import assert from "node:assert/strict";
import { test } from "node:test";
import { SiteClient } from "./site-client.ts";

test("an invalid channel name is refused before a URL could normalise its dots", async () => {
  // No program listens there: a request would end with site-unreachable.
  const client = new SiteClient("http://127.0.0.1:9");
  const expected = {
    code: "channel-invalid",
    what: "not a valid channel name",
    where: '"../x"',
    expected: /none starting with a dot/,
  };
  const settings = { ports: "sdp" as const };
  await assert.rejects(client.publishSdp("../x", "v=0", settings), expected);
  await assert.rejects(client.publishData("../x"), expected);
  await assert.rejects(client.channel("../x"), expected);
  await assert.rejects(client.unpublish("../x"), expected);
  await assert.rejects(client.sendMessage("../x", "text/plain", "hello"), expected);
  await assert.rejects(client.addOutput("../x", "127.0.0.1", { video: 5004 }), expected);
  await assert.rejects(client.channel("news/uk"), { code: "site-unreachable" });
});
