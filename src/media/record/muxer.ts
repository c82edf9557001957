import {
  EncodedAudioPacketSource,
  EncodedPacket,
  EncodedVideoPacketSource,
  MkvOutputFormat,
  MovOutputFormat,
  Mp4OutputFormat,
  Output,
  type OutputFormat,
  StreamTarget,
  WebMOutputFormat,
} from "mediabunny";
import type { TrackFacts } from "../../wire/index.ts";
import { colourSpaceOf, languageCodeOf, pixelShapeOf } from "../files/container-facts.ts";
import type { Container } from "./container.ts";
import type { SegmentFrame } from "./segment-frame.ts";
import type { TrackFormat } from "./track-format.ts";

/** What a file will contain, and where its bytes are written. */
export interface MuxerOptions {
  readonly container: Container;
  readonly formats: readonly TrackFormat[];
  /** Of each track, what the file states besides its format. */
  readonly facts: readonly TrackFacts[];
  /** Title in the file. */
  readonly title: string;
  /** Writes at a position of the file; never rejects. */
  write(data: Uint8Array, position: number): Promise<void>;
}

type Source = EncodedVideoPacketSource | EncodedAudioPacketSource;

/**
 * Converts frames to the bytes of a file. Loaded with the first recording (`await import`): loading its library takes
 * longer than loading the rest of a site.
 */
export class Muxer {
  readonly #output: Output;
  readonly #sources: readonly Source[];

  constructor({ container, facts, formats, title, write }: MuxerOptions) {
    this.#output = new Output({
      format: outputFormatOf(container),
      target: new StreamTarget(
        new WritableStream({ write: ({ data, position }) => write(data, position) }),
      ),
    });
    this.#output.setMetadataTags({ title });
    this.#sources = formats.map((format, index) =>
      addTrack(this.#output, format, facts[index] ?? {}),
    );
  }

  /** Writes the head of the file. First, once. */
  start(): Promise<void> {
    return this.#output.start();
  }

  /** @param track its index among the formats */
  async add(track: number, { bytes, key, seconds, duration }: SegmentFrame): Promise<void> {
    const packet = new EncodedPacket(bytes, key ? "key" : "delta", seconds, duration);
    await this.#sources[track]?.add(packet);
  }

  /** No further frame of the track will be added. */
  end(track: number): void {
    this.#sources[track]?.close();
  }

  /** Completes the file. */
  finish(): Promise<void> {
    return this.#output.finalize();
  }

  /** Writes nothing more. */
  async cancel(): Promise<void> {
    await this.#output.cancel().catch(() => {});
  }
}

/** The formats of such files, set so that what was written is playable at any moment. */
function outputFormatOf(container: Container): OutputFormat {
  switch (container) {
    case "webm":
      return new WebMOutputFormat({ minimumClusterDuration: FRAGMENT_SECONDS });
    case "mkv":
      return new MkvOutputFormat({ minimumClusterDuration: FRAGMENT_SECONDS });
    case "mp4":
      return new Mp4OutputFormat(FRAGMENTED);
    case "mov":
      return new MovOutputFormat(FRAGMENTED);
  }
}

const FRAGMENT_SECONDS = 1;
const FRAGMENTED = {
  fastStart: "fragmented",
  minimumFragmentDuration: FRAGMENT_SECONDS,
} as const;

function addTrack(output: Output, format: TrackFormat, facts: TrackFacts): Source {
  const { codecString: codec, description } = format;
  const languageCode = languageCodeOf(facts.language);
  const named = {
    ...(languageCode === undefined ? {} : { languageCode }),
    ...(facts.title === undefined ? {} : { name: facts.title }),
  };
  const described = description === undefined ? {} : { description };
  if (format.kind === "video") {
    const source = new EncodedVideoPacketSource(format.codec);
    const size = { codedWidth: format.width, codedHeight: format.height };
    const shape = { ...pixelShapeOf(facts.pixelAspect, format), ...colourSpaceOf(facts.colour) };
    output.addVideoTrack(source, {
      // The types of some versions of the DOM lack names of colour spaces.
      decoderConfig: { codec, ...size, ...shape, ...described } as VideoDecoderConfig,
      ...named,
      ...(facts.rotation === undefined ? {} : { rotation: facts.rotation }),
      ...(facts.mirrored === undefined ? {} : { flip: true }),
    });
    return source;
  }
  const source = new EncodedAudioPacketSource(format.codec);
  const sound = { sampleRate: format.sampleRate, numberOfChannels: format.channels };
  output.addAudioTrack(source, { decoderConfig: { codec, ...sound, ...described }, ...named });
  return source;
}
