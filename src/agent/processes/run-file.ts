import { readSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import { LIMITS } from "../../base/index.ts";

/**
 * Where the records of the letter that is being written begin; the process writes them. Before them is a u32 for each
 * slot, which the site writes: its last batch that is interrupted.
 */
const RECORDS_AT = LIMITS.processAgentsMax * 4;
/** f64 letter, u32 bytes of the answers, u32 slot and one (0: none), u32 beats, u32 CRC of these and the answers. */
export const RECORD_HEAD_BYTES = 24;
const CHECKED_BYTES = 20;
/** Room for the records of a letter that is reserved: what a letter usually has, and one answer. */
const RESERVED_BYTES = 192 * 1024;
/** Answers of one record: more is not what a process writes. */
const ANSWERS_BYTES_MAX = 64 * 1024 * 1024;

/** What a record says besides its answers: from then on, code of this slot runs. */
export interface RecordHead {
  /** Of the letter that the answers go with; rises, from 1. */
  readonly letter: number;
  /** Of the answers behind it, bytes. */
  readonly bytes: number;
  /** Whose code runs; undefined: none. */
  readonly running: number | undefined;
  /** Another number with each record. */
  readonly beats: number;
}

/**
 * Puts a record's head in front of the answers, which begin `RECORD_HEAD_BYTES` behind `at`. It runs for each message;
 * a view of the same bytes is five times as fast as the methods of a buffer.
 */
export function writeHead(
  bytes: Buffer,
  view: DataView,
  at: number,
  { letter, bytes: length, running, beats }: RecordHead,
): void {
  view.setFloat64(at, letter, true);
  view.setUint32(at + 8, length, true);
  view.setUint32(at + 12, running === undefined ? 0 : running + 1, true);
  view.setUint32(at + 16, beats, true);
  view.setUint32(at + CHECKED_BYTES, checkOf(bytes, at, length), true);
}

/** The view that {@link writeHead} needs. */
export function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Undefined when there are not enough bytes. */
export function readHead(bytes: Buffer, at: number): RecordHead | undefined {
  if (bytes.byteLength - at < RECORD_HEAD_BYTES) return undefined;
  const slot = bytes.readUInt32LE(at + 12);
  return {
    letter: bytes.readDoubleLE(at),
    bytes: bytes.readUInt32LE(at + 8),
    running: slot === 0 ? undefined : slot - 1,
    beats: bytes.readUInt32LE(at + 16),
  };
}

/** The answers of the records in a row of them; undefined when it is not one. */
export function answersIn(records: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; at < records.byteLength; ) {
    const head = readHead(records, at);
    if (head === undefined) return undefined;
    const end = at + RECORD_HEAD_BYTES + head.bytes;
    if (end > records.byteLength) return undefined;
    if (head.bytes > 0) parts.push(records.subarray(at + RECORD_HEAD_BYTES, end));
    at = end;
  }
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}

function checkOf(bytes: Buffer, at: number, answers: number): number {
  const head = crc32(bytes.subarray(at, at + CHECKED_BYTES));
  if (answers === 0) return head;
  const from = at + RECORD_HEAD_BYTES;
  return crc32(bytes.subarray(from, from + answers), head);
}

/**
 * The process's side of a file that it shares with its site: what runs, and the answers that are not sent yet. What is
 * written there is kept by the system, however the process ends.
 */
export class RunFileWriter {
  readonly #descriptor: number;
  readonly #cell = Buffer.alloc(4);

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /**
   * Writes bytes of a letter, a record, to their place among its records: the first replaces those of the letter
   * before.
   */
  write(letter: Buffer, start: number, end: number, at: number): void {
    try {
      writeSync(this.#descriptor, letter, start, end - start, RECORDS_AT + at);
    } catch {
      // Beyond what was reserved there may be no room: then what is not sent is lost with the process.
    }
  }

  /** The last batch of a slot that is interrupted. */
  interruptedUpTo(slot: number): number {
    const read = readSync(this.#descriptor, this.#cell, 0, 4, slot * 4);
    return read === 4 ? this.#cell.readUInt32LE(0) : 0;
  }
}

/** The site's side of the file. */
export class RunFileReader {
  readonly #descriptor: number;
  readonly #head = Buffer.alloc(RECORD_HEAD_BYTES);
  readonly #cell = Buffer.alloc(4);
  /** Where the last record was, and what it said. */
  #last: { readonly at: number; readonly head: RecordHead } | undefined;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** Has the system keep room for usual records. @throws when there is none */
  reserve(): void {
    writeSync(this.#descriptor, Buffer.alloc(RECORDS_AT + RESERVED_BYTES), 0, undefined, 0);
  }

  /** Calls of these batches, up to this one, must not begin. */
  interrupt(slot: number, batch: number): void {
    this.#cell.writeUInt32LE(batch);
    writeSync(this.#descriptor, this.#cell, 0, 4, slot * 4);
  }

  /** The last record, as far as it can be told while the process writes. Undefined: there is none. */
  look(): RecordHead | undefined {
    const first = this.#headAt(0);
    if (first === undefined || first.letter === 0) return undefined;
    let at = 0;
    let head = first;
    if (this.#last?.head.letter === first.letter) ({ at, head } = this.#last);
    while (head.bytes <= ANSWERS_BYTES_MAX) {
      const next = at + RECORD_HEAD_BYTES + head.bytes;
      const following = this.#headAt(next);
      if (following?.letter !== head.letter) break;
      at = next;
      head = following;
    }
    this.#last = { at, head };
    return head;
  }

  /**
   * What a process that has ended leaves: its last record, and the answers of the letter that it did not send.
   *
   * @param received number of the last letter that came; 0: none
   */
  left(received: number): { readonly last: RecordHead | undefined; readonly answers: Buffer } {
    const parts: Buffer[] = [];
    let last: RecordHead | undefined;
    for (let at = 0; ; ) {
      const head = this.#headAt(at);
      if (head === undefined || head.bytes > ANSWERS_BYTES_MAX) break;
      if (head.letter === 0 || (last !== undefined && head.letter !== last.letter)) break;
      const record = this.#read(at, RECORD_HEAD_BYTES + head.bytes);
      if (record === undefined) break;
      if (checkOf(record, 0, head.bytes) !== record.readUInt32LE(CHECKED_BYTES)) break;
      last = head;
      at += record.byteLength;
      if (head.letter > received) parts.push(record.subarray(RECORD_HEAD_BYTES));
    }
    return { last, answers: Buffer.concat(parts) };
  }

  #headAt(at: number): RecordHead | undefined {
    const read = readSync(this.#descriptor, this.#head, 0, RECORD_HEAD_BYTES, RECORDS_AT + at);
    return read === RECORD_HEAD_BYTES ? readHead(this.#head, 0) : undefined;
  }

  #read(at: number, length: number): Buffer | undefined {
    const bytes = Buffer.alloc(length);
    return readSync(this.#descriptor, bytes, 0, length, RECORDS_AT + at) === length
      ? bytes
      : undefined;
  }
}
