import { Counters } from "../../base/index.ts";
import type { TrackBuffer } from "./track-buffer.ts";

/** What became of the frames that a recording was given. Each is in a file, held, or dropped for a reason. */
export class FrameBalance {
  /** Frames that are in no file, by reason; docs/guides/recording.md explains them. */
  readonly drops = new Counters();
  #received = 0;

  /** A frame came that belongs to the recording. */
  received(): void {
    this.#received++;
  }

  /** One that had come turned out to be from after the recording's end. */
  notWanted(): void {
    this.#received--;
  }

  drop(reason: string, count = 1): void {
    if (count > 0) this.drops.add(reason, count);
  }

  /**
   * Frames of which nothing is known: always 0.
   *
   * @param inFiles frames that are in files, or on their way there
   * @param buffers have frames that wait for a file
   */
  unaccounted(inFiles: number, buffers: Iterable<TrackBuffer>): number {
    const held = [...buffers].reduce((sum, buffer) => sum + buffer.held.length, 0);
    return this.#received - inFiles - held - this.drops.total;
  }
}
