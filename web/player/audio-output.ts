import { AudioSchedule } from "../../src/channel/playout/index.ts";

/** Decoded sound on its way to the loudspeaker. Takes ownership of `data`. */
export interface Sound {
  readonly data: AudioData;
  /** Source's media time of its first sample, s, exact. */
  readonly position: number;
  /** When it should be heard, ms on performance.now. */
  readonly playAtMs: number;
}

/** Reported output latencies beyond this are not believed, s. */
const OUTPUT_LATENCY_MAX = 0.5;

/**
 * Plays sound through Web Audio. It follows the playout clock and never holds it: while the browser keeps audio
 * suspended (its autoplay policy), sound is thrown away and the picture goes on.
 */
export class AudioOutput {
  /** Chunks that came too late to be heard. */
  late = 0;
  readonly #onChange: () => void;
  readonly #schedule = new AudioSchedule();
  #context: AudioContext | undefined;
  /** What the context was opened for. */
  #sampleRate: number | undefined;
  #gain: GainNode | undefined;
  #analyser: AnalyserNode | undefined;
  #samples = new Float32Array(new ArrayBuffer(0));
  readonly #scheduled = new Map<AudioBufferSourceNode, number>();
  #muted: boolean;

  /** @param onChange called when {@link suspended} may have changed */
  constructor(options: { muted: boolean }, onChange: () => void) {
    this.#muted = options.muted;
    this.#onChange = onChange;
  }

  /** True once there was sound to play. */
  get available(): boolean {
    return this.#context !== undefined;
  }

  /** True while there is sound that the browser does not let out without a click. */
  get suspended(): boolean {
    return this.#context?.state === "suspended";
  }

  /** From being given to it to being heard, ms; undefined while nothing is let out. */
  get latencyMs(): number | undefined {
    const context = this.#context;
    if (context?.state !== "running") return undefined;
    return Math.min(context.outputLatency || 0, OUTPUT_LATENCY_MAX) * 1000;
  }

  get muted(): boolean {
    return this.#muted;
  }

  set muted(value: boolean) {
    this.#muted = value;
    if (this.#gain !== undefined && this.#context !== undefined) {
      this.#gain.gain.setTargetAtTime(value ? 0 : 1, this.#context.currentTime, 0.01);
    }
  }

  /** Times the sound was moved to where the clock wants it. */
  get resyncs(): number {
    return this.#schedule.resyncs;
  }

  /** Root mean square of what plays now, 0..1, before muting. */
  get level(): number {
    if (this.#analyser === undefined || this.#context?.state !== "running") return 0;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    return Math.min(1, Math.sqrt(sum / this.#samples.length));
  }

  /** Call from a click: lets the browser start sound. */
  async resume(): Promise<void> {
    await this.#context?.resume();
    this.#onChange();
  }

  /**
   * Opens the output for sound of this many samples per second. The first time blocks the page while the browser starts
   * its audio service.
   */
  prepare(sampleRate: number): void {
    this.#open(sampleRate);
  }

  /**
   * Schedules a chunk.
   *
   * @returns when it will be heard, ms on performance.now; undefined when it will not
   */
  play(sound: Sound, nowMs: number): number | undefined {
    try {
      const context = this.#open(sound.data.sampleRate);
      const { latencyMs } = this;
      if (context === undefined || latencyMs === undefined) return undefined;
      const latency = latencyMs / 1000;
      const now = context.currentTime;
      const wantedAt = now + (sound.playAtMs - nowMs) / 1000 - latency;
      const placement = this.#schedule.place({ position: sound.position, wantedAt, now });
      if (placement === undefined) {
        this.late++;
        return undefined;
      }
      if (placement.moved) this.#silenceFrom(placement.at);
      this.#start(context, sound.data, placement.at);
      return nowMs + (placement.at - now + latency) * 1000;
    } finally {
      sound.data.close();
    }
  }

  /** Forgets what was scheduled: media time starts again. */
  reset(): void {
    this.#silenceFrom(0);
    this.#schedule.reset();
  }

  close(): void {
    this.reset();
    const context = this.#context;
    this.#context = undefined;
    this.#sampleRate = undefined;
    if (context !== undefined) {
      context.onstatechange = null;
      void context.close().catch(() => undefined);
    }
  }

  /**
   * The context runs at the sound's own rate, so that the browser resamples all of it in one: chunk by chunk, every
   * joint would be heard.
   */
  #open(sampleRate: number): AudioContext | undefined {
    if (sampleRate === this.#sampleRate || typeof AudioContext !== "function") return this.#context;
    this.close();
    this.#sampleRate = sampleRate;
    const context = newContext(sampleRate);
    context.onstatechange = () => {
      this.reset();
      this.#onChange();
    };
    const gain = new GainNode(context, { gain: this.#muted ? 0 : 1 });
    const analyser = new AnalyserNode(context, { fftSize: 2048 });
    analyser.connect(gain).connect(context.destination);
    this.#samples = new Float32Array(analyser.fftSize);
    this.#context = context;
    this.#gain = gain;
    this.#analyser = analyser;
    this.#onChange();
    return context;
  }

  #start(context: AudioContext, data: AudioData, at: number): void {
    const { numberOfChannels, numberOfFrames, sampleRate } = data;
    const buffer = new AudioBuffer({ numberOfChannels, length: numberOfFrames, sampleRate });
    for (let channel = 0; channel < numberOfChannels; channel++) {
      data.copyTo(buffer.getChannelData(channel), { planeIndex: channel, format: "f32-planar" });
    }
    const node = new AudioBufferSourceNode(context, { buffer });
    node.connect(this.#analyser as AnalyserNode);
    node.onended = () => this.#scheduled.delete(node);
    this.#scheduled.set(node, at + buffer.duration);
    // On a sample's edge: between two, the browser would interpolate, and every joint would be heard.
    node.start(Math.round(at * context.sampleRate) / context.sampleRate);
  }

  #silenceFrom(at: number): void {
    for (const [node, end] of this.#scheduled) if (end > at) node.stop(at);
  }
}

function newContext(sampleRate: number): AudioContext {
  try {
    return new AudioContext({ latencyHint: "interactive", sampleRate });
  } catch {
    // A rate that this browser has no context for: it converts then.
    return new AudioContext({ latencyHint: "interactive" });
  }
}
