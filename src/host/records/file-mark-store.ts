import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { LIMITS, type Log, MeanderError, messageOf } from "../../base/index.ts";
import type { EndpointId, MarkStore, RunMark, SiteInstance, Suspect } from "../../stream/index.ts";

/** A stream's place in the file, bytes. What does not fit of the suspects, the oldest, is left out. */
const SLOT_BYTES = 8_192;
/** u32 bytes of the content, u32 checksum. */
const HEAD_BYTES = 8;
/** f64 stream, wall clock in ms, instance, count; then the messages, and the suspects in JSON. */
const CONTENT_BYTES = 32;
/** f64 source, number. */
const MESSAGE_BYTES = 16;

/** Writes some bytes at a position of an open file. @returns how many it wrote */
export type WriteAt = (file: number, bytes: Uint8Array, length: number, at: number) => number;

/**
 * Marks in a file, which survive the end of the process by `kill -9` too, and not a power cut: no write waits for the
 * disk. Each stream has a place of its own in it, so that a mark is one small write: some 2 µs. An orderly end removes
 * the file.
 */
export class FileMarkStore implements MarkStore {
  readonly isAfterDeath: boolean;
  readonly #path: string;
  readonly #file: number;
  readonly #write: WriteAt;
  readonly #former: Map<EndpointId, RunMark>;
  readonly #slots = new Map<EndpointId, number>();
  readonly #free: number[] = [];
  readonly #slot = new DataView(new ArrayBuffer(SLOT_BYTES));
  readonly #bytes = new Uint8Array(this.#slot.buffer);

  /**
   * Reads what the last run of the site has left, and begins anew.
   *
   * @throws {MeanderError} `mark-write-failed`
   */
  constructor(options: {
    readonly path: string;
    /** The name of the site. */
    readonly site: string;
    readonly log: Log;
    readonly write?: WriteAt;
  }) {
    const {
      path,
      site,
      log,
      write = (file, bytes, length, at) => writeSync(file, bytes, 0, length, at),
    } = options;
    this.#path = path;
    this.#write = write;
    this.isAfterDeath = existsSync(path);
    this.#former = readMarks(path, site);
    if (this.#former.size > 0)
      log.warn("The last run of the site ended while it ran agents inline.", {
        streams: this.#former.size,
      });
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      this.#file = openSync(path, "w", 0o600);
    } catch (cause) {
      throw failure(path, cause);
    }
  }

  /** What was noted of a stream when the last run ended; undefined: nothing, or it ended in order. Given once. */
  takeFormer(stream: EndpointId): RunMark | undefined {
    const mark = this.#former.get(stream);
    this.#former.delete(stream);
    return mark;
  }

  /** @throws {MeanderError} `mark-write-failed` */
  put(stream: EndpointId, { at, siteInstance, messages, suspects }: RunMark): void {
    const view = this.#slot;
    const count = Math.min(messages.length, LIMITS.deliveryBatchMax);
    view.setFloat64(HEAD_BYTES, stream);
    view.setFloat64(HEAD_BYTES + 8, at);
    view.setFloat64(HEAD_BYTES + 16, siteInstance.instance);
    view.setFloat64(HEAD_BYTES + 24, count);
    let offset = HEAD_BYTES + CONTENT_BYTES;
    for (let index = 0; index < count; index++) {
      const { source = 0, seq = 0 } = messages[index] ?? {};
      view.setFloat64(offset, source);
      view.setFloat64(offset + 8, seq);
      offset += MESSAGE_BYTES;
    }
    if (suspects.length > 0) {
      const text = textOf(suspects, SLOT_BYTES - offset);
      this.#bytes.set(text, offset);
      offset += text.byteLength;
    }
    view.setUint32(0, offset - HEAD_BYTES);
    view.setUint32(4, checksum(this.#bytes.subarray(HEAD_BYTES, offset)));
    this.#put(this.#slotOf(stream), offset);
  }

  delete(stream: EndpointId): void {
    const slot = this.#slots.get(stream);
    if (slot === undefined) return;
    this.#slots.delete(stream);
    this.#free.push(slot);
    this.#slot.setUint32(0, 0);
    try {
      this.#put(slot, HEAD_BYTES);
    } catch {
      // The disk takes nothing: what is noted there is of a stream that is elsewhere.
    }
  }

  /** The site ends in order: nothing that it ran is to blame. */
  close(): void {
    closeSync(this.#file);
    rmSync(this.#path, { force: true });
  }

  #slotOf(stream: EndpointId): number {
    let slot = this.#slots.get(stream);
    if (slot === undefined) {
      slot = this.#free.pop() ?? this.#slots.size;
      this.#slots.set(stream, slot);
    }
    return slot;
  }

  #put(slot: number, length: number): void {
    let written: number;
    try {
      written = this.#write(this.#file, this.#bytes, length, slot * SLOT_BYTES);
    } catch (cause) {
      throw failure(this.#path, cause);
    }
    if (written < length)
      throw failure(this.#path, new Error(`only ${written} bytes were written`));
  }
}

function readMarks(path: string, site: string): Map<EndpointId, RunMark> {
  const marks = new Map<EndpointId, RunMark>();
  let file: Uint8Array;
  try {
    file = readFileSync(path);
  } catch {
    // There was no last run, or it ended in order; or the file cannot be read, and tells nothing.
    return marks;
  }
  for (let at = 0; at < file.byteLength; at += SLOT_BYTES) {
    const read = readSlot(file.subarray(at, at + SLOT_BYTES), site);
    if (read !== undefined) marks.set(read.stream, read.mark);
  }
  return marks;
}

function readSlot(
  bytes: Uint8Array,
  site: string,
): { readonly stream: EndpointId; readonly mark: RunMark } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < HEAD_BYTES + CONTENT_BYTES) return undefined;
  const length = view.getUint32(0);
  const end = HEAD_BYTES + length;
  if (length < CONTENT_BYTES || end > bytes.byteLength) return undefined;
  if (checksum(bytes.subarray(HEAD_BYTES, end)) !== view.getUint32(4)) return undefined;
  const count = view.getFloat64(HEAD_BYTES + 24);
  const text = HEAD_BYTES + CONTENT_BYTES + count * MESSAGE_BYTES;
  if (!(count >= 0 && count <= LIMITS.deliveryBatchMax) || text > end) return undefined;
  const messages = Array.from({ length: count }, (_, index) => {
    const offset = HEAD_BYTES + CONTENT_BYTES + index * MESSAGE_BYTES;
    return { source: view.getFloat64(offset), seq: view.getFloat64(offset + 8) };
  });
  const siteInstance: SiteInstance = { site, instance: view.getFloat64(HEAD_BYTES + 16) };
  const suspects = suspectsOf(bytes.subarray(text, end));
  const mark = { at: view.getFloat64(HEAD_BYTES + 8), siteInstance, messages, suspects };
  return { stream: view.getFloat64(HEAD_BYTES), mark };
}

/** In JSON, as many of the newest as fit. */
function textOf(suspects: readonly Suspect[], bytesMax: number): Uint8Array {
  for (let first = 0; ; first = Math.ceil((first + suspects.length) / 2)) {
    const text = new TextEncoder().encode(JSON.stringify(suspects.slice(first)));
    if (text.byteLength <= bytesMax || first >= suspects.length) return text;
  }
}

/** Bytes with a right checksum are this program's own. */
function suspectsOf(text: Uint8Array): Suspect[] {
  if (text.byteLength === 0) return [];
  return JSON.parse(new TextDecoder().decode(text)) as Suspect[];
}

/** FNV-1a. */
function checksum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

function failure(path: string, cause: unknown): MeanderError {
  const what = `what runs in the site's process could not be noted: ${messageOf(cause)}`;
  const next = "check that the disk has room and may be written";
  return new MeanderError("mark-write-failed", what, { where: path, next, cause });
}
