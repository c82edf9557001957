import { type Clock, type Random, SeededRandom } from "../../src/base/index.ts";
import type {
  DecoderEvents,
  EncodedChunk,
  MediaDecoder,
  MediaDecoders,
  Picture,
  Sound,
  SoundConfiguration,
  SoundOutput,
} from "../../src/channel/playout/index.ts";
import { idOf } from "./sender.ts";

/** A picture that knows the frame which it was decoded from. */
export interface FieldPicture extends Picture {
  readonly id: number;
}

export interface FieldSound extends Sound {
  readonly id: number;
}

/** Decoding takes this, ms. */
const DECODE_MS = 4;
const SOUND_RATE = 48_000;
const SOUND_SAMPLES = 960;
/** What a decoder of Opus holds back is less than a packet. */
const LATENCY_MS = 20;

/** Decoders with the semantics of WebCodecs, on a clock. */
export class FieldDecoders implements MediaDecoders<FieldPicture, FieldSound> {
  /** Pictures that were decoded without one that they refer to. */
  readonly broken: number[] = [];
  readonly #clock: Clock;
  /** The id of the frame before each one that refers to it. */
  readonly #referenceOf: (id: number) => number | undefined;

  constructor(clock: Clock, referenceOf: (id: number) => number | undefined) {
    this.#clock = clock;
    this.#referenceOf = referenceOf;
  }

  openVideo(events: DecoderEvents<FieldPicture>): MediaDecoder<string> {
    let last: number | undefined;
    return new FieldDecoder<FieldPicture, string>(
      this.#clock,
      events,
      ({ bytes, timestamp, key }) => {
        const id = idOf(bytes);
        if (id === undefined) return undefined;
        if (!key && this.#referenceOf(id) !== last) this.broken.push(id);
        last = id;
        return { id, timestamp, displayWidth: 640, displayHeight: 360, close() {} };
      },
    );
  }

  openAudio(events: DecoderEvents<FieldSound>): MediaDecoder<SoundConfiguration> {
    return new FieldDecoder<FieldSound, SoundConfiguration>(this.#clock, events, ({ bytes }) => {
      const id = idOf(bytes);
      if (id === undefined) return undefined;
      return { id, numberOfFrames: SOUND_SAMPLES, sampleRate: SOUND_RATE, close() {} };
    });
  }

  supportsVideo(): Promise<boolean> {
    return Promise.resolve(true);
  }

  refusalOf(): undefined {
    return undefined;
  }

  missing(codec: string): string {
    return `no decoder for ${codec}`;
  }
}

class FieldDecoder<Output, Configuration> implements MediaDecoder<Configuration> {
  readonly #clock: Clock;
  readonly #events: DecoderEvents<Output>;
  readonly #decode: (chunk: EncodedChunk) => Output | undefined;
  #queue: EncodedChunk[] = [];
  #isBusy = false;
  #needsKey = true;
  #isClosed = false;
  #flushed: (() => void)[] = [];

  constructor(
    clock: Clock,
    events: DecoderEvents<Output>,
    decode: (chunk: EncodedChunk) => Output | undefined,
  ) {
    this.#clock = clock;
    this.#events = events;
    this.#decode = decode;
  }

  get queueLength(): number {
    return this.#queue.length;
  }

  configure(): void {
    this.#needsKey = true;
  }

  decode(chunk: EncodedChunk): void {
    if (this.#isClosed) return;
    if (this.#needsKey && !chunk.key) {
      this.#fail();
      return;
    }
    this.#needsKey = false;
    this.#queue.push(chunk);
    this.#work();
  }

  flush(): Promise<void> {
    this.#needsKey = true;
    if (this.#isClosed || (this.#queue.length === 0 && !this.#isBusy)) return Promise.resolve();
    return new Promise((resolve) => this.#flushed.push(resolve));
  }

  close(): void {
    this.#isClosed = true;
    this.#queue = [];
    this.#settle();
  }

  #work(): void {
    if (this.#isBusy || this.#isClosed) return;
    const chunk = this.#queue.shift();
    if (chunk === undefined) {
      this.#settle();
      return;
    }
    this.#isBusy = true;
    this.#clock.after("field decoder", DECODE_MS, () => {
      this.#isBusy = false;
      if (this.#isClosed) return;
      const output = this.#decode(chunk);
      if (output === undefined) {
        this.#fail();
        return;
      }
      this.#events.onDequeued();
      this.#events.onOutput(output);
      this.#work();
    });
  }

  #fail(): void {
    this.close();
    this.#events.onFailed("broken");
  }

  #settle(): void {
    for (const resolve of this.#flushed.splice(0)) resolve();
  }
}

/** Sound that was played: a frame's id, and when, ms of the world's clock. */
export interface Played {
  readonly id: number;
  readonly at: number;
}

/** A sound device, whose clock is as fast as the world's but for `drift`. */
export class FieldOutput implements SoundOutput<FieldSound> {
  readonly latencyMs = LATENCY_MS;
  readonly generation = 1;
  readonly level = 0.1;
  readonly #clock: Clock;
  readonly #drift: number;
  #played: { id: number; at: number }[] = [];

  constructor(clock: Clock, seed: number) {
    this.#clock = clock;
    const random: Random = new SeededRandom(seed);
    this.#drift = (random.float() - 0.5) * 0.000_2;
  }

  get now(): number {
    return (this.#clock.now() * (1 + this.#drift)) / 1000;
  }

  /** What was, or will be, heard, in order of its time. */
  get played(): readonly Played[] {
    return this.#played.map(({ id, at }) => ({
      id,
      at: (at * 1000) / (1 + this.#drift) + LATENCY_MS,
    }));
  }

  prepare(): void {}

  start(sound: FieldSound, at: number): void {
    this.#played.push({ id: sound.id, at });
  }

  silenceFrom(at: number): void {
    const from = Math.max(at, this.now);
    this.#played = this.#played.filter((each) => each.at < from);
  }
}
