import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { LIMITS } from "../../src/base/index.ts";
import { SiteClient } from "../../src/site/index.ts";
import { codeOf } from "../support/guarded-session.ts";
import { sourceSdp } from "../support/rtp-source.ts";
import { SecureSession, type SecureSite } from "../support/secure-session.ts";

const RANGE = { from: 42_000, to: 42_999 };

let session: SecureSession;
let site: SecureSite;
let boss: SiteClient;

before(async () => {
  session = await SecureSession.open();
  const ports = ["--rtp-ports", `${RANGE.from}-${RANGE.to}`];
  site = await session.site("studio", {}, "--access", "tokens", ...ports);
  const token = (await readFile(site.tokenFile ?? "", "utf8")).trim();
  boss = new SiteClient(site.url, { token });
});

after(() => session?.[Symbol.asyncDispose]());

async function publisher(name: string): Promise<SiteClient> {
  const about = { name, can: ["publish"], channels: ["*"], expiresInMs: 3_600_000 } as const;
  return new SiteClient(site.url, { token: (await boss.createToken(about)).token });
}

const sdpAt = (port: number, host = "127.0.0.1"): string =>
  sourceSdp("x")
    .replace(/^m=video 0 /m, `m=video ${port} `)
    .replaceAll("127.0.0.1", host);

test("[A25] a publisher is received on the configured ports alone, which are also those that are assigned", async () => {
  const alice = await publisher("alice");
  const { http, udp, streams } = (await boss.session()).sites[0] ?? {};
  assert.ok(http !== undefined && udp !== undefined && streams !== undefined);
  for (const port of [22, 53, 41_998, 43_000, http.port, udp.port, streams.port])
    assert.equal(
      await codeOf(alice.publishSdp("a", sdpAt(port), { ports: "sdp" })),
      "port-refused",
      `${port}`,
    );
  for (const port of [53, udp.port])
    assert.equal(
      await codeOf(boss.publishSdp("a", sdpAt(port), { ports: "sdp" })),
      "port-refused",
      `${port}`,
    );
  const { tracks } = await alice.publishSdp("a", sourceSdp("a"), { ports: "assign" });
  const [{ rtpPort = 0 } = {}] = tracks;
  assert.ok(rtpPort >= RANGE.from && rtpPort < RANGE.to && rtpPort % 2 === 0, `${rtpPort}`);
  await alice.unpublish("a");
});

test("[A25] only who opened an input ends or replaces it, or who administers", async () => {
  const [alice, mallory] = [await publisher("alice"), await publisher("mallory")];
  await alice.publishData("chat");
  assert.equal(await codeOf(mallory.unpublish("chat")), "input-foreign");
  assert.equal(await codeOf(mallory.publishData("chat", { replace: true })), "input-foreign");
  await alice.publishData("chat", { replace: true });
  await boss.unpublish("chat");
  await mallory.publishData("chat");
  await mallory.unpublish("chat");
});

test("[A25] a publisher that asks for many inputs at once gets its share, and others theirs", async () => {
  const [alice, bob] = [await publisher("alice"), await publisher("bob")];
  const names = Array.from(
    { length: LIMITS.publisherInputsMax + 16 },
    (_, index) => `many/${index}`,
  );
  const codes = await Promise.all(names.map((name) => codeOf(alice.publishData(name))));
  assert.equal(codes.filter((code) => code === "granted").length, LIMITS.publisherInputsMax);
  assert.equal(codes.filter((code) => code === "inputs-exhausted").length, 16);
  await bob.publishData("one");
  assert.equal(
    await codeOf(bob.publishSdp("g", sdpAt(42_100, "239.9.9.9/1"), { ports: "sdp" })),
    "granted",
  );
});

test("[A27] a configuration with keys that objects have by nature is refused", async () => {
  for (const channels of ['{"__proto__":{"maxSubscribers":1}}', '{"constructor":{}}']) {
    const token = (await readFile(site.tokenFile ?? "", "utf8")).trim();
    const answer = await fetch(`${site.url}/api/config`, {
      method: "PUT",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: `{"channels":${channels}}`,
    });
    assert.equal(answer.status, 400);
    assert.match(await answer.text(), /config-invalid.*(__proto__|constructor)/s);
  }
});
