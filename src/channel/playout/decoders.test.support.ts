import type { VirtualClock } from "../../base/index.ts";
import type { DecoderEvents, EncodedChunk, Picture, Sound } from "./ports.ts";

const SOUND_FRAMES = 960;
const SOUND_RATE = 48_000;

/** A picture that carries the time of its capture. */
export class SimPicture implements Picture {
  readonly displayWidth = 320;
  readonly displayHeight = 180;
  readonly timestamp: number;
  readonly capturedMs: number;

  constructor(timestamp: number, capturedMs: number) {
    this.timestamp = timestamp;
    this.capturedMs = capturedMs;
  }

  close(): void {}
}

/** Sound that carries the time of its capture. */
export class SimSound implements Sound {
  readonly numberOfFrames = SOUND_FRAMES;
  readonly sampleRate = SOUND_RATE;
  readonly capturedMs: number;

  constructor(capturedMs: number) {
    this.capturedMs = capturedMs;
  }

  close(): void {}
}

/** Decodes each chunk after a moment; holds back `held` chunks until it is flushed, as some codecs do. */
export class SimDecoder<Output> {
  readonly #events: DecoderEvents<Output>;
  readonly #clock: VirtualClock;
  readonly #decodeMs: () => number;
  readonly #held: number;
  readonly #decode: (chunk: EncodedChunk) => Output;
  #queue: EncodedChunk[] = [];
  #inside: EncodedChunk[] = [];
  #flushes: { readonly after: number; readonly done: () => void }[] = [];
  #taken = 0;
  #given = 0;
  #busy = false;
  #ended = false;

  constructor(options: {
    events: DecoderEvents<Output>;
    clock: VirtualClock;
    decodeMs: () => number;
    held: number;
    decode: (chunk: EncodedChunk) => Output;
  }) {
    this.#events = options.events;
    this.#clock = options.clock;
    this.#decodeMs = options.decodeMs;
    this.#held = options.held;
    this.#decode = options.decode;
  }

  get queueLength(): number {
    return this.#queue.length;
  }

  configure(_configuration: unknown): void {}

  decode(chunk: EncodedChunk): void {
    this.#queue.push(chunk);
    this.#given++;
    this.#work();
  }

  flush(): Promise<void> {
    return new Promise((done) => {
      this.#flushes.push({ after: this.#given, done });
      this.#work();
    });
  }

  close(): void {
    this.#ended = true;
    for (const { done } of this.#flushes.splice(0)) done();
  }

  #work(): void {
    if (this.#busy || this.#ended) return;
    const flush = this.#flushes[0];
    if (flush !== undefined && flush.after <= this.#taken) {
      this.#flushes.shift();
      for (const chunk of this.#inside.splice(0)) this.#events.onOutput(this.#decode(chunk));
      flush.done();
    }
    const chunk = this.#queue.shift();
    if (chunk === undefined) return;
    this.#busy = true;
    this.#taken++;
    this.#events.onDequeued();
    this.#clock.after("sim decoder", this.#decodeMs(), () => {
      this.#busy = false;
      if (this.#ended) return;
      this.#inside.push(chunk);
      while (this.#inside.length > this.#held)
        this.#events.onOutput(this.#decode(this.#inside.shift() as EncodedChunk));
      this.#work();
    });
  }
}
