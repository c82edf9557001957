import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { MeanderError } from "../base/index.ts";
import { depacketizerFor, inspectPayload, KNOWN_CODECS } from "./codecs/formats.ts";
import type { Frame } from "./codecs/media-format.ts";
import { decodeVp8Descriptor } from "./codecs/vp8.ts";
import { decodeVp9Descriptor } from "./codecs/vp9.ts";
import { decodeControl, encodeControl } from "./control.ts";
import { encodeFramed, FramedReader } from "./framing.ts";
import { decodeHeader, encodeHeader, HEADER_BYTES } from "./header.ts";
import { decodeRtcp, encodeRtcp } from "./rtp/rtcp.ts";
import { decodeRtp, encodeRtp } from "./rtp/rtp.ts";
import { parseSdp } from "./sdp/sdp.ts";

interface CodecVectors {
  valid: { name: string; hex: string; value: unknown; canonical?: boolean }[];
  invalid: { name: string; hex: string; fault: string }[];
}

/** Bytes -> value -> the same bytes, for every codec whose faults are words. */
function codecVectors<T>(
  codec: string,
  decode: (bytes: Uint8Array) => T | string,
  encode: (value: T, bytes: Uint8Array) => Uint8Array,
): void {
  const { valid, invalid } = readVectors<CodecVectors>(codec);
  for (const { name, hex, value, canonical } of valid) {
    test(`${codec} vector: ${name}`, () => {
      const bytes = fromHex(hex);
      const decoded = decode(bytes);
      assert.deepEqual(plain(decoded), value);
      if (typeof decoded === "string" || canonical === false) return;
      assert.equal(toHex(encode(decoded, bytes)), toHex(bytes));
    });
  }
  for (const { name, hex, fault } of invalid) {
    test(`${codec} vector, wrong: ${name}`, () => {
      assert.equal(decode(fromHex(hex)), fault);
    });
  }
}

codecVectors("header", decodeHeader, (header, bytes) => {
  const target = bytes.slice().fill(0, 0, HEADER_BYTES);
  encodeHeader(header, target);
  return target;
});
codecVectors("control", decodeControl, encodeControl);
codecVectors("rtp", decodeRtp, encodeRtp);
codecVectors("rtcp", decodeRtcp, encodeRtcp);

interface FramingVector {
  name: string;
  chunks: string[];
  packets: string[];
  heldBytes: number;
}

const framing = readVectors<{ valid: FramingVector[]; invalid: FramingVector[] }>("framing");
for (const { name, chunks, packets, heldBytes } of [...framing.valid, ...framing.invalid]) {
  test(`framing vector: ${name}`, () => {
    const reader = new FramedReader();
    const read = chunks.flatMap((chunk) => reader.push(fromHex(chunk)));
    assert.deepEqual(read.map(toHex), packets);
    assert.equal(reader.heldBytes, heldBytes);
  });
}

test("framing writes each packet behind its length", () => {
  assert.equal(toHex(encodeFramed([fromHex("aabb"), fromHex("cc")])), "0002aabb0001cc");
});

interface FormatVector {
  name: string;
  parameterSets?: string[];
  clockRate?: number;
  fmtp?: string;
  packets: { timestamp: number; marker: boolean; payload: string; lost?: boolean }[];
  frames: { timestamp: number; key: boolean; bytes: string }[];
  dropped: number;
}

interface FormatVectors {
  valid: FormatVector[];
  invalid: FormatVector[];
  facts: { name: string; payload: string; value: unknown }[];
}

for (const codec of KNOWN_CODECS) {
  // They differ by their tables alone.
  if (codec === "pcma") continue;
  const { valid, invalid, facts } = readVectors<FormatVectors>(codec);
  for (const vector of [...valid, ...invalid]) {
    test(`${codec} vector: ${vector.name}`, () => {
      const { frames, dropped } = depacketize(codec, vector);
      assert.deepEqual(
        plain(frames),
        vector.frames.map((frame) => ({ ...frame, bytes: toHex(fromHex(frame.bytes)) })),
      );
      assert.equal(dropped, vector.dropped);
    });
  }
  for (const { name, payload, value } of facts) {
    test(`${codec} facts: ${name}`, () => {
      assert.deepEqual(plain(inspectPayload(codec, fromHex(payload))), value);
    });
  }
}

const descriptorDecoders = { vp8: decodeVp8Descriptor, vp9: decodeVp9Descriptor };
for (const [codec, decode] of Object.entries(descriptorDecoders)) {
  const { descriptors } = readVectors<{ descriptors: FormatVectors["facts"] }>(codec);
  for (const { name, payload, value } of descriptors) {
    test(`${codec} descriptor: ${name}`, () => {
      assert.deepEqual(plain(decode(fromHex(payload))), value);
    });
  }
}

const sdp = readVectors<{
  valid: { name: string; text: string[]; value: object; warnings?: string[] }[];
  invalid: { name: string; text: string[]; code: string; where?: string }[];
}>("sdp");
for (const { name, text, value, warnings = [] } of sdp.valid) {
  for (const lineEnd of ["\n", "\r\n"]) {
    test(`sdp vector: ${name}, lines end with ${JSON.stringify(lineEnd)}`, () => {
      assert.deepEqual(plain(parseSdp(text.join(lineEnd))), { ...value, warnings });
    });
  }
}
for (const { name, text, code, where } of sdp.invalid) {
  test(`sdp vector, wrong: ${name}`, () => {
    assert.throws(
      () => parseSdp(text.join("\n")),
      (error) => {
        assert(error instanceof MeanderError);
        assert.equal(error.code, code);
        assert.equal(error.where, where);
        assert.notEqual(error.expected, undefined);
        return true;
      },
    );
  });
}

function depacketize(codec: string, vector: FormatVector): { frames: Frame[]; dropped: number } {
  const parameterSets = vector.parameterSets?.map(fromHex);
  const { clockRate, fmtp } = vector;
  const depacketizer = depacketizerFor(codec, { parameterSets, clockRate, fmtp });
  assert(depacketizer !== undefined);
  const frames: Frame[] = [];
  for (const { timestamp, marker, payload, lost } of vector.packets) {
    if (lost === true) depacketizer.lost();
    const bytes = fromHex(payload);
    const head = { payloadType: 96, sequence: 0, ssrc: 0, csrcs: [], extensions: [] };
    let frame = depacketizer.push({ ...head, timestamp, marker, payload: bytes });
    for (; frame !== undefined; frame = depacketizer.more()) frames.push(frame);
  }
  // The first frame waits for the packet behind its marker.
  const last = depacketizer.waiting === "marked" ? depacketizer.finish() : undefined;
  if (last !== undefined) frames.push(last);
  return { frames, dropped: depacketizer.dropped };
}

/** The tests run from the compiled output; the vectors stay with the source. */
function readVectors<T>(codec: string): T {
  let root = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(root, "package.json"))) root = dirname(root);
  return JSON.parse(readFileSync(join(root, "src/wire/vectors", `${codec}.json`), "utf8")) as T;
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.replaceAll(" ", "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** As JSON, with bytes in hexadecimal and without what is undefined. */
function plain(value: unknown): unknown {
  const text = JSON.stringify(value, (_key, part: unknown) => {
    return part instanceof Uint8Array ? toHex(part) : part;
  });
  return JSON.parse(text);
}
