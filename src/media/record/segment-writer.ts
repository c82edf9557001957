import type { TrackFacts } from "../../wire/index.ts";
import { type Container, isFragmented } from "./container.ts";
import { Mp4Leads } from "./mp4-leads.ts";
import type { Muxer } from "./muxer.ts";
import { ReadableMatroska } from "./readable-matroska.ts";
import { ReorderLead } from "./reorder-lead.ts";
import type { SegmentFile } from "./segment-file.ts";
import type { SegmentFrame } from "./segment-frame.ts";
import type { TrackFormat } from "./track-format.ts";

export interface SegmentWriterOptions {
  /** Owned. */
  readonly file: SegmentFile;
  readonly container: Container;
  readonly formats: readonly TrackFormat[];
  /** Of each track, what the file states besides its format. */
  readonly facts: readonly TrackFacts[];
  /** Whether parameter sets may stand among the frames. */
  readonly setsInBand: boolean;
  /** Title in the file. */
  readonly title: string;
  /**
   * Called once when the disk, or the muxer, fails. What was written is readable; a file without frames is deleted.
   * Nothing more is written.
   */
  onFailed(error: unknown): void;
}

/** After the frame before it, where its own time cannot be kept, s. */
const NEXT_SECONDS = 0.001;

/** Of one track: the earliest times of the next frames. */
interface Order {
  latest: number;
  /** The latest time before the newest key frame. */
  latestBeforeKey: number;
}

/**
 * One file of a recording. Accepts frames in decoding order without waiting; muxes and writes them one after the other.
 * After a crash, or on a full disk, what was written is readable.
 */
export class SegmentWriter {
  readonly #options: SegmentWriterOptions;
  /** Defined once it is loaded; everything enqueued runs after that. */
  #muxer: Muxer | undefined;
  readonly #orders: readonly (Order | undefined)[];
  readonly #matroska: ReadableMatroska | undefined;
  readonly #mp4: Mp4Leads | undefined;
  /** Of the video tracks of an MP4. */
  readonly #leads: readonly (ReorderLead | undefined)[];
  #work: Promise<void>;
  #fileBytes = 0;
  #writes = 0;
  #seconds = 0;
  #frames = 0;
  #framesInFile = 0;
  #waitingBytes = 0;
  #takenBytes = 0;
  #isFinishing = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: SegmentWriterOptions) {
    const { container, formats } = options;
    this.#options = options;
    const isMp4 = isFragmented(container);
    this.#matroska = isMp4 ? undefined : new ReadableMatroska();
    this.#leads = formats.map(({ kind }) =>
      isMp4 && kind === "video" ? new ReorderLead() : undefined,
    );
    this.#mp4 = isMp4
      ? new Mp4Leads((id) => this.#leads[id - 1]?.seconds ?? 0, options.setsInBand)
      : undefined;
    this.#orders = formats.map(() => ({
      latest: Number.NEGATIVE_INFINITY,
      latestBeforeKey: Number.NEGATIVE_INFINITY,
    }));
    this.#work = this.#attempt(() => this.#start());
  }

  /** Bytes of the file. */
  get bytes(): number {
    return this.#fileBytes;
  }

  /** True once the file contains more than its head. */
  get hasMedia(): boolean {
    return this.#writes > 1;
  }

  /** From the beginning to the end of the latest frame, s. */
  get seconds(): number {
    return this.#seconds;
  }

  /** Frames accepted, of all tracks; once writing has failed, those that are in the file. */
  get frames(): number {
    return this.#frames - this.lostFrames;
  }

  /** Frames that were accepted and are not in the file, since writing it failed. */
  get lostFrames(): number {
    return this.#failure === undefined ? 0 : this.#frames - this.#framesInFile;
  }

  /** Bytes of frames that wait for the disk. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Bytes of frames that are not in the file yet: waiting, or in an incomplete fragment. */
  get unwrittenBytes(): number {
    return Math.max(0, this.#takenBytes - this.#fileBytes);
  }

  /**
   * Adds the next frame of a track, the first one a key frame. One whose time contradicts the frames before it is
   * presented right after them.
   *
   * @param track its index among the formats
   */
  add(track: number, given: SegmentFrame): void {
    const frame = { ...given, seconds: secondsInOrder(this.#orders[track] as Order, given) };
    this.#frames++;
    this.#seconds = Math.max(this.#seconds, frame.seconds + frame.duration);
    this.#takenBytes += frame.bytes.byteLength;
    const lead = this.#leads[track];
    for (const each of lead === undefined ? [frame] : lead.push(frame)) this.#mux(track, each);
  }

  /** No further frame of the track will be added: the other tracks do not wait for it. */
  end(track: number): void {
    this.#release(track);
    this.#enqueue(async () => this.#muxer?.end(track));
  }

  /** Settles when the file is complete and closed, or has failed. Idempotent. */
  async finish(): Promise<void> {
    if (!this.#isFinishing) {
      this.#isFinishing = true;
      for (const track of this.#leads.keys()) this.#release(track);
      this.#enqueue(async () => {
        this.#matroska?.finish();
        await this.#muxer?.finish();
        this.#options.file.close();
      });
    }
    await this.#work;
  }

  async #start(): Promise<void> {
    const { container, facts, formats, title } = this.#options;
    const { Muxer } = await import("./muxer.ts");
    this.#muxer = new Muxer({
      ...{ container, facts, formats, title },
      write: (data, position) => this.#write(data, position),
    });
    await this.#muxer.start();
  }

  #release(track: number): void {
    for (const frame of this.#leads[track]?.finish() ?? []) this.#mux(track, frame);
  }

  #mux(track: number, frame: SegmentFrame): void {
    this.#waitingBytes += frame.bytes.byteLength;
    this.#enqueue(async () => {
      this.#waitingBytes -= frame.bytes.byteLength;
      await this.#muxer?.add(track, frame);
    });
  }

  #enqueue(task: () => Promise<void>): void {
    this.#work = this.#work.then(() => this.#attempt(task));
  }

  async #attempt(task: () => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) return;
    try {
      await task();
      // The muxer does not learn of a failed write.
      if (this.#failure !== undefined) throw (this.#failure as { error: unknown }).error;
    } catch (error) {
      this.#fail(error);
      await this.#muxer?.cancel();
    }
  }

  async #write(data: Uint8Array, position: number): Promise<void> {
    if (this.#failure !== undefined) return;
    const frames = (this.#matroska?.pass(data, position) ?? 0) + (this.#mp4?.pass(data) ?? 0);
    try {
      await this.#options.file.write(data, position);
      this.#writes++;
      this.#framesInFile += frames;
      this.#fileBytes = Math.max(this.#fileBytes, position + data.byteLength);
    } catch (error) {
      // Not thrown: the muxer drops some of its promises, and a rejection that is not handled ends the process.
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#waitingBytes = 0;
    const { file, onFailed } = this.#options;
    if (!this.hasMedia) this.#framesInFile = 0;
    try {
      if (!this.hasMedia) file.remove();
    } catch {
      // Then an empty file remains.
    }
    if (this.hasMedia) this.#cutOff(file);
    onFailed(error);
  }

  #cutOff(file: SegmentFile): void {
    try {
      // Incomplete data is cut off, so that the file ends with whole frames.
      file.truncate(this.#fileBytes);
    } catch {
      // Readers can still read the whole frames before it.
    }
    try {
      file.close();
    } catch {
      // It was closed, or the disk is gone: nothing can be done.
    }
  }
}

/** When the frame is presented so that it follows those before it, s; notes it. */
function secondsInOrder(order: Order, { seconds, key }: SegmentFrame): number {
  const bound = key ? order.latest : order.latestBeforeKey;
  const next = seconds < bound ? bound + NEXT_SECONDS : seconds;
  if (key) order.latestBeforeKey = order.latest;
  order.latest = Math.max(order.latest, next);
  return next;
}
