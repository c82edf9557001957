import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  write,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { LIMITS, MeanderError, messageOf } from "../../base/index.ts";
import { keepOwnerOnly, OWNER_ONLY } from "./owner-only.ts";
import { decodeFrame, encodeFrame, FRAME_ALIGNMENT, frameBytes } from "./redo-frame.ts";

const writeAt = promisify(write);
const flush = promisify(fdatasync);

/** What a {@link RedoLog} needs. */
export interface RedoLogOptions {
  /** Of its file; made when it is not there. */
  readonly path: string;
  /** Sequence of the last frame that is in the tables; those up to it are not needed any more. */
  readonly after: number;
  /** Size of the file. Default: {@link LIMITS.directoryRedoBytes}. */
  readonly bytes?: number | undefined;
  /**
   * Whether a write that returns is on disk (`O_DSYNC`); otherwise a flush follows each. Default: on Linux, where it is
   * one call into the kernel instead of two, and is known to reach past the disk's cache.
   */
  readonly writeThrough?: boolean | undefined;
}

/**
 * A file of frames, each on disk when its {@link append} has settled. It has its full size from the start, filled with
 * zeros, and is overwritten from its start again and again: a flush then allocates no blocks and updates no size, which
 * would cost another write.
 *
 * The valid frames are those from the start of the file whose sequences follow `after` without a gap. Stale frames
 * after them have smaller sequences. A frame is written when the one before is on disk, so a broken one is the last,
 * torn by a crash, and was never confirmed. When a newer one follows it, the file is damaged.
 */
export class RedoLog {
  readonly #file: number;
  readonly #bytes: number;
  readonly #writeThrough: boolean;
  #position = 0;
  #sequence: number;
  /** A write has failed: what is in the file from there on is not known. */
  #failed = false;

  /**
   * Opens the log, and returns the payloads of the valid frames. New ones can be appended only after {@link restart}.
   *
   * @throws {MeanderError} `directory-unreadable`
   */
  static open(options: RedoLogOptions): { log: RedoLog; payloads: readonly Uint8Array[] } {
    const { path, bytes = LIMITS.directoryRedoBytes, after } = options;
    const { writeThrough = process.platform === "linux" } = options;
    let file: number | undefined;
    try {
      const { O_RDWR, O_CREAT, O_DSYNC } = constants;
      file = openSync(path, O_RDWR | O_CREAT | (writeThrough ? O_DSYNC : 0), OWNER_ONLY);
      keepOwnerOnly(file);
      const payloads = readPayloads(path, readWhole(file), after);
      fill(path, bytes);
      const sequence = after + payloads.length;
      return { log: new RedoLog(file, { bytes, writeThrough, sequence }), payloads };
    } catch (cause) {
      if (file !== undefined) closeSync(file);
      if (cause instanceof MeanderError) throw cause;
      const what = `the directory's log cannot be opened: ${messageOf(cause)}`;
      throw new MeanderError("directory-unreadable", what, {
        where: path,
        expected: "a file that this user may read and write",
        cause,
      });
    }
  }

  private constructor(
    file: number,
    options: { readonly bytes: number; readonly writeThrough: boolean; readonly sequence: number },
  ) {
    this.#file = file;
    this.#bytes = options.bytes;
    this.#writeThrough = options.writeThrough;
    this.#sequence = options.sequence;
    // Until the restart the frames that were there are still needed.
    this.#position = options.bytes;
  }

  /** Sequence of the last frame that was begun. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Whether a payload of that size can be appended before the next {@link restart}. */
  fits(payloadBytes: number): boolean {
    return !this.#failed && this.#position + frameBytes(payloadBytes) <= this.#bytes;
  }

  /**
   * Writes a payload that {@link fits} to the disk; one at a time. Do not modify it before this settles. After an error
   * the payload may or may not be on disk, and nothing fits until the next restart.
   */
  async append(payload: Uint8Array): Promise<void> {
    const frame = encodeFrame({ sequence: ++this.#sequence, payload });
    // Until it is known to be there.
    this.#failed = true;
    for (let done = 0; done < frame.byteLength; ) {
      const left = frame.byteLength - done;
      const { bytesWritten } = await writeAt(this.#file, frame, done, left, this.#position + done);
      done += bytesWritten;
    }
    if (!this.#writeThrough) await flush(this.#file);
    this.#position += frame.byteLength;
    this.#failed = false;
  }

  /**
   * All frames up to `sequence`, not below {@link sequence}, are durable in the tables: continues at the start of the
   * file.
   */
  restart(sequence: number): void {
    this.#sequence = sequence;
    this.#position = 0;
    this.#failed = false;
  }

  /** Not while an append is under way. */
  close(): void {
    closeSync(this.#file);
  }
}

function readPayloads(path: string, bytes: Uint8Array, after: number): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  let offset = 0;
  let frame = decodeFrame(bytes, offset);
  while (frame?.sequence === after + payloads.length + 1) {
    payloads.push(frame.payload);
    offset += frameBytes(frame.payload.byteLength);
    frame = decodeFrame(bytes, offset);
  }
  const last = after + payloads.length;
  for (; offset < bytes.byteLength; offset += FRAME_ALIGNMENT) {
    const { sequence } = decodeFrame(bytes, offset) ?? { sequence: 0 };
    if (sequence > last) {
      const what = `the directory's log is damaged: frame ${last + 1} is not there, frame ${sequence} is`;
      throw new MeanderError("directory-unreadable", what, {
        where: path,
        expected: "the log that was written together with the directory beside it",
        next: "restore both from a copy; or move the log away, and lose what was confirmed last",
      });
    }
  }
  return payloads;
}

function readWhole(file: number): Uint8Array {
  const bytes = new Uint8Array(fstatSync(file).size);
  for (let done = 0; done < bytes.byteLength; ) {
    const read = readSync(file, bytes, done, bytes.byteLength - done, done);
    if (read === 0) return bytes.subarray(0, done);
    done += read;
  }
  return bytes;
}

/** Gives the file its size, on the disk: with one flush, whatever the log's own writes do. */
function fill(path: string, bytes: number): void {
  const file = openSync(path, "r+");
  try {
    const { size } = fstatSync(file);
    if (size >= bytes) return;
    try {
      const zeros = new Uint8Array(bytes - size);
      for (let done = 0; done < zeros.byteLength; ) {
        done += writeSync(file, zeros, done, zeros.byteLength - done, size + done);
      }
    } catch {
      // The disk is full. The tables need the remaining space more; frames then make the file grow, which is slower.
      ftruncateSync(file, size);
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  syncFolder(dirname(path));
}

/** Brings the names in a folder to the disk. */
function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
