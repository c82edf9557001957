import type { RtpPacket } from "../rtp/rtp.ts";
import { FrameBuilder } from "./frame-builder.ts";
import type { Depacketizer, Frame } from "./media-format.ts";

/** What a video format adds to {@link FrameDepacketizer}: how payloads become the bytes of a frame. */
export interface FrameAssembly {
  /** False when `payload` cannot be the first of a frame. Asked only after a loss, when the first may be missing. */
  begins(payload: Uint8Array): boolean;
  /** Forgets the frame being built. */
  reset(): void;
  /** Adds a payload, never an empty one. False when it is broken or does not fit what came before. */
  append(payload: Uint8Array, builder: FrameBuilder): boolean;
  /**
   * The frame has ended. Its bytes; `undefined` when there is nothing to show; `"broken"` when something is missing.
   */
  finish(builder: FrameBuilder): { bytes: Uint8Array; key: boolean } | "broken" | undefined;
}

/** Frames of several packets that share a timestamp and end with a marker. */
export class FrameDepacketizer implements Depacketizer {
  readonly #assembly: FrameAssembly;
  readonly #builder = new FrameBuilder();
  #open = false;
  #broken = false;
  #timestamp = 0;
  /** The next packet may not be the first of its frame. So it is at the start: a receiver joins anywhere. */
  #afterLoss = true;
  #second: Frame | undefined;
  #dropped = 0;

  constructor(assembly: FrameAssembly) {
    this.#assembly = assembly;
  }

  get dropped(): number {
    return this.#dropped;
  }

  lost(): void {
    this.#afterLoss = true;
    this.#broken = true;
  }

  push(packet: RtpPacket): Frame | undefined {
    this.#second = undefined;
    const { marker, payload, timestamp } = packet;
    const isNew = !this.#open || timestamp !== this.#timestamp;
    // Padding alone, as congestion control sends it, belongs to no frame.
    if (payload.byteLength === 0 && isNew) return undefined;

    const earlier = isNew && this.#open ? this.#finish() : undefined;
    if (isNew) this.#begin(timestamp, payload);
    this.#afterLoss = false;
    if (!this.#broken && payload.byteLength > 0) {
      const sound = this.#assembly.append(payload, this.#builder);
      this.#broken = !sound || this.#builder.overflowed;
    }
    const finished = marker ? this.#finish() : undefined;
    if (earlier === undefined) return finished;
    this.#second = finished;
    return earlier;
  }

  more(): Frame | undefined {
    const second = this.#second;
    this.#second = undefined;
    return second;
  }

  #begin(timestamp: number, payload: Uint8Array): void {
    this.#open = true;
    this.#timestamp = timestamp;
    this.#broken = this.#afterLoss && !this.#assembly.begins(payload);
    this.#builder.clear();
    this.#assembly.reset();
  }

  #finish(): Frame | undefined {
    this.#open = false;
    const whole = this.#broken ? "broken" : this.#assembly.finish(this.#builder);
    if (whole === undefined) return undefined;
    if (whole === "broken") {
      this.#dropped++;
      return undefined;
    }
    return { bytes: whole.bytes, timestamp: this.#timestamp, key: whole.key };
  }
}
