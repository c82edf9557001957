import assert from "node:assert/strict";
import { test } from "node:test";
import { MeanderError } from "../../base/index.ts";
import { parseSdp } from "./sdp.ts";
import { formatSdp } from "./sdp-writer.ts";

function sdpOf(...lines: readonly string[]): string {
  return ["v=0", "o=- 0 0 IN IP4 192.0.2.9", "s=-", ...lines].join("\r\n");
}

const VIDEO = ["m=video 5004 RTP/AVP 96", "a=rtpmap:96 H264/90000"];
const AUDIO = ["m=audio 5006 RTP/AVP 0"];

test("the group of a track is that of its own c= line, or the session's", () => {
  const { tracks } = parseSdp(
    sdpOf("c=IN IP4 239.1.2.3/127", "t=0 0", ...VIDEO, ...AUDIO, "c=IN IP6 ff15::1"),
  );
  assert.deepEqual(
    tracks.map(({ host, ttl }) => [host, ttl]),
    [
      ["239.1.2.3", 127],
      ["ff15::1", undefined],
    ],
  );
});

test("a source filter holds for its group; that of a track replaces the session's", () => {
  const filter = "a=source-filter: incl IN IP4";
  const { tracks } = parseSdp(
    sdpOf(
      ...["c=IN IP4 232.1.2.3/1", "t=0 0", `${filter} 232.1.2.3 192.0.2.1 192.0.2.2`],
      ...[`${filter} 232.9.9.9 192.0.2.9`, ...VIDEO, ...AUDIO, `${filter} * 192.0.2.3`],
    ),
  );
  assert.deepEqual(
    tracks.map(({ sources }) => sources),
    [["192.0.2.1", "192.0.2.2"], ["192.0.2.3"]],
  );
});

test("wrong lines of groups are refused, and say what was expected", () => {
  for (const line of [
    "c=IN IP4 239.1.2.3/256",
    "c=IN IP4 239.1.2.3/1/3",
    "c=IN IP6 ff15::1/3",
    "c=IN IP4 239.1.2.3/x",
    "a=source-filter: excl IN IP4 239.1.2.3 192.0.2.1",
    "a=source-filter: incl IN IP4 239.1.2.3",
    `a=source-filter: incl IN IP4 239.1.2.3${" 192.0.2.1".repeat(11)}`,
  ]) {
    assert.throws(
      () => parseSdp(sdpOf(line, ...VIDEO)),
      (error) => error instanceof MeanderError && error.code === "sdp-invalid",
      line,
    );
  }
});

test("what is written for a group is read again", () => {
  const [track] = parseSdp(sdpOf("c=IN IP4 239.1.2.3/1", ...VIDEO)).tracks;
  assert.ok(track !== undefined);
  const again = (host: string) => {
    const [read] = parseSdp(
      formatSdp({ title: "", host, ttl: 4, tracks: [{ ...track, host }] }),
    ).tracks;
    return [read?.host, read?.ttl];
  };
  assert.deepEqual(again("239.9.9.9"), ["239.9.9.9", 4]);
  assert.deepEqual(again("ff15::9"), ["ff15::9", undefined]);
});
