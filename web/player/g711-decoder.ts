import type {
  DecoderEvents,
  EncodedChunk,
  MediaDecoder,
  SoundConfiguration,
} from "../../src/channel/playout/index.ts";
import { decodeG711 } from "../../src/wire/index.ts";

/** Decodes G.711 at once, one output for each chunk. */
export class G711Decoder implements MediaDecoder<SoundConfiguration> {
  readonly queueLength = 0;
  readonly #events: DecoderEvents<AudioData>;
  #configuration: SoundConfiguration | undefined;

  constructor(events: DecoderEvents<AudioData>) {
    this.#events = events;
  }

  configure(configuration: SoundConfiguration): void {
    this.#configuration = configuration;
  }

  decode({ bytes, timestamp }: EncodedChunk): void {
    if (this.#configuration === undefined) return;
    const { codec, numberOfChannels, sampleRate } = this.#configuration;
    const numberOfFrames = Math.floor(bytes.byteLength / numberOfChannels);
    if (numberOfFrames === 0) return;
    const samples = bytes.subarray(0, numberOfFrames * numberOfChannels);
    this.#events.onOutput(
      new AudioData({
        format: "s16",
        sampleRate,
        numberOfChannels,
        numberOfFrames,
        timestamp,
        data: decodeG711(samples, codec === "alaw" ? "pcma" : "pcmu"),
      }),
    );
  }

  async flush(): Promise<void> {
    // Nothing is held back.
  }

  close(): void {
    this.#configuration = undefined;
  }
}
