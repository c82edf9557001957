import { LIMITS } from "../../base/index.ts";

/**
 * How many datagrams from `first` on can leave as one segmented send: all of one size, but the last, which may be
 * shorter. At least one.
 */
export function countSegments(packets: readonly Uint8Array[], first: number): number {
  const size = (packets[first] as Uint8Array).byteLength;
  if (size === 0) return 1;
  let bytes = size;
  let count = 1;
  while (first + count < packets.length && count < LIMITS.gsoSegmentsMax) {
    const next = (packets[first + count] as Uint8Array).byteLength;
    bytes += next;
    if (next > size || next === 0 || bytes > LIMITS.gsoBytesMax) break;
    count++;
    if (next < size) break;
  }
  return count;
}
