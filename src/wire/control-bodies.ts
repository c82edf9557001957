/**
 * The binary bodies of control messages, which are sent many times a second. Their fields are read and written in
 * place: a view of bytes as short as these costs more than all the rest.
 */
import { LIMITS } from "../base/index.ts";
import {
  readF64LittleEndian as readF64,
  readU32LittleEndian as readU32,
  writeF64LittleEndian as writeF64,
  writeU32LittleEndian as writeU32,
} from "./bytes/little-endian.ts";
import type { ControlFault, ControlMessage, SourcePoint } from "./control.ts";

/** A message with a binary body. */
export type BinaryMessage = Extract<
  ControlMessage,
  { readonly type: "heartbeat" | "ack" | "repair" | "report" | "gap" | "bye" }
>;

const POINT_BYTES = 10;
const EMPTY = new Uint8Array(0);

/** A message as its type code and its body. */
export function encodeBinary(code: number, message: BinaryMessage): Uint8Array {
  switch (message.type) {
    case "heartbeat": {
      const bytes = body(code, 24);
      writeF64(bytes, 1, message.sentAt);
      writeF64(bytes, 9, message.echo);
      writeF64(bytes, 17, message.heldMs);
      return bytes;
    }
    case "ack": {
      const bytes = body(code, message.points.length * POINT_BYTES);
      for (const [index, each] of message.points.entries())
        writePoint(bytes, 1 + index * POINT_BYTES, each);
      return bytes;
    }
    case "repair": {
      const bytes = body(code, POINT_BYTES + 4);
      writePoint(bytes, 1, message.point);
      writeU32(bytes, 1 + POINT_BYTES, message.bitmap);
      return bytes;
    }
    case "report": {
      const bytes = body(code, 12 + message.rtcp.byteLength);
      writeF64(bytes, 1, message.ingestMs);
      writeU32(bytes, 9, message.rtpTimestamp);
      bytes.set(message.rtcp, 13);
      return bytes;
    }
    case "gap": {
      const bytes = body(code, 8);
      writeU32(bytes, 1, message.sequence);
      writeU32(bytes, 5, message.count);
      return bytes;
    }
    case "bye":
      return body(code, 0);
  }
}

/** Reads a body that stands in `bytes` between `from` and `end`. Copies; never throws. */
export function decodeBinary(
  type: BinaryMessage["type"],
  bytes: Uint8Array,
  from: number,
  end: number,
): ControlMessage | ControlFault {
  const size = end - from;
  switch (type) {
    case "heartbeat":
      if (size !== 24) return "short";
      return {
        type,
        sentAt: readF64(bytes, from),
        echo: readF64(bytes, from + 8),
        heldMs: readF64(bytes, from + 16),
      };
    case "ack": {
      const count = size / POINT_BYTES;
      if (!Number.isInteger(count) || count > LIMITS.sourcesMax) return "shape";
      const points: SourcePoint[] = [];
      for (let at = from; at < end; at += POINT_BYTES) points.push(readPoint(bytes, at));
      return { type, points };
    }
    case "repair":
      if (size !== POINT_BYTES + 4) return "short";
      return { type, point: readPoint(bytes, from), bitmap: readU32(bytes, from + POINT_BYTES) };
    case "report":
      if (size < 12) return "short";
      return {
        type,
        ingestMs: readF64(bytes, from),
        rtpTimestamp: readU32(bytes, from + 8),
        rtcp: size === 12 ? EMPTY : bytes.slice(from + 12, end),
      };
    case "gap":
      if (size !== 8) return "short";
      return { type, sequence: readU32(bytes, from), count: readU32(bytes, from + 4) };
    case "bye":
      return { type };
  }
}

function body(code: number, size: number): Uint8Array {
  const bytes = new Uint8Array(1 + size);
  bytes[0] = code;
  return bytes;
}

function writePoint(bytes: Uint8Array, at: number, value: SourcePoint): void {
  writeU32(bytes, at, value.source);
  bytes[at + 4] = value.generation;
  bytes[at + 5] = value.medium;
  writeU32(bytes, at + 6, value.sequence);
}

function readPoint(bytes: Uint8Array, at: number): SourcePoint {
  return {
    source: readU32(bytes, at),
    generation: bytes[at + 4] as number,
    medium: bytes[at + 5] as number,
    sequence: readU32(bytes, at + 6),
  };
}
