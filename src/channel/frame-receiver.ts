import { LIMITS, MeanderError, serialAdd, serialDistance } from "../base/index.ts";
import {
  type Depacketizer,
  decodeRtp,
  depacketizerFor,
  type Frame,
  KNOWN_CODECS,
  type RtpPacket,
  tellsKeyFrames,
} from "../wire/index.ts";

/** How far back a packet may come late before it counts as a restart (RFC 3550 A.1, MAX_MISORDER). */
const MISORDER_MAX = 100;

export interface FrameReceiverOptions {
  /** As a description names it. */
  readonly codec: string;
  /** For key frames that lack them, as a description has them. */
  readonly parameterSets?: readonly Uint8Array[] | undefined;
  /** RTP ticks per second, and format parameters: AAC needs both. */
  readonly clockRate?: number | undefined;
  readonly fmtp?: string | undefined;
  /** How long a missing packet holds up those behind it, ms. */
  readonly waitMs: number;
}

/** Counts since the receiver was made. */
export interface FrameReceiverStats {
  /** Frames handed out. */
  readonly framesComplete: number;
  /** Frames of which packets came but that were not handed out: incomplete, broken, or before a key frame. */
  readonly framesDropped: number;
  /** Packets given up, or announced as a gap. */
  readonly packetsLost: number;
  /** Packets that came again, or after they were given up. */
  readonly packetsDuplicate: number;
  /** Bytes that are no RTP, and packets far from all others. */
  readonly packetsInvalid: number;
}

interface HeldPacket {
  readonly packet: RtpPacket;
  readonly bytes: number;
  readonly arrivedMs: number;
}

/**
 * RTP packets of one source, as they arrive, to frames in decoding order.
 *
 * Reorders by sequence and waits for missing packets up to `waitMs`. Video begins with a key frame, and again after each
 * loss, so that a decoder never sees a frame without those it refers to. Bounded: at most `LIMITS.reorderPacketsMax`
 * packets and `LIMITS.frameBytesMax` bytes wait.
 */
export class FrameReceiver {
  readonly #depacketizer: Depacketizer;
  readonly #isVideo: boolean;
  readonly #waitMs: number;
  readonly #stats = {
    framesComplete: 0,
    framesDropped: 0,
    packetsLost: 0,
    packetsDuplicate: 0,
    packetsInvalid: 0,
  };
  /** The sequence wanted next; undefined before the first packet. */
  #next: number | undefined;
  /** Packets behind a missing one, by sequence, in order of arrival. */
  readonly #held = new Map<number, HeldPacket>();
  #heldBytes = 0;
  /** Sequences behind a missing one that are not to be waited for. */
  readonly #gone = new Set<number>();
  /** A packet far off. The one right behind it proves a restart. */
  #stray: RtpPacket | undefined;
  #needsKey: boolean;
  #droppedBefore = 0;
  #ready: Frame[] = [];

  /** @throws {MeanderError} `codec-unsupported` */
  constructor(options: FrameReceiverOptions) {
    const { codec, waitMs } = options;
    const depacketizer = depacketizerFor(codec, options);
    if (depacketizer === undefined) {
      throw new MeanderError("codec-unsupported", `cannot take frames out of ${codec}`, {
        expected: `one of ${KNOWN_CODECS.join(", ")}, with format parameters that describe it`,
      });
    }
    this.#depacketizer = depacketizer;
    this.#isVideo = tellsKeyFrames(codec);
    this.#needsKey = this.#isVideo;
    this.#waitMs = waitMs;
  }

  get stats(): FrameReceiverStats {
    return this.#stats;
  }

  /**
   * Takes an RTP packet and returns the frames that are whole now, in decoding order.
   *
   * @param rtp without Meander's header; may be kept, so it must not change
   * @param nowMs any monotonic clock, the same in {@link tick}
   */
  push(rtp: Uint8Array, nowMs: number): Frame[] {
    const packet = decodeRtp(rtp);
    if (typeof packet === "string") {
      this.#stats.packetsInvalid++;
      return this.tick(nowMs);
    }
    this.#next ??= packet.sequence;
    const ahead = serialDistance(this.#next, packet.sequence, 16);
    const stray = this.#stray;
    if (stray !== undefined && serialAdd(stray.sequence, 1, 16) === packet.sequence) {
      this.#restart(stray, packet);
    } else if (ahead < -MISORDER_MAX || ahead >= LIMITS.reorderPacketsMax) {
      this.#dropStray();
      this.#stray = packet;
    } else {
      this.#dropStray();
      this.#takeNear({ packet, bytes: rtp.byteLength, arrivedMs: nowMs }, ahead);
    }
    return this.tick(nowMs);
  }

  /** Gives up packets that were missing for too long; the frames that are whole by that. Call it when nothing arrives. */
  tick(nowMs: number): Frame[] {
    for (;;) {
      // All that is held stands behind the missing packet, so the first arrival tells how long it is missing.
      const first = this.#firstHeld();
      if (first === undefined || nowMs - first.arrivedMs < this.#waitMs) break;
      this.#giveUp();
    }
    if (this.#ready.length === 0) return [];
    const frames = this.#ready;
    this.#ready = [];
    return frames;
  }

  /**
   * `count` packets from `sequence` on will never come: they are not waited for. Frames that become whole by that are
   * in the answer of the next {@link push} or {@link tick}.
   */
  gap(sequence: number, count: number): void {
    if (this.#next === undefined || count <= 0) return;
    const from = serialDistance(this.#next, sequence & 0xffff, 16);
    // Sequences of 16 bits cannot tell what lies further ahead; the next packets will, as a restart.
    if (from >= LIMITS.reorderPacketsMax) return;
    const end = from + Math.min(count, 0xffff);
    if (from <= 0 && end >= LIMITS.reorderPacketsMax) {
      this.#skip(end);
      return;
    }
    for (let at = Math.max(0, from); at < Math.min(end, LIMITS.reorderPacketsMax); at++) {
      const missing = serialAdd(this.#next, at, 16);
      if (!this.#held.has(missing)) this.#gone.add(missing);
    }
    this.#drain();
  }

  /** @param ahead how far the packet lies behind the wanted one in the sequence */
  #takeNear(arrived: HeldPacket, ahead: number): void {
    if (ahead < 0) {
      this.#stats.packetsDuplicate++;
    } else if (ahead > 0) {
      this.#hold(arrived);
    } else {
      this.#deliver(arrived.packet);
      this.#drain();
    }
  }

  #hold(held: HeldPacket): void {
    const { sequence } = held.packet;
    if (this.#held.has(sequence)) {
      this.#stats.packetsDuplicate++;
      return;
    }
    this.#gone.delete(sequence);
    this.#held.set(sequence, held);
    this.#heldBytes += held.bytes;
    while (this.#heldBytes > LIMITS.frameBytesMax) this.#giveUp();
  }

  #firstHeld(): HeldPacket | undefined {
    if (this.#held.size === 0) return undefined;
    for (const held of this.#held.values()) return held;
    return undefined;
  }

  /** Delivers what follows without a break. */
  #drain(): void {
    while (this.#next !== undefined && this.#held.size + this.#gone.size > 0) {
      const sequence: number = this.#next;
      const held = this.#held.get(sequence);
      if (held !== undefined) {
        this.#held.delete(sequence);
        this.#heldBytes -= held.bytes;
        this.#deliver(held.packet);
      } else if (this.#gone.delete(sequence)) {
        this.#lose(1);
      } else {
        return;
      }
    }
  }

  /** Passes over the packets missing before the first held one. Something is held. */
  #giveUp(): void {
    let missing = 0;
    for (let at = this.#next ?? 0; !this.#held.has(at); at = serialAdd(at, 1, 16)) {
      this.#gone.delete(at);
      missing++;
    }
    this.#lose(missing);
    this.#drain();
  }

  /** Passes over `count` packets, but for those that are held. */
  #skip(count: number): void {
    const end = serialAdd(this.#next ?? 0, count, 16);
    let left = count;
    while (this.#held.size > 0) {
      const before = this.#next ?? 0;
      this.#giveUp();
      left -= serialDistance(before, this.#next ?? 0, 16);
    }
    this.#gone.clear();
    if (left <= 0) return;
    this.#lose(left);
    // Half of all sequences away, "ahead" and "behind" are the same: the next packet tells where the source is.
    this.#next = count > 0x7fff ? undefined : end;
  }

  /** RFC 3550 A.1: a packet far from the wanted one is believed when the next one follows it. */
  #restart(first: RtpPacket, second: RtpPacket): void {
    this.#stray = undefined;
    while (this.#held.size > 0) this.#giveUp();
    this.#gone.clear();
    this.#lose(0);
    this.#deliver(first);
    this.#deliver(second);
  }

  #dropStray(): void {
    if (this.#stray !== undefined) this.#stats.packetsInvalid++;
    this.#stray = undefined;
  }

  #lose(count: number): void {
    this.#stats.packetsLost += count;
    this.#next = serialAdd(this.#next ?? 0, count, 16);
    this.#depacketizer.lost();
    this.#needsKey = this.#isVideo;
  }

  #deliver(packet: RtpPacket): void {
    this.#next = serialAdd(packet.sequence, 1, 16);
    const depacketizer = this.#depacketizer;
    let frame = depacketizer.push(packet);
    const dropped = depacketizer.dropped - this.#droppedBefore;
    if (dropped > 0) {
      this.#droppedBefore += dropped;
      this.#stats.framesDropped += dropped;
      this.#needsKey = this.#isVideo;
    }
    while (frame !== undefined) {
      this.#take(frame);
      frame = depacketizer.more();
    }
  }

  #take(frame: Frame): void {
    if (this.#needsKey && !frame.key) {
      this.#stats.framesDropped++;
      return;
    }
    this.#needsKey = false;
    this.#stats.framesComplete++;
    this.#ready.push(frame);
  }
}
