/**
 * Subscribers over datagrams that are served together: one call for each packet, regardless of their number.
 *
 * A bundle only gets live packets. A subscriber that catches up is sent its packets alone, and enters afterwards.
 */
export interface Bundle {
  /** Sends a packet (retained, read only) to all members that want it. Never throws. @returns how many those are */
  send(packet: Uint8Array): number;
}

/** One subscriber's membership in a bundle. */
export interface BundleMember {
  readonly bundle: Bundle;
  /** Packets that the bundle sent to it, over all times it was in, and their bytes. */
  readonly packets: number;
  readonly bytes: number;
  /** Enters the bundle, from the next packet on. Idempotent. */
  enter(): void;
  leave(): void;
}
