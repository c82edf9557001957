import { access } from "node:fs/promises";
import type { Input, InputTrack } from "mediabunny";
import { MeanderError, messageOf } from "../../base/index.ts";
import type { TrackFacts } from "../../wire/index.ts";
import { CLIP_CODECS, type ClipCodec, clipCodecOf, type DecoderFacts } from "./clip-codecs.ts";
import { type ClipDamage, clipDamage } from "./clip-damage.ts";
import { factsOfTrack } from "./clip-facts.ts";
import { type Decodable, DecodeOrder } from "./decode-order.ts";

/** A track of a clip. */
export interface ClipTrack {
  readonly kind: "audio" | "video";
  /** Encoding name of RTP. */
  readonly codec: string;
  /** RTP ticks per second. */
  readonly clockRate: number;
  /** Audio only. */
  readonly channels?: number;
  /** Format parameters for the SDP, without parameter sets. */
  readonly fmtp?: string;
  /** H.264 and H.265: NAL units without start code. */
  readonly parameterSets: readonly Uint8Array[];
  /** Presentation of the first frame, seconds; may be negative. */
  readonly firstSeconds: number;
  /** End of the last frame, seconds. */
  readonly endSeconds: number;
  /** How the file wants it shown, and what it calls it. */
  readonly facts?: TrackFacts | undefined;
}

/** A frame of a clip. */
export interface ClipFrame {
  /** As for RTP; H.264 and H.265: Annex B, with parameter sets before key frames. Owned by the caller. */
  readonly bytes: Uint8Array;
  readonly key: boolean;
  /** Seconds in the file's time. */
  readonly presentation: number;
}

interface OpenTrack {
  readonly track: ClipTrack;
  readonly source: InputTrack;
  readonly codec: ClipCodec;
}

/** A track that ends earlier than its index says by more than this lacks frames. */
const SHORT_SECONDS = 1;

/** The library asserts what it reads, and says no more of a file that is none of its formats. */
function whyOf(error: unknown): string {
  const why = messageOf(error);
  return /^assertion failed/i.test(why) ? "it is no media file of a known format, or damaged" : why;
}

/** A media file, read frame by frame in decode order. */
export class ClipReader {
  /** The first video track and the first audio track, video first. */
  readonly tracks: readonly ClipTrack[];
  /** What is wrong with a file that can be published nevertheless, for people. */
  readonly warnings: readonly string[];
  readonly #path: string;
  readonly #input: Input;
  readonly #open: readonly OpenTrack[];
  #damagedFrames = 0;

  private constructor(path: string, input: Input, open: readonly OpenTrack[], damage?: ClipDamage) {
    this.#path = path;
    this.#input = input;
    this.#open = open;
    this.tracks = open.map(({ track }) => track);
    this.warnings =
      damage === undefined ? [] : [`${path} is broken: ${damage.why}; what it has is published`];
  }

  /** Frames left out so far because their bytes are damaged. */
  get damagedFrames(): number {
    return this.#damagedFrames;
  }

  /** @throws {MeanderError} `clip-missing`, `clip-unsupported`, `clip-broken` */
  static async open(path: string): Promise<ClipReader> {
    try {
      await access(path);
    } catch (cause) {
      throw new MeanderError("clip-missing", "the file does not exist or is not readable", {
        where: path,
        expected: "a media file",
        cause,
      });
    }
    const damage = await clipDamage(path);
    if (damage?.isPlayable === false) throw broken(path, damage.why);
    // Loaded with the first clip: loading it takes longer than loading the rest of a site.
    const { FilePathSource, Input, MATROSKA, MP4, QTFF, WEBM } = await import("mediabunny");
    const input = new Input({
      formats: [MP4, QTFF, WEBM, MATROSKA],
      source: new FilePathSource(path),
    });
    try {
      return new ClipReader(path, input, await openTracks(input, path), damage);
    } catch (error) {
      input.dispose();
      if (error instanceof MeanderError) throw error;
      throw new MeanderError("clip-broken", `cannot read the clip: ${whyOf(error)}`, {
        where: path,
        expected: "a whole file",
        next: repair(path),
        cause: error,
      });
    }
  }

  /**
   * The frames of the track at `index`, from its beginning, in decode order. May be called several times at once.
   *
   * @throws {MeanderError} `clip-broken`: the file ends before its index says, after all frames that it has
   */
  async *frames(index: number): AsyncGenerator<Decodable<ClipFrame>, void, void> {
    const open = this.#open[index];
    if (open === undefined) return;
    const { EncodedPacketSink } = await import("mediabunny");
    const order = new DecodeOrder<ClipFrame>();
    let end = Number.NEGATIVE_INFINITY;
    for await (const packet of new EncodedPacketSink(open.source).packets()) {
      const key = packet.type === "key";
      end = Math.max(end, packet.timestamp + packet.duration);
      // A sample with wrong lengths has none: no decoder could use it.
      const frames = open.codec.framesOf(packet.data, key);
      if (frames.length === 0) this.#damagedFrames++;
      for (const { bytes, afterSeconds } of frames) {
        yield* order.push({ bytes, key, presentation: packet.timestamp + afterSeconds });
      }
    }
    yield* order.finish();
    const { endSeconds, kind } = open.track;
    if (this.warnings.length === 0 && end < endSeconds - SHORT_SECONDS)
      throw broken(
        this.#path,
        `its ${kind} ends at ${end.toFixed(1)} s, its index says ${endSeconds.toFixed(1)} s`,
      );
  }

  /** Closes the file. Pending reads fail. */
  close(): void {
    this.#input.dispose();
  }
}

async function openTracks(input: Input, path: string): Promise<OpenTrack[]> {
  if (!(await input.canRead())) {
    throw new MeanderError("clip-unsupported", "not supported: the format of the file", {
      where: path,
      expected: CLIP_CODECS,
      next: throughFfmpeg(path),
    });
  }
  const video = (await input.getVideoTracks())[0];
  const audio = (await input.getAudioTracks())[0];
  const sources = [video, audio].filter((source) => source !== undefined);
  if (sources.length === 0) {
    throw new MeanderError("clip-unsupported", "the file has neither video nor audio", {
      where: path,
      expected: CLIP_CODECS,
    });
  }
  return Promise.all(sources.map((source) => openTrack(source, path)));
}

async function openTrack(source: InputTrack, path: string): Promise<OpenTrack> {
  const name = await source.getCodec();
  // The library's type names browser interfaces that Node's types do not have.
  const decoder: DecoderFacts | null = await (source.isVideoTrack() || source.isAudioTrack()
    ? source.getDecoderConfig()
    : null);
  const codec = clipCodecOf(name, decoder ?? { codec: "" });
  if (codec === "unknown") {
    const internal = await source.getInternalCodecId();
    throw new MeanderError(
      "clip-unsupported",
      `not supported: track ${source.id} (${source.type}) has the codec ${name ?? String(internal)}`,
      { where: path, expected: CLIP_CODECS, next: throughFfmpeg(path) },
    );
  }
  if (typeof codec === "string") {
    throw new MeanderError("clip-unsupported", `not supported: track ${source.id} has ${codec}`, {
      where: path,
      expected: CLIP_CODECS,
      next: throughFfmpeg(path),
    });
  }
  const { framesOf: _framesOf, ...format } = codec;
  const facts = await factsOfTrack(source);
  const track = {
    ...format,
    ...(Object.keys(facts).length === 0 ? {} : { facts }),
    firstSeconds: await source.getFirstTimestamp(),
    endSeconds: await source.computeDuration(),
  };
  return { source, codec, track };
}

function broken(path: string, why: string): MeanderError {
  return new MeanderError("clip-broken", `the file is broken: ${why}`, {
    where: path,
    expected: "a whole file",
    next: repair(path),
  });
}

function repair(path: string): string {
  const name = JSON.stringify(path);
  return `get it again, or try whether ffmpeg can rebuild it: ffmpeg -i ${name} -c copy repaired.mkv`;
}

function throughFfmpeg(path: string): string {
  return `publish it through ffmpeg: meander publish CHANNEL --ffmpeg ${JSON.stringify(path)}`;
}
