import { Child } from "./child.ts";
import type { FrameShape } from "./frame-stream.ts";

/** Frames to send. */
export interface FrameFlight {
  /** Of 127.0.0.1. */
  readonly port: number;
  readonly frames: number;
  /** Of all flights to one port the same. */
  readonly shape: FrameShape;
  /** The pace of this flight; that of the shape unless told. */
  readonly framesPerSecond?: number;
}

/** A publisher of frames over RTP in a process of its own. */
export class FrameSource {
  readonly #child = Child.script("support/frame-pacer.js");

  /** @returns seconds that it took */
  async send(flight: FrameFlight): Promise<number> {
    return (await this.#child.ask<{ seconds: number }>(JSON.stringify(flight))).seconds;
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }
}
