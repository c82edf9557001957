/** A frame as a file holds it. */
export interface SegmentFrame {
  /** May be kept, so it must not change. */
  readonly bytes: Uint8Array;
  readonly key: boolean;
  /** Presentation in the file's time, s, >= 0. */
  readonly seconds: number;
  /** How long it lasts, s. */
  readonly duration: number;
}
