import type { SoundOutput } from "../../src/channel/playout/index.ts";

/** Reported output latencies are capped at this, s. */
const OUTPUT_LATENCY_MAX = 0.5;

/** Plays sound through Web Audio, whose clock is that of the audio device. */
export class AudioOutput implements SoundOutput<AudioData> {
  readonly #onChange: () => void;
  #context: AudioContext | undefined;
  /** The rate that the context was opened for, Hz. */
  #sampleRate: number | undefined;
  #gain: GainNode | undefined;
  #analyser: AnalyserNode | undefined;
  #samples = new Float32Array(new ArrayBuffer(0));
  #generation = 0;
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

  get now(): number {
    return this.#context?.currentTime ?? 0;
  }

  get generation(): number {
    return this.#generation;
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

  start(sound: AudioData, at: number): void {
    try {
      const context = this.#context;
      if (context?.state === "running") this.#start(context, sound, at);
    } finally {
      sound.close();
    }
  }

  silenceFrom(at: number): void {
    for (const [node, end] of this.#scheduled) if (end > at) node.stop(at);
  }

  close(): void {
    this.#void();
    const context = this.#context;
    this.#context = undefined;
    this.#sampleRate = undefined;
    if (context !== undefined) {
      context.onstatechange = null;
      void context.close().catch(() => undefined);
    }
  }

  /**
   * Opens the output. The first time blocks the page while the browser starts its audio service.
   *
   * The context runs at the rate of the sound, so that the browser resamples it as one stream: resampled chunk by
   * chunk, every boundary would be audible.
   */
  prepare(sampleRate: number): void {
    if (sampleRate === this.#sampleRate || typeof AudioContext !== "function") return;
    this.close();
    this.#sampleRate = sampleRate;
    const context = newContext(sampleRate);
    context.onstatechange = () => {
      this.#void();
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
  }

  #void(): void {
    this.silenceFrom(0);
    this.#generation++;
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
}

function newContext(sampleRate: number): AudioContext {
  try {
    return new AudioContext({ latencyHint: "interactive", sampleRate });
  } catch {
    // The browser does not support that rate; it resamples.
    return new AudioContext({ latencyHint: "interactive" });
  }
}
