/**
 * Subscribers over datagrams that are served together: one call for each packet, however many they are.
 *
 * A bundle is served only with live packets. Whoever catches up is sent its packets alone, and enters when it has caught up.
 */
export interface Bundle {
  /** Passes a packet (borrowed for ever, read only) to all in it that take it. Never throws. @returns how many those are */
  send(packet: Uint8Array): number;
}

/** One subscriber's place in a bundle. */
export interface BundleMember {
  readonly bundle: Bundle;
  /** Packets that the bundle passed on to it, over all times it was in, and their bytes. */
  readonly packets: number;
  readonly bytes: number;
  /** From the next packet on it is in. */
  enter(): void;
  leave(): void;
}
