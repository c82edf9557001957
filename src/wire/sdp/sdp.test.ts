import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS, MeanderError } from "../../base/index.ts";
import { encodeParameterSets } from "../codecs/parameter-sets.ts";
import { parseSdp, type SdpTrack } from "./sdp.ts";
import { formatSdp } from "./sdp-writer.ts";
import { fmtpWithSets } from "./set-parameters.ts";

const port = fc.integer({ min: 1, max: 65_534 });
const place = fc.tuple(port, port, fc.boolean()).map(([media, rtcp, rtcpMux]) => ({
  port: media,
  rtcpPort: rtcpMux ? media : rtcp,
  rtcpMux,
}));
const payloadType = fc.integer({ min: 96, max: 127 });
const host = fc.constantFrom("127.0.0.1", "::1", "media.example.org");
const sets = fc
  .array(fc.uint8Array({ minLength: 1, maxLength: 30 }), { minLength: 1, maxLength: 3 })
  .map(encodeParameterSets);
const h264 = fc.tuple(place, payloadType, host, sets).map(([where, type, each, parameterSets]) => ({
  kind: "video" as const,
  codec: "h264",
  payloadType: type,
  clockRate: 90_000,
  channels: undefined,
  fmtp: `packetization-mode=1; sprop-parameter-sets=${parameterSets.join(",")}`,
  parameterSets,
  host: each,
  ...where,
}));
/** NAL units of one type. */
const setsOfType = (type: number) =>
  fc
    .array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 2 })
    .map((all) => encodeParameterSets(all.map((rest) => Uint8Array.of(type << 1, 1, ...rest))));
const h265 = fc
  .tuple(place, payloadType, host, setsOfType(32), setsOfType(33), setsOfType(34))
  .map(([where, type, each, vps, sps, pps]) => ({
    kind: "video" as const,
    codec: "h265",
    payloadType: type,
    clockRate: 90_000,
    channels: undefined,
    fmtp: `sprop-vps=${vps.join(",")}; sprop-sps=${sps.join(",")}; sprop-pps=${pps.join(",")}`,
    parameterSets: [...vps, ...sps, ...pps],
    host: each,
    ...where,
  }));
const opus = fc.tuple(place, payloadType, host).map(([where, type, each]) => ({
  kind: "audio" as const,
  codec: "opus",
  payloadType: type,
  clockRate: 48_000,
  channels: 2,
  fmtp: "minptime=10;useinbandfec=1",
  parameterSets: undefined,
  host: each,
  ...where,
}));
const pcmu = fc.tuple(place, host).map(([where, each]) => ({
  kind: "audio" as const,
  codec: "pcmu",
  payloadType: 0,
  clockRate: 8000,
  channels: 1,
  fmtp: undefined,
  parameterSets: undefined,
  host: each,
  ...where,
}));
const tracks: fc.Arbitrary<SdpTrack[]> = fc.array(fc.oneof(h264, h265, opus, pcmu), {
  minLength: 1,
  maxLength: 5,
});
const title = fc
  .stringMatching(/^[A-Za-z][A-Za-z0-9 ]{0,20}[a-z]$/)
  .filter((each) => !/ {2}/.test(each));

test("parsing gives what was formatted", () => {
  fc.assert(
    fc.property(title, host, tracks, (name, site, list) => {
      const text = formatSdp({ title: name, host: site, tracks: list });
      const { title: read, tracks: found } = parseSdp(text);
      assert.deepEqual({ title: read, tracks: found }, { title: name, tracks: list });
    }),
  );
});

test("any text is a session or a MeanderError with a code for it", () => {
  const lines = fc.array(
    fc.oneof(
      fc.constantFrom("v=0", "m=video 5004 RTP/AVP 96", "m=audio 5006 RTP/AVP 0", "a=rtcp-mux"),
      fc.constantFrom("a=rtpmap:96 H264/90000", "c=IN IP4 127.0.0.1", "a=rtcp:1", "a=fmtp:96 a"),
      fc
        .tuple(fc.constantFrom("m=", "a=rtpmap:", "c=", "a="), fc.string())
        .map((parts) => parts.join("")),
      fc.string(),
    ),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(lines, (list) => {
      try {
        assert(parseSdp(["v=0", ...list].join("\n")).tracks.length > 0);
      } catch (error) {
        assert(error instanceof MeanderError);
        assert.match(error.code, /^sdp-(invalid|no-media|port-invalid)$/);
      }
    }),
    { numRuns: 2000 },
  );
});

test("what goes out for players has one line for each thing they need", () => {
  const text = formatSdp({
    title: "clip\r\nm=evil",
    host: "127.0.0.1",
    tracks: [
      {
        kind: "video",
        codec: "h264",
        payloadType: 96,
        clockRate: 90_000,
        fmtp: "sprop-parameter-sets=b2xk;profile-level-id=42e01f",
        parameterSets: ["Z0I=", "aM4="],
        port: 5004,
        rtcpPort: 5005,
        rtcpMux: false,
      },
      {
        kind: "audio",
        codec: "opus",
        payloadType: 111,
        clockRate: 48_000,
        port: 5006,
        rtcpPort: 5006,
        rtcpMux: true,
      },
    ],
  });
  assert.deepEqual(text.split("\r\n"), [
    "v=0",
    "o=- 0 0 IN IP4 127.0.0.1",
    "s=clip m=evil",
    "c=IN IP4 127.0.0.1",
    "t=0 0",
    "m=video 5004 RTP/AVP 96",
    "a=rtpmap:96 H264/90000",
    "a=fmtp:96 packetization-mode=1; profile-level-id=42e01f; sprop-parameter-sets=Z0I=,aM4=",
    "m=audio 5006 RTP/AVP 111",
    "a=rtpmap:111 opus/48000/2",
    "a=rtcp-mux",
    "",
  ]);
});

test("port 0 is allowed where ports will be assigned", () => {
  const text = "v=0\ns=x\nm=audio 0 RTP/AVP 0\n";
  const [track] = parseSdp(text, { portsRequired: false }).tracks;
  assert.equal(track?.port, 0);
  assert.equal(track?.rtcpPort, 0);
  assert.throws(() => parseSdp(text), { code: "sdp-port-invalid" });
});

test("a wrong port is reported with its line, the line itself and what was expected", () => {
  assert.throws(() => parseSdp("v=0\ns=x\nm=video 99999 RTP/AVP 96\n"), {
    message:
      'SDP line 3: wrong port in "m=video 99999 RTP/AVP 96"; expected a whole number from 1 to 65535',
  });
});

test("text, tracks and parameters beyond their limits are refused", () => {
  const long = `v=0\n${"a=x\n".repeat(LIMITS.sdpCharactersMax / 4)}`;
  assert.throws(() => parseSdp(long), { code: "sdp-invalid" });
  const many = `v=0\n${"m=audio 4000 RTP/AVP 0\n".repeat(33)}`;
  assert.throws(() => parseSdp(many), { code: "sdp-invalid" });
  const fmtp = `v=0\nm=audio 4000 RTP/AVP 0\na=fmtp:0 ${"x".repeat(4097)}\n`;
  assert.throws(() => parseSdp(fmtp), { code: "sdp-invalid", where: "SDP line 2" });
  const track = `m=audio 4000 RTP/AVP 0\na=fmtp:0 ${"x".repeat(4096)}\n`;
  assert.equal(parseSdp(`v=0\n${track.repeat(2)}`).tracks.length, 2);
  assert.throws(() => parseSdp(`v=0\n${track.repeat(3)}`), { code: "sdp-invalid" });
  const sets = `a=fmtp:96 sprop-parameter-sets=${"aM4=,".repeat(17)}`;
  assert.throws(() => parseSdp(`v=0\nm=video 4000 RTP/AVP 96\na=rtpmap:96 H264/90000\n${sets}`), {
    code: "sdp-invalid",
    where: "SDP line 2",
  });
});

test("H.265 parameter sets that came later replace those of the text, each under its name", () => {
  const sets = encodeParameterSets([0x44, 0x40, 0x42].map((head) => Uint8Array.of(head, 1, 2)));
  const [pps, vps, sps] = sets;
  const old = "profile-id=1; sprop-vps=AAAA; sprop-pps=AAAA";
  assert.equal(
    fmtpWithSets("h265", old, sets),
    `profile-id=1; sprop-vps=${vps}; sprop-sps=${sps}; sprop-pps=${pps}`,
  );
  assert.equal(fmtpWithSets("h265", old, []), old);
  assert.equal(fmtpWithSets("h265", undefined, []), undefined);
});
