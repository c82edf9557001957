const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * The source id of a packet header, u32 (32-bit FNV-1a over name, medium and SSRC).
 *
 * Sites that ingest the same capture under the same source name compute the same id, so their packets have the same
 * identity.
 */
export function sourceIdOf(source: {
  /** Configured name of the capture. */
  readonly name: string;
  /** u8. */
  readonly medium: number;
  /** u32. */
  readonly ssrc: number;
}): number {
  const { name, medium, ssrc } = source;
  let hash = FNV_OFFSET;
  const mix = (byte: number): void => {
    hash = Math.imul(hash ^ byte, FNV_PRIME);
  };
  for (const byte of new TextEncoder().encode(name)) mix(byte);
  mix(0);
  mix(medium);
  for (const shift of [24, 16, 8, 0]) mix((ssrc >>> shift) & 0xff);
  return hash >>> 0;
}
