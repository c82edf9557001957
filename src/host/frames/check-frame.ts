import { assert } from "../../base/index.ts";
import { frameLengthAt, LENGTH_BYTES } from "./frame-stream-reader.ts";

/** A frame that its network can carry: the kernel makes no others. */
export function checkFrame(frame: Uint8Array, bytesMax: number): void {
  const length = frame.byteLength;
  assert(length > LENGTH_BYTES && length <= bytesMax, "a frame is as long as its network takes");
  assert(frameLengthAt(frame, 0) === length, "a frame begins with its own length");
}
