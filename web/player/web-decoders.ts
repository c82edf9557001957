import type {
  DecoderEvents,
  EncodedChunk,
  MediaDecoder,
  MediaDecoders,
  SoundConfiguration,
} from "../../src/channel/playout/index.ts";
import type { Track } from "../../src/wire/index.ts";
import { noDecoder, refusalOf } from "./capability.ts";
import { G711Decoder } from "./g711-decoder.ts";

/** The decoders of the browser, by WebCodecs, and G.711, which not every browser decodes. */
export class WebDecoders implements MediaDecoders<VideoFrame, AudioData> {
  refusalOf(track: Track): string | undefined {
    return refusalOf(track);
  }

  missing(codec: string, codecString: string): string {
    return noDecoder(codec, codecString);
  }

  openVideo(events: DecoderEvents<VideoFrame>): MediaDecoder<string> {
    return new WebDecoder<VideoFrame, string>(events, (output, error) => {
      const decoder = new VideoDecoder({ output, error });
      return {
        decoder,
        configure: (codec) => decoder.configure({ codec, optimizeForLatency: true }),
        decode: (chunk) => decoder.decode(new EncodedVideoChunk(chunk)),
      };
    });
  }

  openAudio(events: DecoderEvents<AudioData>): MediaDecoder<SoundConfiguration> {
    return new SoundDecoder(events);
  }

  async supportsVideo(codec: string): Promise<boolean> {
    const answer = await VideoDecoder.isConfigSupported({ codec }).catch(() => undefined);
    return answer?.supported === true;
  }
}

/** A decoder of WebCodecs, of either kind, with its methods that differ. */
interface Opened<Configuration> {
  readonly decoder: VideoDecoder | AudioDecoder;
  configure(configuration: Configuration): void;
  decode(chunk: EncodedVideoChunkInit & EncodedAudioChunkInit): void;
}

class WebDecoder<Output extends { close(): void }, Configuration>
  implements MediaDecoder<Configuration>
{
  readonly #events: DecoderEvents<Output>;
  readonly #opened: Opened<Configuration>;
  #ended = false;

  constructor(
    events: DecoderEvents<Output>,
    open: (
      output: (output: Output) => void,
      error: (error: unknown) => void,
    ) => Opened<Configuration>,
  ) {
    this.#events = events;
    this.#opened = open(
      (output) => {
        if (this.#ended) output.close();
        else events.onOutput(output);
      },
      (error) => this.#failed(error),
    );
    this.#opened.decoder.ondequeue = () => {
      if (!this.#ended) events.onDequeued();
    };
  }

  get queueLength(): number {
    return this.#opened.decoder.decodeQueueSize;
  }

  configure(configuration: Configuration): void {
    this.#attempt(() => this.#opened.configure(configuration));
  }

  decode({ bytes, key, timestamp }: EncodedChunk): void {
    const data = bytes as Uint8Array<ArrayBuffer>;
    this.#attempt(() => this.#opened.decode({ data, timestamp, type: key ? "key" : "delta" }));
  }

  async flush(): Promise<void> {
    // It rejects when the decoder fails, which is an event, or is closed.
    if (this.#opened.decoder.state === "configured")
      await this.#opened.decoder.flush().catch(() => undefined);
  }

  close(): void {
    this.#ended = true;
    const { decoder } = this.#opened;
    if (decoder.state !== "closed") decoder.close();
  }

  #attempt(action: () => void): void {
    if (this.#ended) return;
    try {
      action();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (this.#ended) return;
    this.close();
    const isUnsupported = error instanceof DOMException && error.name === "NotSupportedError";
    this.#events.onFailed(isUnsupported ? "unsupported" : "broken");
  }
}

/** Which decoder it is depends on the codec. */
class SoundDecoder implements MediaDecoder<SoundConfiguration> {
  readonly #events: DecoderEvents<AudioData>;
  #decoder: MediaDecoder<SoundConfiguration> | undefined;

  constructor(events: DecoderEvents<AudioData>) {
    this.#events = events;
  }

  get queueLength(): number {
    return this.#decoder?.queueLength ?? 0;
  }

  configure(configuration: SoundConfiguration): void {
    const { codec } = configuration;
    this.#decoder ??=
      codec === "ulaw" || codec === "alaw"
        ? new G711Decoder(this.#events)
        : openWebAudio(this.#events);
    this.#decoder.configure(configuration);
  }

  decode(chunk: EncodedChunk): void {
    this.#decoder?.decode(chunk);
  }

  async flush(): Promise<void> {
    await this.#decoder?.flush();
  }

  close(): void {
    this.#decoder?.close();
  }
}

function openWebAudio(events: DecoderEvents<AudioData>): MediaDecoder<SoundConfiguration> {
  return new WebDecoder<AudioData, SoundConfiguration>(events, (output, error) => {
    const decoder = new AudioDecoder({ output, error });
    return {
      decoder,
      configure: ({ description, ...rest }) =>
        decoder.configure(
          description === undefined
            ? rest
            : { ...rest, description: description as Uint8Array<ArrayBuffer> },
        ),
      decode: (chunk) => decoder.decode(new EncodedAudioChunk(chunk)),
    };
  });
}
