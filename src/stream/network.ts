import type { EndpointId, SiteInstance } from "./model.ts";

/** Carries frames between sites. It may lose, repeat, reorder and delay them; the kernel's windows make good for that. */
export interface FrameNetwork {
  /** Largest frame that it takes for that site, bytes; at least 1 024. */
  maxFrameBytes(site: string): number;
  /**
   * Sends a frame (which tells its own length) to one instance of a site. Frames given in one turn of the event loop leave together.
   * Borrowed for ever: the caller never changes the bytes again. To an unknown site, or to another instance than the one that runs, it is dropped and counted.
   */
  send(to: SiteInstance, frame: Uint8Array): void;
  /** Who gets what arrives; set once. `bytes` holds one or more whole frames, and belongs to the receiver. */
  onFrames(handler: (from: SiteInstance, bytes: Uint8Array) => void): void;
}

/** A failure manager's memory: survives the end of its process. */
export interface RecordStore {
  get(stream: EndpointId): Promise<Uint8Array | undefined>;
  /** Keeps them; settles when they survive the end of the process. Calls are done in order. */
  put(
    records: readonly { readonly stream: EndpointId; readonly bytes: Uint8Array }[],
  ): Promise<void>;
  delete(stream: EndpointId): Promise<void>;
}
