import type { RtpPacket } from "../rtp/rtp.ts";
import { FrameBuilder } from "./frame-builder.ts";
import type { Depacketizer, Frame } from "./media-format.ts";
import type { MarkerUse, PictureFollower } from "./picture-follower.ts";

/** What a video format adds to {@link FrameDepacketizer}: how payloads become the bytes of a frame. */
export interface FrameAssembly {
  /** Keeps a parameter set for key frames that lack it. Absent: the format has none. */
  learn?(set: Uint8Array): void;
  /** False when `payload` cannot be the first of a frame. Asked only after a loss, when the first may be missing. */
  begins(payload: Uint8Array): boolean;
  /** Forgets the frame being built, but for what belongs to the next one already. */
  reset(builder: FrameBuilder): void;
  /** Adds a payload, never an empty one. False when it is broken or does not fit what came before. */
  append(payload: Uint8Array, builder: FrameBuilder): boolean;
  /** Whether the format itself shows that nothing is missing at the end of the frame; undefined: it does not. */
  isWhole(): boolean | undefined;
  /**
   * The frame has ended. Its bytes; `undefined` when there is nothing to show; `"broken"` when something is missing.
   *
   * @param options.isSplit another picture begins under the same timestamp
   */
  finish(
    builder: FrameBuilder,
    options: { readonly timestamp: number; readonly isSplit: boolean },
  ): Pick<Frame, "bytes" | "key" | "leading"> | "broken" | undefined;
}

/**
 * Frames of several packets that share a timestamp. One ends with the marker, unless its source was seen to set markers
 * inside pictures: then, as without markers, it ends where the next one starts. Up to the first key frame, frames wait
 * for the packet behind their marker, because it may be such a source, unless their format shows that they are whole.
 * docs/spec/wire.md [W14]
 */
export class FrameDepacketizer implements Depacketizer {
  readonly #assembly: FrameAssembly;
  readonly #follower: PictureFollower;
  readonly #builder = new FrameBuilder();
  #state: "none" | "open" | "marked" = "none";
  #broken = false;
  #hasPicture = false;
  /** Of the newest frame, open or not. */
  #timestamp: number | undefined;
  /** The frame before ended with its marker. */
  #wasMarked = false;
  /** It ended because nothing more came. */
  #wasFinished = false;
  #markers: MarkerUse = "unknown";
  /** The next packet may not be the first of its frame. So it is at the start: a receiver joins anywhere. */
  #afterLoss = true;
  #ready: Frame[] = [];
  #dropped = 0;

  constructor(assembly: FrameAssembly, follower: PictureFollower) {
    this.#assembly = assembly;
    this.#follower = follower;
  }

  get dropped(): number {
    return this.#dropped;
  }

  get waiting(): "no" | "open" | "marked" {
    if (this.#state === "none") return "no";
    return this.#markers === "inside" ? "open" : this.#state;
  }

  lost(): void {
    // What had its marker was whole, as far as is known of its source.
    if (this.#state === "marked" && this.#markers !== "inside") this.#end();
    this.#afterLoss = true;
    this.#broken = true;
  }

  learn(parameterSets: readonly Uint8Array[]): void {
    for (const set of parameterSets) {
      this.#assembly.learn?.(set.slice());
      this.#follower.learn?.(set);
    }
  }

  push({ marker, payload, timestamp }: RtpPacket): Frame | undefined {
    const isSame = timestamp === this.#timestamp;
    if (payload.byteLength > 0) {
      this.#place(payload, timestamp, isSame);
      if (!this.#broken) {
        const sound = this.#assembly.append(payload, this.#builder);
        this.#broken = !sound || this.#builder.overflowed;
      }
      if (marker) this.#mark();
    } else if (marker && isSame && this.#state !== "none") {
      // Padding alone, as congestion control sends it, belongs to no frame, but may have its marker.
      this.#mark();
    }
    return this.#ready.shift();
  }

  more(): Frame | undefined {
    return this.#ready.shift();
  }

  finish(): Frame | undefined {
    if (this.#state !== "none") {
      this.#end();
      this.#wasFinished = true;
    }
    return this.#ready.shift();
  }

  /** Ends the frame before, and begins another one, where the payload belongs to that. */
  #place(payload: Uint8Array, timestamp: number, isSame: boolean): void {
    const isMarked = this.#state === "marked" || this.#wasMarked;
    if (!isSame) {
      if (this.#state !== "none") this.#end();
      this.#follower.begin();
    }
    const role = this.#follower.role(payload, isSame && isMarked);
    const isRest = isSame && role === "continues" && isMarked && !this.#afterLoss;
    // What was cut off at a marker, or by silence, before this was known is not a frame.
    const isLate = isSame && role === "continues" && this.#wasFinished;
    const isCut = (isRest || isLate) && this.#state === "none";
    if (isRest) this.#markers = "inside";
    if (isSame && role === "starts" && this.#state !== "none") this.#end(true);
    if (this.#state === "none") this.#begin(payload, timestamp, isCut);
    this.#hasPicture ||= role !== "none";
    this.#state = role === "none" ? this.#state : "open";
    this.#wasMarked = false;
    this.#wasFinished = false;
    this.#afterLoss = false;
  }

  #begin(payload: Uint8Array, timestamp: number, isCut: boolean): void {
    this.#state = "open";
    this.#timestamp = timestamp;
    this.#broken = isCut || (this.#afterLoss && !this.#assembly.begins(payload));
    this.#hasPicture = false;
  }

  /** A marker behind parameter sets alone ends nothing: some senders mark every NAL unit. */
  #mark(): void {
    if (!this.#hasPicture && !this.#broken) return;
    const isWhole = this.#broken || (this.#assembly.isWhole() ?? this.#markers === "ends");
    if (isWhole && this.#markers !== "inside") {
      this.#end();
      this.#wasMarked = true;
    } else {
      this.#state = "marked";
    }
  }

  #end(isSplit = false): void {
    const timestamp = this.#timestamp as number;
    const whole = this.#broken
      ? "broken"
      : this.#assembly.finish(this.#builder, { timestamp, isSplit });
    const isMarked = this.#state === "marked";
    this.#state = "none";
    this.#assembly.reset(this.#builder);
    if (whole === undefined) return;
    if (whole === "broken") {
      this.#dropped++;
      return;
    }
    // A key frame is among the largest, in as many parts as a source sends.
    if (isMarked && whole.key && this.#markers === "unknown") this.#markers = "ends";
    this.#ready.push({ ...whole, timestamp });
  }
}
