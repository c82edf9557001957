import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSdp } from "../wire/index.ts";
import { ingestTrackOf, sendersLike } from "./ingest-tracks.ts";

const tracksOf = (connection: string, site: { host: string; open: boolean }) =>
  parseSdp(`v=0\n${connection}\nm=audio 5004 RTP/AVP 0\n`).tracks.map((track) =>
    ingestTrackOf(track, "sdp", site),
  );

test("an address of IPv6 in a description is bound where the site listens by IPv4 and may be reached", () => {
  const bound = (connection: string, host: string, open: boolean) =>
    tracksOf(connection, { host, open })[0]?.address;
  assert.equal(bound("c=IN IP6 ::1", "127.0.0.1", false), "::1");
  assert.equal(bound("c=IN IP6 2001:db8::1", "127.0.0.1", false), undefined);
  assert.equal(bound("c=IN IP6 2001:db8::1", "0.0.0.0", true), "::");
  assert.equal(bound("c=IN IP6 2001:db8::1", "::", true), undefined);
  assert.equal(bound("c=IN IP6 ff15::1", "0.0.0.0", true), undefined);
  assert.equal(bound("c=IN IP4 192.0.2.1", "0.0.0.0", true), undefined);
  assert.equal(bound("s=no address", "0.0.0.0", true), undefined);
});

test("a publisher on this machine may send by both families where one track is received by the other", () => {
  const own = { host: "127.0.0.1", open: false };
  assert.deepEqual(sendersLike("127.0.0.1", tracksOf("c=IN IP4 127.0.0.1", own)), ["127.0.0.1"]);
  assert.deepEqual(sendersLike("127.0.0.1", tracksOf("c=IN IP6 ::1", own)), ["127.0.0.1", "::1"]);
  assert.deepEqual(sendersLike("192.0.2.7", tracksOf("c=IN IP6 ::1", own)), ["192.0.2.7"]);
});
