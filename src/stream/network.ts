import type { EndpointId, SiteInstance } from "./model.ts";

/**
 * Carries frames between sites. It may lose, repeat, reorder and delay them; the kernel's windows compensate for that.
 */
export interface FrameNetwork {
  /** Largest frame to that site, bytes; at least 1 024. */
  maxFrameBytes(site: string): number;
  /**
   * Sends a frame (which tells its own length) to one instance of a site. Frames given in one turn of the event loop
   * leave together. The bytes are retained: the caller must never modify them. A frame to an unknown site, or to an
   * instance that no longer runs, is dropped and counted.
   */
  send(to: SiteInstance, frame: Uint8Array): void;
  /**
   * Sets the receiver of incoming frames, once. `bytes` holds one or more whole frames, and belongs to the receiver.
   */
  onFrames(handler: (from: SiteInstance, bytes: Uint8Array) => void): void;
}

/** The records that a failure manager keeps: they survive the end of its process. */
export interface RecordStore {
  get(stream: EndpointId): Promise<Uint8Array | undefined>;
  /** Keeps them; settles when they survive the end of the process. Calls take effect in order. */
  put(
    records: readonly { readonly stream: EndpointId; readonly bytes: Uint8Array }[],
  ): Promise<void>;
  delete(stream: EndpointId): Promise<void>;
}
