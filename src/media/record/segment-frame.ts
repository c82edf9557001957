/** A frame, as stored in a file. */
export interface SegmentFrame {
  /** Retained: never modify it. */
  readonly bytes: Uint8Array;
  readonly key: boolean;
  /** Presentation in the file's time, s, >= 0. */
  readonly seconds: number;
  /** How long it lasts, s. */
  readonly duration: number;
}
