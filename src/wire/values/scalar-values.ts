import { makeRoom, put, putI64, putU32, putU64, writeExtension } from "./byte-target.ts";

const BIGINT = 0x42;
const TIME = 0xff;
const I64_END = 1n << 63n;
const U64_END = 1n << 64n;

/** A time, ms since 1970; NaN: an invalid one. There is room for it. */
export function writeTime(ms: number): void {
  const seconds = Math.floor(ms / 1_000);
  const rest = ms - seconds * 1_000;
  if (Number.isNaN(ms)) {
    put(0xd4);
    put(TIME);
    put(TIME);
  } else if (seconds < 0 || seconds > 0xffff_ffff) {
    put(0xc7);
    put(12);
    put(TIME);
    putU32(rest * 1_000_000);
    makeRoom(16);
    putI64(BigInt(seconds));
  } else if (rest === 0) {
    put(0xd6);
    put(TIME);
    putU32(seconds);
  } else {
    put(0xd7);
    put(TIME);
    putU32(rest * 4_000_000);
    putU32(seconds);
  }
}

export function writeBigint(value: bigint): void {
  if (value >= -I64_END && value < I64_END) {
    put(0xd3);
    putI64(value);
  } else if (value > 0 && value < U64_END) {
    put(0xcf);
    putU64(value);
  } else writeExtension(BIGINT, undefined, bytesOfBigint(value));
}

/** Two's complement, the highest byte first. */
function bytesOfBigint(value: bigint): Uint8Array {
  const isNegative = value < 0n;
  let text = (isNegative ? ~value : value).toString(16);
  if (text.length % 2 === 1) text = `0${text}`;
  else if (Number.parseInt(text.charAt(0), 16) >= 8) text = `00${text}`;
  const bytes = new Uint8Array(text.length / 2);
  for (let index = 0; index < bytes.length; index++) {
    const byte = Number.parseInt(text.slice(2 * index, 2 * index + 2), 16);
    bytes[index] = isNegative ? ~byte : byte;
  }
  return bytes;
}
