import { writeSync } from "node:fs";
import { Socket } from "node:net";
import { LIMITS } from "../../base/index.ts";
import { LetterReader } from "./letters.ts";
import { RECORD_HEAD_BYTES, RunFileWriter, viewOf, writeHead } from "./run-file.ts";

/** Descriptors that a confined process gets besides its standard streams. */
export const FROM_SITE = 3;
export const TO_SITE = 4;
export const RUN_FILE = 5;

/** Answers are sent when they have so many bytes; a larger one goes alone. */
const LETTER_BYTES = 128 * 1024;
/** Answers are sent when there are so many. */
const ANSWERS_MAX = 64;
/** u32 bytes of the letter. */
const FRAME_BYTES = 4;

/**
 * A confined process's only way to its site: letters in both directions, and the file that says what runs.
 *
 * Answers are collected and sent together. Before code of an agent runs, a record that says so, with the answers of
 * what ran before, is written to the file: one system call for each. So finished work counts and the call that ran is
 * known, however the process ends. Sending waits until the system has all of a letter.
 */
export class SiteLink {
  readonly #file = new RunFileWriter(RUN_FILE);
  /** The letter: bytes for its length, then records; the last one is open. */
  #letter: Buffer = Buffer.allocUnsafe(2 * LETTER_BYTES);
  #view = viewOf(this.#letter);
  #recordAt = FRAME_BYTES;
  #end = FRAME_BYTES + RECORD_HEAD_BYTES;
  #count = 0;
  #number = 0;
  #beats = 0;
  #running: number | undefined;

  /** @param onLetter called with each letter of the site. The process ends when the site does. */
  constructor(onLetter: (bytes: Buffer) => void) {
    // Its site is told to stop, and tells it.
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});
    // What the shell that started it has added.
    for (const name of Object.keys(process.env)) delete process.env[name];
    const reader = new LetterReader(LIMITS.processLetterBytesMax);
    const socket = new Socket({ fd: FROM_SITE, readable: true, writable: false });
    socket.on("data", (chunk: Buffer) => {
      for (const letter of reader.take(chunk) ?? []) onLetter(letter);
    });
    socket.on("error", () => process.exit(1));
    socket.on("close", () => process.exit(0));
  }

  /** Whether all answers are sent. */
  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** Code of this slot is about to run, or may from now on. */
  begin(slot: number): void {
    this.#running = slot;
    this.#beats = (this.#beats + 1) >>> 0;
    this.#record();
  }

  /** What runs goes on; what it has answered so far counts from now on, however the process ends. */
  note(): void {
    this.#record();
  }

  /** Adds an answer; sends when that makes enough of them. */
  put(answer: Uint8Array): void {
    const size = answer.byteLength;
    if (this.#count > 0 && this.#end + size > LETTER_BYTES) this.#send();
    if (this.#end + size + RECORD_HEAD_BYTES > this.#letter.byteLength) this.#grow(size);
    this.#letter.set(answer, this.#end);
    this.#end += size;
    this.#count++;
    if (this.#count >= ANSWERS_MAX || this.#end > LETTER_BYTES) this.#send();
  }

  /** Sends what there is, while code runs. */
  send(): void {
    if (this.#count > 0) this.#send();
  }

  /** No code of agents runs, and none is left in the queue. Sends what there is. */
  leave(): void {
    if (this.#running === undefined && this.#count === 0) return;
    this.#running = undefined;
    this.#beats = (this.#beats + 1) >>> 0;
    if (this.#count > 0) this.#send();
    else this.#record();
  }

  /** The last batch of a slot that is interrupted; 0: none. Asks the system. */
  interruptedUpTo(slot: number): number {
    return this.#file.interruptedUpTo(slot);
  }

  /** Closes the open record, writes it, and opens the next. */
  #record(): void {
    // Without answers there is no letter yet: its records start over.
    if (this.#count === 0) this.#startLetter();
    const at = this.#recordAt;
    const bytes = this.#end - at - RECORD_HEAD_BYTES;
    writeHead(this.#letter, this.#view, at, {
      letter: this.#number,
      bytes,
      running: this.#running,
      beats: this.#beats,
    });
    // In the file the records stand as in the letter, without its length.
    this.#file.write(this.#letter, at, this.#end, at - FRAME_BYTES);
    this.#recordAt = this.#end;
    this.#end += RECORD_HEAD_BYTES;
    if (this.#end + RECORD_HEAD_BYTES > this.#letter.byteLength) this.#grow(0);
  }

  #send(): void {
    this.#record();
    const letter = this.#letter;
    const end = this.#recordAt;
    letter.writeUInt32LE(end - FRAME_BYTES, 0);
    for (let at = 0; at < end; ) at += writeSync(TO_SITE, letter, at, end - at);
    this.#count = 0;
    this.#startLetter();
    if (letter.byteLength > 4 * LETTER_BYTES) this.#use(Buffer.allocUnsafe(2 * LETTER_BYTES));
  }

  #startLetter(): void {
    this.#number++;
    this.#recordAt = FRAME_BYTES;
    this.#end = FRAME_BYTES + RECORD_HEAD_BYTES;
  }

  #grow(by: number): void {
    const larger = Buffer.allocUnsafe(2 * this.#letter.byteLength + by + RECORD_HEAD_BYTES);
    this.#letter.copy(larger, 0, 0, this.#end);
    this.#use(larger);
  }

  #use(letter: Buffer): void {
    this.#letter = letter;
    this.#view = viewOf(letter);
  }
}
