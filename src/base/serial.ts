/** Serial number arithmetic (RFC 1982): numbers of `bits` width that wrap. */

/** How far `to` lies after `from`: negative when before, in [-2^(bits-1), 2^(bits-1)). */
export function serialDistance(from: number, to: number, bits: 16 | 32): number {
  return bits === 16 ? ((to - from) << 16) >> 16 : (to - from) | 0;
}

/** `from` moved by `steps`, wrapped to `bits`. */
export function serialAdd(from: number, steps: number, bits: 16 | 32): number {
  return bits === 16 ? (from + steps) & 0xffff : (from + steps) >>> 0;
}
