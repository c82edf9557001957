import { AudioSchedule } from "../../src/channel/playout/index.ts";

/** Decoded sound on its way to the audio output, which owns `data` from now on. */
export interface Sound {
  readonly data: AudioData;
  /** Media time of its first sample at its source, s, exact. */
  readonly position: number;
  /** When it is due, ms on performance.now. */
  readonly playAtMs: number;
}

/** Reported output latencies are capped at this, s. */
const OUTPUT_LATENCY_MAX = 0.5;

/**
 * Plays sound through Web Audio. It follows the playout clock and never holds it: while the browser keeps audio
 * suspended (its autoplay policy), sound is thrown away and the picture goes on.
 */
export class AudioOutput {
  /** Chunks that were late and therefore not played. */
  late = 0;
  readonly #onChange: () => void;
  readonly #schedule = new AudioSchedule();
  #context: AudioContext | undefined;
  /** The rate that the context was opened for, Hz. */
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

  /** True once there has been sound to play. */
  get available(): boolean {
    return this.#context !== undefined;
  }

  /** True while the browser's autoplay policy holds sound back. */
  get suspended(): boolean {
    return this.#context?.state === "suspended";
  }

  /** Delay of the output itself, ms; undefined while it is suspended. */
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

  /** How often the sound was moved to follow the clock. */
  get resyncs(): number {
    return this.#schedule.resyncs;
  }

  /** Root mean square of the sound that plays now, 0..1, before muting. */
  get level(): number {
    if (this.#analyser === undefined || this.#context?.state !== "running") return 0;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    return Math.min(1, Math.sqrt(sum / this.#samples.length));
  }

  /** Call from a click or a key press: browsers then allow sound. */
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
   * @returns when it will be heard, ms on performance.now; undefined when it is dropped
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

  /** Cancels what is scheduled: media time starts over. */
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
   * The context runs at the rate of the sound, so that the browser resamples it as one stream: resampled chunk by
   * chunk, every boundary would be audible.
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
    // At a sample's boundary: in between, the browser would interpolate, and every boundary of chunks would be audible.
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
    // The browser does not support that rate; it resamples.
    return new AudioContext({ latencyHint: "interactive" });
  }
}
