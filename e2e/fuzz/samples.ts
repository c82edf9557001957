import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../../src/base/index.ts";
import { encodeHandshake } from "../../src/host/frames/handshake-message.ts";
import { packageRoot } from "../../src/site/index.ts";
import { encodeFrame } from "../../src/stream/frames.ts";
import { encodeState, freshState } from "../../src/stream/index.ts";
import {
  decodeControl,
  encodePacket,
  encodeRtp,
  KIND,
  packetizerFor,
  packValue,
  type RtpPacket,
} from "../../src/wire/index.ts";
import { controlPacket, viewerHello } from "../support/hostile.ts";
import { noise } from "./mutate.ts";

/** Sound input of every kind. */
export interface Samples {
  readonly packets: readonly Uint8Array[];
  readonly controls: readonly Uint8Array[];
  readonly controlPackets: readonly Uint8Array[];
  readonly rtp: readonly Uint8Array[];
  readonly rtcp: readonly Uint8Array[];
  readonly frames: readonly Uint8Array[];
  readonly states: readonly Uint8Array[];
  readonly handshakes: readonly Uint8Array[];
  readonly values: readonly Uint8Array[];
  readonly sdp: readonly string[];
  readonly stacks: readonly string[];
  readonly routes: readonly string[];
  readonly directory: readonly string[];
  readonly shell: readonly string[];
  /** RTP packets of frames of chance. */
  ofCodec(codec: string): readonly Uint8Array[];
}

/** Makes the samples; those of the wire are the vectors that the codecs are tested with. */
export function samplesOf(random: Random): Samples {
  const controls = vectors("control");
  const rtp = vectors("rtp");
  const header = { flags: 0, channel: 1, source: 7, medium: 2, sourceGeneration: 0 };
  const packets = [
    ...vectors("header"),
    ...rtp.map((each, sequence) => encodePacket({ ...header, kind: KIND.rtp, sequence }, each)),
    ...[0, 1, 2].map((sequence) =>
      encodePacket({ ...header, kind: KIND.data, sequence }, noise(random, 50)),
    ),
  ];
  const controlPackets = [
    viewerHello("fuzz"),
    ...controls.flatMap((payload) => {
      const message = decodeControl(payload);
      return typeof message === "string" ? [] : [controlPacket(message, 1)];
    }),
    controlPacket({ type: "subscribe", request: 1, channel: "news", forward: true, resume: [] }),
  ];
  const value = { a: [1, "two", new Uint8Array(3)], b: new Map([["x", new Date(0)]]), c: 1n };
  return {
    packets,
    controls,
    controlPackets,
    rtp,
    rtcp: vectors("rtcp"),
    frames: frames(random),
    states: [encodeState(freshState(packValue({ count: 1 })))],
    handshakes: handshakes(random),
    values: [packValue(value), packValue([1, 2, 3]), packValue("text")],
    sdp: texts("sdp"),
    stacks: ["udp", "frag:udp", "frag(mtu=1400):udp", "tcp", "frag(mtu=64K):memory"],
    routes: [
      '{"upstreams":["a"],"channels":{"news":{"input":{"from":["b"],"stack":"tcp"}}}}',
      "{}",
    ],
    directory: [
      '{"type":"hello","protocol":1,"directory":"d"}',
      '{"type":"request","call":1,"subject":"open","payload":{"channel":"news"}}',
      '{"type":"answer","call":1,"result":null}',
      '{"type":"change","watch":1,"change":{"type":"deleted","key":"a","revision":2}}',
      '{"type":"serve","site":"north","instance":7}',
    ],
    shell: [
      '{"type":"hello","protocol":1,"name":"repl"}',
      '{"type":"call","id":1,"call":"streams","args":{}}',
      '{"type":"subscribe","subscription":1,"filter":{}}',
      '{"type":"failure","id":1,"error":{"code":"x","message":"y"}}',
    ],
    ofCodec: (codec) => [...vectorPackets(codec), ...madePackets(codec, random)],
  };
}

/** The packets of the format's vectors: what ffmpeg and GStreamer send, and what they should not. */
function vectorPackets(codec: string): Uint8Array[] {
  // Its packets are those of µ-law.
  const name = codec === "pcma" ? "pcmu" : codec;
  const packets = read(name).flatMap(({ packets: all = [] }) => all);
  return packets.map(({ marker, payload, timestamp }, sequence) => {
    const bytes = Uint8Array.from(Buffer.from(payload.replaceAll(" ", ""), "hex"));
    return rtpOf({ marker, payload: bytes, sequence, timestamp });
  });
}

function madePackets(codec: string, random: Random): Uint8Array[] {
  const packetizer = packetizerFor(codec, { maxPayloadBytes: 120 });
  if (packetizer === undefined) return [];
  let sequence = 0;
  return [1, 60, 500].flatMap((bytes, frame) =>
    packetizer
      .packetize({ bytes: accessUnit(random, bytes), key: frame === 0 })
      .map((payload, index, all) => {
        const marker = index === all.length - 1;
        return rtpOf({ marker, payload, sequence: sequence++, timestamp: frame * 3_000 });
      }),
  );
}

function rtpOf(
  packet: Pick<RtpPacket, "marker" | "payload" | "sequence" | "timestamp">,
): Uint8Array {
  return encodeRtp({ payloadType: 96, ssrc: 1, csrcs: [], extensions: [], ...packet });
}

/** Bytes that pass for a frame of most codecs: two NAL units behind start codes. */
function accessUnit(random: Random, bytes: number): Uint8Array {
  const unit = noise(random, bytes);
  return Uint8Array.from([0, 0, 0, 1, 0x65, ...unit, 0, 0, 0, 1, 0x41, 0x9a, ...unit]);
}

interface Vector {
  readonly hex?: string;
  readonly text?: string;
  readonly packets?: readonly {
    readonly marker: boolean;
    readonly payload: string;
    readonly timestamp: number;
  }[];
}

/** The vectors of a codec, sound and unsound. */
function read(name: string): readonly Vector[] {
  const file = join(packageRoot(), "src/wire/vectors", `${name}.json`);
  const groups = JSON.parse(readFileSync(file, "utf8")) as Record<string, readonly Vector[]>;
  return Object.values(groups).flat();
}

function vectors(name: string): Uint8Array[] {
  return read(name).flatMap(({ hex }) =>
    hex === undefined ? [] : [Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"))],
  );
}

function texts(name: string): string[] {
  return read(name).flatMap(({ text }) => text ?? []);
}

/** A frame of each type. */
function frames(random: Random): Uint8Array[] {
  const ends = { source: 65_537, target: 131_074, targetEpoch: 3 };
  const segments = [{ flags: 1, bytes: noise(random, 30) }];
  const append = { ...ends, sourceEpoch: 2, base: 4, first: 5, sourceName: "counter", segments };
  return [
    encodeFrame({ type: "append", ...append }),
    encodeFrame({ type: "ack", ...ends, consumed: 4, received: 5, credit: 64, beyondGap: 7 }),
    encodeFrame({ type: "moved", ...ends, siteInstance: { site: "north", instance: 9 } }),
    encodeFrame({ type: "refused", ...ends, code: "stream-unknown", message: "there is none" }),
    encodeFrame({ type: "resync", ...ends, sourceEpoch: 2 }),
    encodeFrame({ type: "resynced", ...ends, sourceEpoch: 2, received: 4 }),
  ];
}

function handshakes(random: Random): Uint8Array[] {
  const [nonce, challenge, token] = [noise(random, 16), noise(random, 16), noise(random, 8)];
  const proof = noise(random, 32);
  const [from, to] = [
    { site: "north", instance: 1 },
    { site: "south", instance: 2 },
  ];
  return [
    encodeHandshake({ type: "hello", nonce }),
    encodeHandshake({ type: "challenge", nonce, challenge }),
    encodeHandshake({ type: "proof", nonce, challenge, from, to, isSealed: false, proof }),
    encodeHandshake({ type: "proof", nonce, challenge, from, to, isSealed: true, proof }),
    encodeHandshake({ type: "welcome", nonce, token, proof }),
    encodeHandshake({ type: "refusal", nonce, reason: "wrong-site" }),
    encodeHandshake({ type: "data", token, frames: noise(random, 60) }),
    encodeHandshake({ type: "unknownToken", token }),
  ];
}
