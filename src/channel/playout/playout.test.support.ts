import { SeededRandom, VirtualClock } from "../../base/index.ts";
import {
  type Description,
  encodePacket,
  encodeRtcp,
  encodeRtp,
  KIND,
  msToNtp,
  type Track,
} from "../../wire/index.ts";
import { SimDecoder, SimPicture, SimSound } from "./decoders.test.support.ts";
import { Playout } from "./playout.ts";
import type {
  EncodedChunk,
  MediaDecoder,
  MediaDecoders,
  SoundConfiguration,
  SoundOutput,
} from "./ports.ts";

type Kind = "audio" | "video";

const RATES = { audio: 48_000, video: 90_000 } as const;
const INTERVALS_MS = { audio: 20, video: 40 } as const;
const FRAMES_PER_KEY = 25;
const CHANNEL = 7;
const MEDIA = { audio: 1, video: 2 } as const;
const WINDOW_MS = 10_000;
const JUMP_MS = 2_000;
const DEVICE_LATENCY_MS = 20;

/** What the world does while a {@link PlayoutRig} runs; times are ms since the rig's start. */
export interface World {
  /** Timestamp of the frame captured at `ms`; undefined: none is sent. Default: the time, exactly. */
  readonly ticks?: (kind: Kind, ms: number) => number | undefined;
  /** True: the packet sent at `ms` is lost. */
  readonly loses?: (kind: Kind, ms: number) => boolean;
  /** Time on the way, ms. Default: 10 and jitter up to 8. */
  readonly transitMs?: (kind: Kind, ms: number) => number;
  /** True: the receiver's program stands still at `ms`. */
  readonly stops?: (ms: number) => boolean;
  /** Error of the publisher's clock in the sender report of `ms`; undefined: it sends none. Default: 0. */
  readonly reportErrorMs?: (kind: Kind, ms: number) => number | undefined;
  /** True: the ingest's reports do not come either. */
  readonly noIngestReports?: boolean;
}

/** A picture or a sound that was presented. */
export interface Presented {
  /** ms since the rig's start. */
  readonly at: number;
  /** From its capture on, ms, in truth. */
  readonly latencyMs: number;
}

/** What a viewer saw and heard in a window of time, in truth. */
export interface Seen {
  readonly pictures: number;
  readonly sounds: number;
  /** Medians, ms. */
  readonly pictureLatencyMs: number;
  readonly soundLatencyMs: number;
  /** By how much pictures came after their sound, ms. */
  readonly skewMs: number;
  /** Longest time without a picture, and without a sound, the ends of the window included, ms. */
  readonly longestPictureGapMs: number;
  readonly longestSoundGapMs: number;
}

/**
 * A publisher, an ingest, the way, and a {@link Playout} with decoders and an output that behave as those of browsers,
 * on a virtual clock. What is presented carries the time of its capture, so what a viewer sees and hears is known.
 */
export class PlayoutRig {
  readonly clock = new VirtualClock(1_000_000);
  readonly playout: Playout<SimPicture, SimSound>;
  readonly pictures: Presented[] = [];
  readonly sounds: Presented[] = [];
  /** Delay of an encoder, by kind, ms: between capture and sending. */
  readonly encoderMs = { audio: 0, video: 0 };
  /** How long decoding takes, by kind, ms. */
  readonly decodeMs = { audio: 1, video: 4 };
  /** Chunks that the decoder of sound holds back. */
  heldSounds = 0;
  world: World = {};
  readonly #start = this.clock.now();
  readonly #random: SeededRandom;
  readonly #has: readonly Kind[];
  readonly #next = { audio: 0, video: 0 };
  readonly #sequence = { audio: 60_000, video: 60_000 };
  readonly #ingest = { audio: new Ingest(RATES.audio), video: new Ingest(RATES.video) };
  readonly #reported: { [kind in Kind]?: Uint8Array | undefined } = {};
  readonly #arriving = { audio: 0, video: 0 };
  #stoppedMs = 0;
  #pending: (() => void)[] = [];

  constructor(
    options: {
      seed?: number;
      has?: readonly Kind[];
      targetDelayMs?: number;
      world?: World;
      encoderMs?: { readonly audio: number; readonly video: number };
    } = {},
  ) {
    Object.assign(this.encoderMs, options.encoderMs);
    this.#random = new SeededRandom(options.seed ?? 1);
    this.#has = options.has ?? ["audio", "video"];
    this.world = options.world ?? {};
    const output: SoundOutput<SimSound> = {
      latencyMs: DEVICE_LATENCY_MS,
      generation: 0,
      level: 0,
      prepare() {},
      get now() {
        return self.#deviceNow();
      },
      start: (sound, at) => {
        const heardMs = this.ms + (at - this.#deviceNow()) * 1_000 + DEVICE_LATENCY_MS;
        this.sounds.push({ at: heardMs, latencyMs: heardMs - sound.capturedMs });
      },
      silenceFrom: (at) => {
        const fromMs = this.ms + (at - this.#deviceNow()) * 1_000 + DEVICE_LATENCY_MS;
        while ((this.sounds.at(-1)?.at ?? 0) > fromMs) this.sounds.pop();
      },
    };
    const self = this;
    this.playout = new Playout(
      {
        targetDelayMs: options.targetDelayMs ?? 120,
        clock: this.clock,
        decoders: this.#decoders(),
        output,
        originOffsetMs: () => 0,
      },
      {
        onUnplayable() {},
        onMessage() {},
        onPictureReady() {},
      },
    );
    this.playout.describe(this.#description());
    this.#repeat(20, () => this.playout.tick());
    this.#repeat(1_000 / 60, () => {
      this.playout.present((picture) => {
        this.pictures.push({ at: this.ms, latencyMs: this.ms - picture.capturedMs });
      });
    });
    for (const kind of this.#has) {
      this.#send(kind);
      this.clock.after("report", 30, () => this.#report(kind));
    }
  }

  /** ms since the start. */
  get ms(): number {
    return this.clock.now() - this.#start;
  }

  /** Lets the time pass, and pending promises settle in between. */
  async run(ms: number): Promise<void> {
    for (const end = this.clock.now() + ms; this.clock.now() < end; ) {
      const stepMs = Math.min(5, end - this.clock.now());
      if (this.#isStopped()) this.#stoppedMs += stepMs;
      this.clock.advance(stepMs);
      await Promise.resolve();
      await Promise.resolve();
    }
  }

  /** What was seen and heard from `fromMs` to `toMs`. */
  seen(fromMs: number, toMs: number): Seen {
    const within = (all: readonly Presented[]): Presented[] =>
      all.filter(({ at }) => at >= fromMs && at < toMs);
    const pictures = within(this.pictures);
    const sounds = within(this.sounds);
    const pictureLatencyMs = median(pictures.map(({ latencyMs }) => latencyMs));
    const soundLatencyMs = median(sounds.map(({ latencyMs }) => latencyMs));
    const gap = (all: readonly Presented[]): number => {
      const times = [fromMs, ...all.map(({ at }) => at), toMs];
      return Math.max(...times.slice(1).map((at, index) => at - (times[index] as number)));
    };
    return {
      pictures: pictures.length,
      sounds: sounds.length,
      pictureLatencyMs,
      soundLatencyMs,
      skewMs: pictureLatencyMs - soundLatencyMs,
      longestPictureGapMs: gap(pictures),
      longestSoundGapMs: gap(sounds),
    };
  }

  #deviceNow(): number {
    return (this.ms - this.#stoppedMs) / 1_000;
  }

  /** Timers of a program that stands still run once when it continues. */
  #repeat(periodMs: number, task: () => void): void {
    this.clock.after("rig", periodMs, () => {
      this.#repeat(periodMs, task);
      if (this.#isStopped()) return;
      for (const arrival of this.#pending.splice(0)) arrival();
      task();
    });
  }

  #isStopped(): boolean {
    return this.world.stops?.(this.ms) === true;
  }

  #arrive(kind: Kind, transitMs: number, arrival: () => void): void {
    // One connection: nothing overtakes.
    const at = Math.max(this.clock.now() + transitMs, this.#arriving[kind]);
    this.#arriving[kind] = at;
    this.clock.after("arrival", at - this.clock.now(), () => {
      if (this.#isStopped() || this.#pending.length > 0) this.#pending.push(arrival);
      else arrival();
    });
  }

  #send(kind: Kind): void {
    const { world } = this;
    const index = this.#next[kind]++;
    const capturedMs = this.ms;
    this.clock.after("send", INTERVALS_MS[kind], () => this.#send(kind));
    const exact = Math.round((capturedMs * RATES[kind]) / 1_000);
    const ticks = world.ticks === undefined ? exact : world.ticks(kind, capturedMs);
    if (ticks === undefined) return;
    this.clock.after("encoded", this.encoderMs[kind], () => {
      const sequence = this.#sequence[kind]++;
      if (world.loses?.(kind, capturedMs) === true) return;
      const timestamp = ((ticks % 2 ** 32) + 2 ** 32) % 2 ** 32;
      this.#ingest[kind].arrived(ticks, this.clock.now());
      const packet = packetOf(kind, { sequence, timestamp, capturedMs, index });
      const transit = world.transitMs?.(kind, capturedMs) ?? 10 + this.#random.float() * 8;
      this.#arrive(kind, transit, () => this.playout.packet(packet));
    });
  }

  #report(kind: Kind): void {
    this.clock.after("report", 1_000, () => this.#report(kind));
    const { world } = this;
    const nowMs = this.ms;
    const ticks =
      world.ticks === undefined
        ? Math.round((nowMs * RATES[kind]) / 1_000)
        : world.ticks(kind, nowMs);
    const error = world.reportErrorMs === undefined ? 0 : world.reportErrorMs(kind, nowMs);
    if (ticks !== undefined && error !== undefined) {
      const { seconds, fraction } = msToNtp(Math.max(0, 1_700_000_000_000 + nowMs + error));
      this.#reported[kind] = encodeRtcp([
        {
          type: "sender-report",
          ssrc: 1,
          ntpSeconds: seconds,
          ntpFraction: fraction,
          rtpTimestamp: ((ticks % 2 ** 32) + 2 ** 32) % 2 ** 32,
          packetCount: 0,
          octetCount: 0,
          reports: [],
        },
      ]);
    }
    const instant = this.#ingest[kind].instant;
    if (instant === undefined || world.noIngestReports === true) return;
    const rtcp = this.#reported[kind] ?? new Uint8Array();
    const report = { source: MEDIA[kind], generation: 0, medium: MEDIA[kind], ...instant, rtcp };
    this.#arrive(kind, 12, () => this.playout.report(report));
  }

  #decoders(): MediaDecoders<SimPicture, SimSound> {
    const capturedMs = ({ bytes }: EncodedChunk): number =>
      new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getFloat64(16);
    const { clock } = this;
    return {
      refusalOf: () => undefined,
      missing: () => "no decoder",
      openVideo: (events): MediaDecoder<string> =>
        new SimDecoder({
          events,
          clock,
          decodeMs: () => this.decodeMs.video,
          held: 0,
          decode: (chunk) => new SimPicture(chunk.timestamp, capturedMs(chunk)),
        }),
      openAudio: (events): MediaDecoder<SoundConfiguration> =>
        new SimDecoder({
          events,
          clock,
          decodeMs: () => this.decodeMs.audio,
          held: this.heldSounds,
          decode: (chunk) => new SimSound(capturedMs(chunk)),
        }),
      supportsVideo: async () => true,
    };
  }

  #description(): Description {
    const track = (kind: Kind): Track => ({
      medium: MEDIA[kind],
      kind,
      source: MEDIA[kind],
      generation: 0,
      codec: kind === "video" ? "vp8" : "opus",
      payloadType: 96,
      clockRate: RATES[kind],
    });
    return { revision: 1, ingest: "rig", tracks: this.#has.map(track) };
  }
}

/** The mapping of the ingest: the packet that arrived fastest within the window counts. */
class Ingest {
  readonly #rate: number;
  #offsets: { readonly at: number; readonly offset: number }[] = [];
  #ticks = 0;

  constructor(rate: number) {
    this.#rate = rate;
  }

  arrived(ticks: number, now: number): void {
    this.#ticks = ticks;
    const offset = now - (ticks * 1_000) / this.#rate;
    if (Math.abs(offset - this.#least()) > JUMP_MS) this.#offsets = [];
    this.#offsets = this.#offsets.filter(({ at }) => now - at < WINDOW_MS);
    this.#offsets.push({ at: now, offset });
  }

  get instant(): { readonly ingestMs: number; readonly rtpTimestamp: number } | undefined {
    if (this.#offsets.length === 0) return undefined;
    const rtpTimestamp = ((this.#ticks % 2 ** 32) + 2 ** 32) % 2 ** 32;
    return { ingestMs: (this.#ticks * 1_000) / this.#rate + this.#least(), rtpTimestamp };
  }

  #least(): number {
    return Math.min(...this.#offsets.map(({ offset }) => offset));
  }
}

function packetOf(
  kind: Kind,
  frame: { sequence: number; timestamp: number; capturedMs: number; index: number },
): Uint8Array {
  const { sequence, timestamp, capturedMs, index } = frame;
  const isKey = index % FRAMES_PER_KEY === 0;
  const media = new Uint8Array(32);
  // Opus: one packet of 20 ms. VP8 (RFC 6386 §9.1): the lowest bit is 0 in key frames, whose start code follows.
  if (kind === "audio") media[0] = 0xfc;
  else media.set(isKey ? [0x10, 2, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xb4, 0] : [0x11, 2, 0]);
  new DataView(media.buffer).setFloat64(16, capturedMs);
  const payload = kind === "audio" ? media : Uint8Array.from([0x10, ...media]);
  const rtp = encodeRtp({
    marker: kind === "video",
    payloadType: 96,
    sequence: sequence & 0xffff,
    timestamp,
    ssrc: MEDIA[kind],
    csrcs: [],
    extensions: [],
    payload,
  });
  return encodePacket(
    {
      kind: KIND.rtp,
      flags: 0,
      channel: CHANNEL,
      source: MEDIA[kind],
      medium: MEDIA[kind],
      sourceGeneration: 0,
      sequence,
    },
    rtp,
  );
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
