import {
  type Cancel,
  type Clock,
  Counters,
  every,
  LIMITS,
  MeanderError,
  type Random,
  serialAdd,
} from "../../../base/index.ts";
import type { SourceId } from "../../../reflector/index.ts";
import { encodePacket, FLAG, KIND, MEDIUM, type Track } from "../../../wire/index.ts";
import { sourceIdOf } from "../../inputs/source-id.ts";
import type { Ingest, IngestSink } from "../ingest-door.ts";

const CONTENT_TYPE = /^[a-z0-9.+-]+\/[a-z0-9.+-]+$/;
const CONTENT_TYPE_CHARACTERS_MAX = 64;
const TICKS_PER_SECOND = 1000;
/** The track is described this often, for newcomers over lossy links, ms. */
const DESCRIBE_MS = 1_000;

/** What a {@link DataIngest} works with. */
export interface DataIngestParts {
  /** Of the source. */
  readonly name: string;
  readonly sink: IngestSink;
  readonly clock: Clock;
  readonly random: Random;
}

/** Makes packets of messages (text, JSON, HTML…), one of each. */
export class DataIngest implements Ingest {
  readonly drops = new Counters();
  readonly #sink: IngestSink;
  readonly #cancel: Cancel;
  readonly #source: SourceId;
  #sequence: number;
  #contentType: string | undefined;
  #packets = 0;
  #bytes = 0;

  constructor({ name, sink, clock, random }: DataIngestParts) {
    this.#sink = sink;
    this.#cancel = every(clock, "describe-data", DESCRIBE_MS, () => this.#describe());
    const source = sourceIdOf({ name, medium: MEDIUM.text, ssrc: random.uint32() });
    this.#source = { source, generation: 0, medium: MEDIUM.text };
    this.#sequence = random.uint32();
  }

  /** Messages published, and their bytes. */
  get packets(): number {
    return this.#packets;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Publishes one message. Copies.
   *
   * @param contentType a media type; its parameters are ignored
   * @throws {MeanderError} `message-too-large`, `content-type-invalid`
   */
  publish(contentType: string, bytes: Uint8Array): void {
    if (bytes.byteLength > LIMITS.messageBytesMax) {
      throw new MeanderError(
        "message-too-large",
        `a message of ${bytes.byteLength} bytes is too large`,
        {
          expected: `at most ${LIMITS.messageBytesMax}`,
          next: "publish it in parts, or publish a reference to it",
        },
      );
    }
    const type = mediaTypeOf(contentType);
    if (type !== this.#contentType) {
      this.#contentType = type;
      this.#describe();
    }
    const { source, generation, medium } = this.#source;
    const packet = encodePacket(
      {
        kind: KIND.data,
        flags: FLAG.begin | FLAG.end | FLAG.keyframe,
        channel: this.#sink.channelId,
        source,
        medium,
        sourceGeneration: generation,
        sequence: this.#sequence,
      },
      bytes,
    );
    this.#sequence = serialAdd(this.#sequence, 1, 32);
    this.#packets++;
    this.#bytes += bytes.byteLength;
    this.#sink.packet(packet);
  }

  /** Ends the source. */
  close(): void {
    this.#cancel();
    this.#sink.bye(this.#source);
  }

  /** Nothing before the first message: its content type is not known. */
  #describe(): void {
    if (this.#contentType === undefined) return;
    const track: Track = {
      ...this.#source,
      kind: "text",
      codec: this.#contentType,
      payloadType: -1,
      clockRate: TICKS_PER_SECOND,
    };
    this.#sink.describe([track]);
  }
}

function mediaTypeOf(contentType: string): string {
  const type = (contentType.split(";")[0] ?? "").trim().toLowerCase();
  if (CONTENT_TYPE.test(type) && type.length <= CONTENT_TYPE_CHARACTERS_MAX) return type;
  throw new MeanderError(
    "content-type-invalid",
    `not a content type: "${contentType.slice(0, 80)}"`,
    {
      expected: `a media type of at most ${CONTENT_TYPE_CHARACTERS_MAX} characters such as text/plain`,
    },
  );
}
