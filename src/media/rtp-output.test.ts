import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { MeanderError } from "../base/index.ts";
import { decodeRtcp, encodePacket, encodeRtcp, KIND, type RtcpPacket } from "../wire/index.ts";
import { closePortPair, openPortPair } from "./port-pair.ts";
import { RtpOutput } from "./rtp-output.ts";

const HOST = "127.0.0.1";
const REPORT: RtcpPacket = {
  type: "sender-report",
  ssrc: 77,
  ntpSeconds: 1,
  ntpFraction: 2,
  rtpTimestamp: 3,
  packetCount: 4,
  octetCount: 5,
  reports: [],
};

function packet(medium: number, payload: Uint8Array, kind: number = KIND.rtp): Uint8Array {
  const identity = { channel: 1, source: 2, sourceGeneration: 0, sequence: 3 };
  return encodePacket({ kind, flags: 0, medium, ...identity }, payload);
}

test("a receiver gets the RTP of its medium without our header, reports as given, and a goodbye", async () => {
  const pair = await openPortPair(HOST, 0);
  const output = await RtpOutput.open({ host: HOST, tracks: [{ medium: 2, port: pair.rtpPort }] });
  const rtp = Uint8Array.of(0x80, 96, 0, 1);
  const gotRtp = once(pair.rtp, "message");
  output.packet(packet(1, Uint8Array.of(9)));
  output.packet(packet(2, Uint8Array.of(9), KIND.data));
  output.packet(packet(2, rtp));
  assert.deepEqual(new Uint8Array((await gotRtp)[0]), rtp);
  assert.equal(output.packets, 1);

  const rtcp = encodeRtcp([REPORT]);
  const gotReport = once(pair.rtcp, "message");
  const source = { source: 2, generation: 0, medium: 2 };
  output.report({ ...source, ingestMs: 0, rtpTimestamp: 0, rtcp: new Uint8Array(0) });
  output.report({ ...source, ingestMs: 0, rtpTimestamp: 0, rtcp });
  assert.deepEqual(new Uint8Array((await gotReport)[0]), rtcp);

  const gotBye = once(pair.rtcp, "message");
  output.close("over");
  output.close("over");
  output.packet(packet(2, rtp));
  const goodbye = decodeRtcp((await gotBye)[0]);
  assert.deepEqual(goodbye, [REPORT, { type: "bye", ssrcs: [77], reason: "over" }]);
  assert.equal(output.packets, 1);
  closePortPair(pair);
});

test("nobody listening is counted and nothing else", async () => {
  const pair = await openPortPair(HOST, 0);
  const { rtpPort } = pair;
  closePortPair(pair);
  const output = await RtpOutput.open({ host: HOST, tracks: [{ medium: 2, port: rtpPort }] });
  // The refusal of one datagram is told to a later one.
  while (output.drops.get("refused") === 0) {
    output.packet(packet(2, Uint8Array.of(1)));
    await new Promise((resolve) => setImmediate(resolve));
  }
  output.close("over");
});

test("a port that cannot be is an error that says so", async () => {
  const opening = RtpOutput.open({ host: HOST, tracks: [{ medium: 2, port: 65_535 }] });
  await assert.rejects(opening, (error) => {
    assert.ok(error instanceof MeanderError);
    assert.equal(error.code, "output-invalid");
    assert.match(error.message, /RTP port from 1 to 65534/);
    return true;
  });
});
