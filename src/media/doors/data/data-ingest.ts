import { LIMITS, MeanderError, type Random, serialAdd } from "../../../base/index.ts";
import type { ChannelPublisher, SourceId } from "../../../reflector/index.ts";
import { encodePacket, FLAG, KIND, MEDIUM, type Track } from "../../../wire/index.ts";
import { sourceIdOf } from "../../inputs/source-id.ts";

const CONTENT_TYPE = /^[a-z0-9.+-]+\/[a-z0-9.+-]+$/;
const CONTENT_TYPE_CHARACTERS_MAX = 64;
const TICKS_PER_SECOND = 1000;

export interface DataIngestOptions {
  /** Of the source. */
  readonly name: string;
  /** Used, not owned. */
  readonly publisher: ChannelPublisher;
  readonly random: Random;
  /** The track has another content type. Called before the message that has it is published. */
  onChange(): void;
}

/** Messages (text, JSON, HTML…) made into packets of a channel, one each. */
export class DataIngest {
  readonly #options: DataIngestOptions;
  readonly #source: SourceId;
  #sequence: number;
  #contentType: string | undefined;
  #packets = 0;
  #bytes = 0;

  constructor(options: DataIngestOptions) {
    const { name, random } = options;
    this.#options = options;
    const source = sourceIdOf({ name, medium: MEDIUM.text, ssrc: random.uint32() });
    this.#source = { source, generation: 0, medium: MEDIUM.text };
    this.#sequence = random.uint32();
  }

  /** Messages taken, and their bytes. */
  get packets(): number {
    return this.#packets;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** As the description has it; undefined before the first message. */
  get track(): Track | undefined {
    if (this.#contentType === undefined) return undefined;
    return {
      ...this.#source,
      kind: "text",
      codec: this.#contentType,
      payloadType: -1,
      clockRate: TICKS_PER_SECOND,
    };
  }

  /**
   * Publishes one message. Copies.
   *
   * @param contentType a media type; its parameters are left out
   * @throws {MeanderError} `message-too-large`, `content-type-invalid`
   */
  publish(contentType: string, bytes: Uint8Array): void {
    if (bytes.byteLength > LIMITS.messageBytesMax) {
      throw new MeanderError("message-too-large", `a message of ${bytes.byteLength} bytes`, {
        expected: `at most ${LIMITS.messageBytesMax}`,
        next: "publish it in parts, or a reference to it",
      });
    }
    const type = mediaTypeOf(contentType);
    if (type !== this.#contentType) {
      this.#contentType = type;
      this.#options.onChange();
    }
    const { publisher } = this.#options;
    const { source, generation, medium } = this.#source;
    const packet = encodePacket(
      {
        kind: KIND.data,
        flags: FLAG.begin | FLAG.end | FLAG.keyframe,
        channel: publisher.channelId,
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
    publisher.publish(packet);
  }

  /** Ends the source. */
  close(): void {
    this.#options.publisher.bye(this.#source);
  }
}

function mediaTypeOf(contentType: string): string {
  const type = (contentType.split(";")[0] ?? "").trim().toLowerCase();
  if (CONTENT_TYPE.test(type) && type.length <= CONTENT_TYPE_CHARACTERS_MAX) return type;
  throw new MeanderError("content-type-invalid", `content type "${contentType.slice(0, 80)}"`, {
    expected: `a media type of at most ${CONTENT_TYPE_CHARACTERS_MAX} characters such as text/plain`,
  });
}
