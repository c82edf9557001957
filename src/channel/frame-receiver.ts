import { LIMITS, MeanderError, serialAdd, serialDistance } from "../base/index.ts";
import {
  codecNameOf,
  type Depacketizer,
  decodeRtp,
  depacketizerFor,
  type Frame,
  KNOWN_CODECS,
  type RtpPacket,
  tellsKeyFrames,
} from "../wire/index.ts";

/** How far behind a packet may be before it counts as a restart (RFC 3550 A.1, MAX_MISORDER). */
const MISORDER_MAX = 100;
/**
 * Silence after which a frame that waits for the next packet has ended, ms: with its marker, and without one from a
 * sender that sets none. Such a sender loses a frame in which it pauses for longer.
 */
const MARKED_MS = 100;
const UNMARKED_MS = 500;

export interface FrameReceiverOptions {
  /** As a description names it. */
  readonly codec: string;
  /** For key frames that lack them, as a description has them. */
  readonly parameterSets?: readonly Uint8Array[] | undefined;
  /** RTP ticks per second, and format parameters: AAC needs both. */
  readonly clockRate?: number | undefined;
  readonly fmtp?: string | undefined;
  /** How long a missing packet delays those after it, ms. */
  readonly waitMs: number;
}

/** Counts since the receiver was made. */
export interface FrameReceiverStats {
  /** Frames returned. */
  readonly framesComplete: number;
  /** Frames that arrived in part or before a key frame, or were broken, and were not returned. */
  readonly framesDropped: number;
  /** Of those, complete frames that came before a key frame, at the start or after a loss. */
  readonly framesBeforeKey: number;
  /** Of those, complete frames that refer to what was sent before the key frame that was started with. */
  readonly framesLeading: number;
  /** Packets given up, or announced as a gap. */
  readonly packetsLost: number;
  /** Packets that arrived again, or after they were given up. */
  readonly packetsDuplicate: number;
  /** Bytes that are not RTP, and packets with a distant sequence. */
  readonly packetsInvalid: number;
}

interface HeldPacket {
  readonly packet: RtpPacket;
  readonly bytes: number;
  readonly arrivedMs: number;
}

/**
 * Assembles the RTP packets of one source, as they arrive, into frames in decoding order.
 *
 * Reorders by sequence and waits for missing packets up to `waitMs`. Video begins with a key frame, and again after
 * each loss, so that a decoder never gets a frame without those that it refers to. Bounded: at most
 * `LIMITS.reorderPacketsMax` packets and `LIMITS.frameBytesMax` bytes wait.
 */
export class FrameReceiver {
  readonly #depacketizer: Depacketizer;
  readonly #isVideo: boolean;
  readonly #waitMs: number;
  readonly #stats = {
    framesComplete: 0,
    framesDropped: 0,
    framesBeforeKey: 0,
    framesLeading: 0,
    packetsLost: 0,
    packetsDuplicate: 0,
    packetsInvalid: 0,
  };
  /** The next sequence to deliver; undefined before the first packet. */
  #next: number | undefined;
  /** Packets after a missing one, by sequence, in order of arrival. */
  readonly #held = new Map<number, HeldPacket>();
  #heldBytes = 0;
  /** Sequences after a missing one that will never arrive. */
  readonly #gone = new Set<number>();
  /** A packet with a distant sequence. The next one after it confirms a restart. */
  #stray: RtpPacket | undefined;
  #needsKey: boolean;
  /** Started with the newest key frame: what refers to frames before it cannot be decoded. */
  #skipsLeading = false;
  #keylessSinceMs: number | undefined;
  #nowMs = 0;
  /** When the depacketizer got its newest packet. */
  #deliveredMs = 0;
  /** That packet; undefined after a loss. */
  #newest: RtpPacket | undefined;
  /** The frame before ended with a marker: what has none is not whole yet. */
  #setsMarkers = false;
  #droppedBefore = 0;
  #ready: Frame[] = [];

  /** @throws {MeanderError} `codec-unsupported` */
  constructor(options: FrameReceiverOptions) {
    const { codec, waitMs } = options;
    const depacketizer = depacketizerFor(codec, options);
    if (depacketizer === undefined) {
      const isKnown = KNOWN_CODECS.includes(codec);
      const name = isKnown ? `${codecNameOf(codec)} with these format parameters` : codec;
      throw new MeanderError("codec-unsupported", `not supported: ${name}`, {
        expected: `one of ${KNOWN_CODECS.join(", ")}, with format parameters that describe it`,
        next: "publish it through ffmpeg: meander publish --ffmpeg",
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
   * Since when complete frames have come of which none can be decoded, because no key frame came, ms by the clock of
   * {@link push}. Undefined while frames are returned, and while none come. Seconds of it mean a sender without key
   * frames, such as one with periodic intra refresh.
   */
  get keylessSinceMs(): number | undefined {
    return this.#keylessSinceMs;
  }

  /**
   * Adds an RTP packet, and returns the frames that are complete now, in decoding order.
   *
   * @param rtp without Meander's header; retained, never modify it
   * @param nowMs any monotonic clock, the same in {@link tick}
   */
  push(rtp: Uint8Array, nowMs: number): Frame[] {
    this.#nowMs = nowMs;
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

  /**
   * Gives up packets that were missing for too long, and returns the frames that are complete then. Call it when
   * nothing arrives.
   */
  tick(nowMs: number): Frame[] {
    this.#nowMs = nowMs;
    this.#endSilent();
    for (;;) {
      // Everything held is after the missing packet, so the first arrival tells how long that has been missing.
      const first = this.#firstHeld();
      if (first === undefined || nowMs - first.arrivedMs < this.#waitMs) break;
      this.#giveUp();
    }
    return this.#takeReady();
  }

  /** Nothing more will come: what waits for missing packets, or for its end, is returned as far as it is whole. */
  finish(): Frame[] {
    while (this.#held.size > 0) this.#giveUp();
    this.#takeAll(this.#depacketizer.finish());
    return this.#takeReady();
  }

  /** Parameter sets that the description names since the last packet, for key frames that lack them; copied. */
  learn(parameterSets: readonly Uint8Array[]): void {
    this.#depacketizer.learn?.(parameterSets);
  }

  /**
   * `count` packets from `sequence` on will never arrive: they are not waited for. Frames that become complete by that
   * are returned by the next {@link push} or {@link tick}.
   */
  gap(sequence: number, count: number): void {
    if (this.#next === undefined || count <= 0) return;
    const from = serialDistance(this.#next, sequence & 0xffff, 16);
    // 16-bit sequences cannot express what is further ahead; the next packets will, as a restart.
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

  /** @param ahead how far the packet is ahead of the next one to deliver */
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

  /** Delivers held packets that follow without a gap. */
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

  /** Skips the packets missing before the first one held. At least one is held. */
  #giveUp(): void {
    let missing = 0;
    for (let at = this.#next ?? 0; !this.#held.has(at); at = serialAdd(at, 1, 16)) {
      this.#gone.delete(at);
      missing++;
    }
    this.#lose(missing);
    this.#drain();
  }

  /** Skips `count` packets, except those that are held. */
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
    // At half of all sequences, ahead and behind are the same: the next packet tells where the source is.
    this.#next = count > 0x7fff ? undefined : end;
  }

  /** RFC 3550 A.1: a distant sequence is accepted when the next packet follows it. */
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
    this.#newest = undefined;
    this.#needsKey = this.#isVideo;
  }

  #takeReady(): Frame[] {
    if (this.#ready.length === 0) return [];
    const frames = this.#ready;
    this.#ready = [];
    return frames;
  }

  /** Ends the frame at hand when nothing has come for long, and nothing is missing. */
  #endSilent(): void {
    const { waiting } = this.#depacketizer;
    if (waiting === "no" || this.#held.size > 0) return;
    if (this.#setsMarkers && this.#newest?.marker === false) return;
    const patience = waiting === "marked" ? MARKED_MS : UNMARKED_MS;
    if (this.#nowMs - this.#deliveredMs >= patience) this.#takeAll(this.#depacketizer.finish());
  }

  #deliver(packet: RtpPacket): void {
    this.#next = serialAdd(packet.sequence, 1, 16);
    this.#deliveredMs = this.#nowMs;
    if (this.#newest !== undefined && this.#newest.timestamp !== packet.timestamp)
      this.#setsMarkers = this.#newest.marker;
    this.#newest = packet;
    this.#takeAll(this.#depacketizer.push(packet));
  }

  #takeAll(first: Frame | undefined): void {
    const depacketizer = this.#depacketizer;
    let frame = first;
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
      this.#stats.framesBeforeKey++;
      this.#keylessSinceMs ??= this.#nowMs;
      return;
    }
    if (frame.key) {
      this.#skipsLeading = this.#needsKey;
      this.#keylessSinceMs = undefined;
    } else if (frame.leading === true && this.#skipsLeading) {
      this.#stats.framesDropped++;
      this.#stats.framesLeading++;
      return;
    }
    this.#needsKey = false;
    this.#stats.framesComplete++;
    this.#ready.push(frame);
  }
}
