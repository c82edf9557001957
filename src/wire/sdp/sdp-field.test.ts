import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MeanderError } from "../../base/index.ts";
import { parseSdp, type SdpTrack } from "./sdp.ts";
import { fmtpWithSets } from "./set-parameters.ts";

// Session descriptions as devices in the field write them.

const HEAD = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=t", "c=IN IP4 127.0.0.1", "t=0 0"];
const VIDEO = [
  "m=video 5004 RTP/AVP 96",
  "a=rtpmap:96 H264/90000",
  "a=fmtp:96 packetization-mode=1",
];

const read = (...lines: readonly string[]) => parseSdp([...HEAD, ...lines].join("\r\n"));
const codecsOf = (tracks: readonly SdpTrack[]): string[] => tracks.map(({ codec }) => codec);

test("a medium that is not sent, or not over RTP, is passed over with a warning while another one is", () => {
  const others = [
    ["m=audio 0 RTP/AVP 0"],
    ["m=audio 5006 RTP/AVP 0", "a=inactive"],
    ["m=audio 5006 RTP/AVP 0", "a=Inactive"],
    ["m=application 9 TCP/WSS 100"],
    ["m=application 5006 RTP/AVP 107"],
    ["m=audio 5006 RTP/SAVP 0"],
    ["m=audio 5006 UDP/TLS/RTP/SAVPF 111", "a=rtpmap:111 opus/48000/2"],
    ["m=image 5006 udptl t38"],
    ["m=audio 5006 RTP/AVP *"],
    ["m=audio 5006 RTP/AVP"],
  ];
  for (const other of others) {
    for (const lines of [
      [...VIDEO, ...other],
      [...other, ...VIDEO],
    ]) {
      const { tracks, warnings } = read(...lines);
      assert.deepEqual(codecsOf(tracks), ["h264"], other[0]);
      assert.equal(warnings.length, 1, other[0]);
      assert.match(warnings[0] ?? "", /^SDP line \d+: "m=.* is passed over: /);
    }
    assert.throws(
      () => read(...other),
      (error) => {
        assert.ok(error instanceof MeanderError);
        assert.match(error.code, /^sdp-(invalid|no-media|port-invalid)$/);
        assert.notEqual(error.expected, undefined);
        return true;
      },
    );
  }
});

test("a direction of the session holds for media without their own", () => {
  const lines = ["a=inactive", ...VIDEO, "a=sendonly", "m=audio 5006 RTP/AVP 0"];
  assert.deepEqual(codecsOf(read(...lines).tracks), ["h264"]);
  for (const direction of ["a=recvonly", "a=sendonly", "a=sendrecv"]) {
    assert.deepEqual(read(direction, ...VIDEO).warnings, []);
  }
});

test("lines that matter to nothing may be wrong or missing", () => {
  const variants: readonly (readonly string[])[] = [
    HEAD.filter((line) => !line.startsWith("o=")),
    HEAD.filter((line) => !line.startsWith("s=")),
    HEAD.filter((line) => !line.startsWith("c=")),
    HEAD.filter((line) => !line.startsWith("t=")),
    HEAD.filter((line) => !line.startsWith("v=")),
    HEAD.map((line) => (line.startsWith("c=") ? "c=IN " : line)),
    HEAD.map((line) => (line.startsWith("c=") ? "c=" : line)),
    HEAD.map((line) => (line.startsWith("o=") ? "o=RTSP 19599440071187478912 -1 IN IPV4 x" : line)),
    [...HEAD, "a=control:*", "a=range:npt=0-", "a=x-dimensions:1920,1080", "b=", "b=AS:?", "k=x"],
    [...HEAD, "this is no line"],
    ["\ufeffv=0", ...HEAD.slice(1)],
  ];
  for (const head of variants) {
    const { tracks } = parseSdp([...head, ...VIDEO, "a=control:trackID=1"].join("\n"));
    assert.deepEqual(codecsOf(tracks), ["h264"], head.join("|"));
  }
});

test("white space and case do not matter in rtpmap, fmtp and m= lines", () => {
  const { tracks, warnings } = read(
    ...[
      "m=video  5004  RTP/AVP  96",
      "a=rtpmap:96  h264 / 90000",
      "a=fmtp:  96  Packetization-Mode=1",
    ],
    ...["m=audio 5006 rtp/avp 97", "a=RTPMAP:97 OPUS/48000/2"],
  );
  assert.deepEqual(codecsOf(tracks), ["h264", "opus"]);
  assert.deepEqual([tracks[0]?.fmtp, tracks[1]?.channels], ["Packetization-Mode=1", 2]);
  assert.deepEqual(warnings, []);
});

test("of several formats the first that can be read is received, and which are not is said", () => {
  const formats = [
    ...["m=video 5004 RTP/AVP 35 108 100", "a=rtpmap:35 H266/90000"],
    ...[
      "a=rtpmap:108 VP9/90000",
      "a=rtpmap:100 VP8/90000",
      "a=fmtp:100 max-fs=1",
      "a=fmtp:108 profile-id=0",
    ],
  ];
  const { tracks, warnings } = read(...formats);
  assert.deepEqual(
    [tracks[0]?.codec, tracks[0]?.payloadType, tracks[0]?.fmtp],
    ["vp9", 108, "profile-id=0"],
  );
  assert.deepEqual(warnings, [
    "SDP line 6: payload type 108 (VP9) is received, 35 (h266), 100 (VP8) not",
  ]);
  const phone = [
    "m=audio 5006 RTP/AVP 101 97",
    "a=rtpmap:101 telephone-event/8000",
    "a=rtpmap:97 opus/48000/2",
  ];
  assert.deepEqual(codecsOf(read(...phone).tracks), ["opus"]);
  // Nothing can be read: the first is forwarded.
  const unknown = read("m=video 5004 RTP/AVP 26");
  assert.deepEqual(codecsOf(unknown.tracks), ["jpeg"]);
  assert.match(unknown.warnings[0] ?? "", /forwarded as it is/);
});

test("attributes of the session hold for media without their own", () => {
  const { tracks } = read(
    ...["a=rtcp-mux", "a=rtpmap:96 VP8/90000", "a=fmtp:96 max-fs=1"],
    ...["m=video 5004 RTP/AVP 96", "m=video 5006 RTP/AVP 96", "a=rtpmap:96 H264/90000"],
  );
  assert.deepEqual(codecsOf(tracks), ["vp8", "h264"]);
  assert.deepEqual(
    tracks.map(({ rtcpMux, rtcpPort }) => [rtcpMux, rtcpPort]),
    [
      [true, 5004],
      [true, 5006],
    ],
  );
});

test("format parameters under another payload type are taken where nothing else can be meant", () => {
  const config = "mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408";
  const aac = ["m=audio 5006 RTP/AVP 104", "a=rtpmap:104 MPEG4-GENERIC/16000"];
  const { tracks, warnings } = read(...aac, `a=fmtp:97 ${config}`);
  assert.equal(tracks[0]?.fmtp, config);
  assert.deepEqual(warnings, ["SDP line 8: a=fmtp:97 is taken for payload type 104"]);
  // Two formats, or two lines: either could be meant.
  assert.equal(read(...aac, "a=fmtp:97 x=1", "a=fmtp:98 y=1").tracks[0]?.fmtp, undefined);
  const two = ["m=audio 5006 RTP/AVP 104 0", "a=rtpmap:104 MPEG4-GENERIC/16000"];
  assert.equal(read(...two, "a=fmtp:97 x=1").tracks[0]?.fmtp, undefined);
});

test("AAC that its format parameters do not describe is received, with a warning that says what to do", () => {
  const aac = ["m=audio 5006 RTP/AVP 97", "a=rtpmap:97 MPEG4-GENERIC/48000/2"];
  for (const fmtp of ["", "mode=AAC-hbr;sizelength=13", "config=zz"]) {
    const { tracks, warnings } = read(...aac, `a=fmtp:97 ${fmtp}`);
    assert.deepEqual(codecsOf(tracks), ["mpeg4-generic"]);
    assert.match(warnings.join(), /not supported: AAC .*--ffmpeg/);
  }
});

test("parameter sets that are broken, empty or without padding are no reason to refuse", () => {
  const withSets = (name: string, sets: string) => {
    const fmtp = `a=fmtp:96 profile-level-id=42e01f;${name}=${sets};packetization-mode=1`;
    const { tracks, warnings } = read(...VIDEO.slice(0, 2), fmtp);
    return { sets: tracks[0]?.parameterSets, fmtp: tracks[0]?.fmtp, warnings: warnings.length };
  };
  const kept = "profile-level-id=42e01f;packetization-mode=1";
  assert.deepEqual(withSets("sprop-parameter-sets", "@@@,aO44gA=="), {
    ...{ sets: undefined, fmtp: kept, warnings: 1 },
  });
  for (const empty of ["", ","])
    assert.equal(withSets("sprop-parameter-sets", empty).sets, undefined);
  assert.deepEqual(withSets("sprop-parameter-sets", "aM48gA").sets, ["aM48gA"]);
  assert.deepEqual(withSets("Sprop-Parameter-Sets", "aM48gA==,").sets, ["aM48gA=="]);
  // Names in any case are replaced, not doubled.
  const written = "Packetization-Mode=1; Sprop-Parameter-Sets=AAAA";
  assert.equal(
    fmtpWithSets("h264", written, ["aM48gA=="]),
    "Packetization-Mode=1; sprop-parameter-sets=aM48gA==",
  );
});

test("ports for RTCP that are none are passed over", () => {
  for (const wrong of ["0", "70000", "x", "-1", ""]) {
    const { tracks, warnings } = read(...VIDEO, `a=rtcp:${wrong}`);
    assert.deepEqual([tracks[0]?.rtcpPort, warnings.length], [5005, 1], wrong);
  }
});

test("addresses of IPv6 are read", () => {
  const host = (line: string) => read(...VIDEO, line).tracks[0]?.host;
  assert.equal(host("c=IN IP6 ::1"), "::1");
  assert.equal(host("c=IN IP6 fe80::1%eth0"), "fe80::1%eth0");
  assert.equal(host("c=IN IP4 0.0.0.0"), "0.0.0.0");
});

test("whatever one line of a description becomes, the medium that it does not concern is received", () => {
  const audio = ["m=audio 5006 RTP/AVP 97", "a=rtpmap:97 opus/48000/2"];
  const lines = [...HEAD.slice(1), ...VIDEO.slice(1)];
  const garble = fc.constantFrom<(line: string) => string>(
    (line) => line.slice(0, 3),
    (line) => line.replace(/\d+/g, "99999999999999999999"),
    (line) => line.replace(/ /g, "   "),
    (line) => line.toUpperCase().replace(/^./, (first) => first.toLowerCase()),
    (line) => line.replaceAll("/", " "),
    (line) => `${line};;=;`,
    () => "",
  );
  fc.assert(
    fc.property(fc.nat(lines.length - 1), garble, (which, change) => {
      const changed = lines.map((line, at) => (at === which ? change(line) : line));
      const text = [HEAD[0], ...changed.slice(0, 4), VIDEO[0], ...changed.slice(4), ...audio];
      assert.ok(codecsOf(parseSdp(text.join("\n")).tracks).includes("opus"));
    }),
    { numRuns: 300, seed: 20_261_130 },
  );
});
