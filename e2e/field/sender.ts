import { type Clock, type Random, SeededRandom } from "../../src/base/index.ts";
import { encodeRtcp, encodeRtp, type RtpPacket } from "../../src/wire/index.ts";
import { concerns, type FieldPlan, type Trouble } from "./plan.ts";

/** A frame that was sent. */
export interface SentFrame {
  /** In the frame's bytes too. */
  readonly id: number;
  readonly kind: "video" | "audio";
  readonly key: boolean;
  /** When it was captured, ms of the world's clock. */
  readonly capturedAt: number;
  /** The sender's run, from 0. */
  readonly run: number;
  /** Datagrams that the network lost. */
  lost: number;
}

/** Where the datagrams of a track go. */
export interface FieldWire {
  datagram(track: number, bytes: Uint8Array): void;
  /** The sender's input is closed, and opened again. */
  reopen(): void;
}

export const VIDEO_RATE = 90_000;
export const AUDIO_RATE = 48_000;
const AUDIO_MS = 20;
const VIDEO_TYPE = 96;
const AUDIO_TYPE = 97;
const REPORT_MS = 1_000;
/** The sender's wall clock at the world's time 0, ms since 1970. */
const EPOCH_MS = 1_790_000_000_000;
/** From 1900 to 1970, s. */
const NTP_SECONDS = 2_208_988_800;
/** Opus, 20 ms of a CELT frame (RFC 6716 §3.1). */
const OPUS_HEAD = 0xfc;

interface TrackState {
  readonly kind: "video" | "audio";
  readonly rate: number;
  readonly payloadType: number;
  ssrc: number;
  sequence: number;
  readonly firstSequence: number;
  /** Ticks at the run's beginning, and media time there, ms. */
  base: number;
  /** Time that timestamps stood still, or jumped by, ms. */
  shiftMs: number;
  readonly burst: { left: number };
}

/** Sends what a plan says, on a clock. */
export class FieldSender {
  readonly frames: SentFrame[] = [];
  readonly #plan: FieldPlan;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #wire: FieldWire;
  readonly #sets: readonly Uint8Array[];
  readonly #tracks: readonly TrackState[];
  readonly #startedAt: number;
  readonly #done = new Set<Trouble>();
  #run = 0;
  /** The run that has sent its parameter sets. */
  #setsOfRun = -1;
  /** Nothing is sent before, ms since the beginning. */
  #silentUntil = 0;
  #sinceKey = Number.POSITIVE_INFINITY;
  #stopped = false;

  /** @param sets parameter sets of the video, without start codes */
  constructor(plan: FieldPlan, clock: Clock, wire: FieldWire, sets: readonly Uint8Array[]) {
    this.#plan = plan;
    this.#clock = clock;
    this.#wire = wire;
    this.#sets = sets;
    this.#random = new SeededRandom(plan.seed ^ 0x5eed);
    this.#startedAt = clock.now();
    const track = (kind: "video" | "audio", rate: number, payloadType: number): TrackState => {
      const firstSequence = this.#random.uint32() & 0xffff;
      return {
        ...{ kind, rate, payloadType, firstSequence, sequence: firstSequence, shiftMs: 0 },
        ...{ ssrc: this.#random.uint32(), base: this.#random.uint32(), burst: { left: 0 } },
      };
    };
    const video = track("video", VIDEO_RATE, VIDEO_TYPE);
    this.#tracks = plan.audio ? [video, track("audio", AUDIO_RATE, AUDIO_TYPE)] : [video];
    for (const each of this.#tracks) this.#next(each, 0);
    if (plan.reports !== "none") this.#reportLater();
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Frame number `index` of a track, and those after it. */
  #next(track: TrackState, index: number): void {
    const frameMs = track.kind === "audio" ? AUDIO_MS : 1000 / this.#plan.video.fps;
    const dueAt = (index * frameMs) / (1 + this.#plan.drift);
    const waitMs = this.#startedAt + dueAt - this.#clock.now();
    this.#clock.after("field frame", Math.max(0, waitMs), () => {
      if (this.#stopped) return;
      this.#happen(dueAt);
      this.#frame(track, dueAt, index * frameMs);
      this.#next(track, index + 1);
    });
  }

  /** Restarts and jumps that are due. */
  #happen(nowMs: number): void {
    for (const trouble of this.#plan.troubles) {
      if (this.#done.has(trouble)) continue;
      if (trouble.type === "restart" && nowMs >= trouble.at) {
        this.#done.add(trouble);
        this.#restart(trouble, nowMs);
      } else if (trouble.type === "jump" && nowMs >= trouble.at) {
        this.#done.add(trouble);
        for (const track of this.#tracks)
          if (concerns(trouble.of, track.kind)) track.shiftMs += trouble.ms;
      } else if (trouble.type === "pause" && !trouble.runsOn && nowMs >= trouble.to) {
        this.#done.add(trouble);
        for (const track of this.#tracks)
          if (concerns(trouble.of, track.kind)) track.shiftMs -= trouble.to - trouble.from;
      }
    }
  }

  #restart(trouble: Extract<Trouble, { type: "restart" }>, nowMs: number): void {
    if (trouble.bye) for (const track of this.#tracks) this.#bye(track);
    this.#run++;
    this.#silentUntil = nowMs + trouble.gapMs;
    this.#sinceKey = Number.POSITIVE_INFINITY;
    if (trouble.reopens) this.#wire.reopen();
    for (const track of this.#tracks) {
      if (trouble.ssrc === "new") track.ssrc = this.#random.uint32();
      if (trouble.numbers === "first") track.sequence = track.firstSequence;
      else if (trouble.numbers === "other") track.sequence = this.#random.uint32() & 0xffff;
      track.base = this.#random.uint32();
    }
  }

  #frame(track: TrackState, nowMs: number, mediaMs: number): void {
    const isPaused = this.#plan.troubles.some(
      (each) =>
        each.type === "pause" &&
        concerns(each.of, track.kind) &&
        nowMs >= each.from &&
        nowMs < each.to,
    );
    if (isPaused || nowMs < this.#silentUntil) return;
    const isVideo = track.kind === "video";
    const key = !isVideo || this.#sinceKey + 1 >= this.#plan.video.gop;
    if (isVideo) this.#sinceKey = key ? 0 : this.#sinceKey + 1;
    const frame: SentFrame = {
      id: this.frames.length,
      kind: track.kind,
      key,
      capturedAt: this.#clock.now(),
      run: this.#run,
      lost: 0,
    };
    this.frames.push(frame);
    const timestamp = this.#timestamp(track, mediaMs);
    if (!isVideo) {
      this.#send(track, frame, timestamp, this.#opus(frame.id), false, nowMs);
      return;
    }
    const { marker, packets, setsInBand, slices } = this.#plan.video;
    const units: { payload: Uint8Array; endsSlice: boolean; isSure?: boolean }[] = [];
    // One that does not repeat them still sends them when it begins.
    if (key && (setsInBand || this.#setsOfRun !== this.#run)) {
      this.#setsOfRun = this.#run;
      // Sets that are never repeated are described out of band as well: the network does not lose them.
      for (const payload of this.#sets)
        units.push({ payload, endsSlice: false, isSure: !setsInBand });
    }
    for (let slice = 0; slice < slices; slice++) units.push(...this.#slice(frame, slice, packets));
    for (const [index, { payload, endsSlice, isSure = false }] of units.entries()) {
      const isLast = index === units.length - 1;
      const marked = marker === "none" ? false : marker === "last" ? isLast : endsSlice;
      this.#send(track, frame, timestamp, payload, marked, nowMs, isSure);
    }
  }

  /** A slice of a picture in fragments (RFC 6184 §5.8), with the frame's id in its bytes. */
  *#slice(
    { id, key }: SentFrame,
    slice: number,
    packets: number,
  ): Generator<{ payload: Uint8Array; endsSlice: boolean }> {
    const type = key ? 5 : 1;
    // `first_mb_in_slice`: 0 is one bit, others begin with zeros.
    const first = slice === 0 ? 0x88 : 0x28;
    const text = new TextEncoder().encode(`#${String(id).padStart(7, "0")}#`);
    if (packets === 1) {
      yield { payload: Uint8Array.of(0x60 | type, first, ...text), endsSlice: true };
      return;
    }
    for (let index = 0; index < packets; index++) {
      const head = (index === 0 ? 0x80 : 0) | (index === packets - 1 ? 0x40 : 0) | type;
      const body = index === 0 ? [first, ...text] : new Array<number>(40).fill(0xaa);
      yield {
        payload: Uint8Array.of(0x60 | 28, head, ...body),
        endsSlice: index === packets - 1,
      };
    }
  }

  #opus(id: number): Uint8Array {
    return Uint8Array.of(
      OPUS_HEAD,
      ...new TextEncoder().encode(`#${String(id).padStart(7, "0")}#`),
    );
  }

  #timestamp({ base, rate, shiftMs }: TrackState, mediaMs: number): number {
    return (base + Math.round(((mediaMs + shiftMs) * rate) / 1000)) >>> 0;
  }

  #send(
    track: TrackState,
    frame: SentFrame,
    timestamp: number,
    payload: Uint8Array,
    marker: boolean,
    nowMs: number,
    isSure = false,
  ): void {
    const { payloadType, ssrc, sequence } = track;
    track.sequence = (sequence + 1) & 0xffff;
    const packet: RtpPacket = {
      ...{ marker, payloadType, sequence, timestamp, ssrc, payload },
      ...{ csrcs: [], extensions: [] },
    };
    if (this.#isLost(track, nowMs) && !isSure) frame.lost++;
    else this.#deliver(track, encodeRtp(packet), nowMs);
  }

  #isLost(track: TrackState, nowMs: number): boolean {
    if (track.burst.left > 0) {
      track.burst.left--;
      return true;
    }
    for (const each of this.#plan.troubles) {
      if (each.type !== "loss" || !concerns(each.of, track.kind)) continue;
      if (nowMs < each.from || nowMs >= each.to) continue;
      if (this.#random.float() >= each.ratio / each.burst) continue;
      track.burst.left = each.burst - 1;
      return true;
    }
    return false;
  }

  #deliver(track: TrackState, bytes: Uint8Array, nowMs: number): void {
    const index = this.#tracks.indexOf(track);
    const hold = this.#plan.troubles.find(
      (each) => each.type === "hold" && nowMs >= each.at && nowMs < each.at + each.ms,
    );
    if (hold?.type === "hold") {
      const leftMs = hold.at + hold.ms - nowMs;
      this.#clock.after("field hold", leftMs, () => this.#wire.datagram(index, bytes));
      return;
    }
    const jitter = this.#plan.troubles.find(
      (each) => each.type === "jitter" && nowMs >= each.from && nowMs < each.to,
    );
    if (jitter?.type !== "jitter") {
      this.#wire.datagram(index, bytes);
      return;
    }
    const delayMs = this.#random.float() * jitter.ms;
    this.#clock.after("field jitter", delayMs, () => this.#wire.datagram(index, bytes));
  }

  #reportLater(): void {
    this.#clock.after("field report", REPORT_MS, () => {
      if (this.#stopped) return;
      const nowMs = this.#clock.now() - this.#startedAt;
      const isOutlier = this.#plan.reports === "outliers" && this.#random.float() < 0.2;
      const offMs = isOutlier ? (this.#random.float() - 0.5) * 20_000 : 0;
      for (const track of this.#tracks) this.#report(track, nowMs, offMs);
      this.#reportLater();
    });
  }

  /** The sender's clock is as fast as its media. */
  #report(track: TrackState, nowMs: number, offMs: number): void {
    const mediaMs = nowMs * (1 + this.#plan.drift);
    const ntpMs = EPOCH_MS + mediaMs + offMs;
    const isImpossible = this.#plan.reports === "impossible";
    // Never two that are a second apart: three such in a row would be a clock that counts from the sender's start.
    const ntpSeconds = isImpossible
      ? 3 * (this.#random.uint32() & 1)
      : Math.floor(ntpMs / 1000) + NTP_SECONDS;
    const ntpFraction = isImpossible ? 0 : Math.floor((ntpMs % 1000) * (2 ** 32 / 1000));
    const rtpTimestamp = this.#timestamp(track, mediaMs);
    const bytes = encodeRtcp([
      {
        ...{
          type: "sender-report",
          ssrc: track.ssrc,
          ntpSeconds: ntpSeconds >>> 0,
          ntpFraction,
          rtpTimestamp,
        },
        ...{ packetCount: 1, octetCount: 1, reports: [] },
      },
      { type: "source-description", ssrc: track.ssrc, cname: "field" },
    ]);
    this.#wire.datagram(this.#tracks.indexOf(track), bytes);
  }

  #bye(track: TrackState): void {
    const bytes = encodeRtcp([
      { type: "receiver-report", ssrc: track.ssrc, reports: [] },
      { type: "bye", ssrcs: [track.ssrc], reason: "" },
    ]);
    this.#wire.datagram(this.#tracks.indexOf(track), bytes);
  }
}

/** The id of the frame that these bytes were made for; undefined when there is none in them. */
export function idOf(bytes: Uint8Array): number | undefined {
  const found = /#(\d{7})#/.exec(
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1"),
  );
  return found === null ? undefined : Number(found[1]);
}
