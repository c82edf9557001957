import type { Random } from "../../src/base/index.ts";

/** Longest input made, bytes. */
const BYTES_MAX = 66_000;
/** Numbers at which lengths and counts go wrong. */
const EDGES = [0, 1, 2, 19, 20, 21, 0x7f, 0x80, 0xfe, 0xff];

/** New bytes out of samples: bits flipped, cut, grown, joined, numbers at their edges; now and then nothing but chance. */
export function mutate(random: Random, samples: readonly Uint8Array[]): Uint8Array {
  const pick = (): Uint8Array => samples[random.below(samples.length)] ?? new Uint8Array(0);
  if (samples.length === 0 || random.below(16) === 0) return noise(random, random.below(300));
  let bytes: Uint8Array = pick().slice();
  for (let round = random.below(5); round >= 0; round--) {
    const at = random.below(bytes.byteLength + 1);
    switch (random.below(9)) {
      case 0:
        if (at < bytes.byteLength) bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
        break;
      case 1:
        if (at < bytes.byteLength) bytes[at] = EDGES[random.below(EDGES.length)] as number;
        break;
      case 2:
        bytes = bytes.slice(0, at);
        break;
      case 3:
        bytes = bytes.slice(at);
        break;
      case 4:
        bytes = joined(bytes.subarray(0, at), noise(random, random.below(40)), bytes.subarray(at));
        break;
      case 5:
        bytes = joined(bytes.subarray(0, at), pick(), bytes.subarray(at));
        break;
      case 6:
        bytes = joined(bytes, bytes, pick());
        break;
      case 7: {
        // A number of two bytes, in either byte order.
        if (at + 2 > bytes.byteLength) break;
        const value = EDGES[random.below(EDGES.length)] as number;
        bytes[at] = value;
        bytes[at + 1] = random.below(2) === 0 ? 0xff : 0;
        break;
      }
      case 8: {
        const other = pick();
        bytes = joined(bytes.subarray(0, at), other.subarray(random.below(other.byteLength + 1)));
        break;
      }
    }
  }
  return bytes.byteLength > BYTES_MAX ? bytes.slice(0, BYTES_MAX) : bytes;
}

/** Bytes of chance. */
export function noise(random: Random, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => random.below(256));
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}
