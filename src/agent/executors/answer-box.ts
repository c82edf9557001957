import { type FromWorker, packMessage, unpackMessages } from "./worker-messages.ts";

/** Room for answers that are not sent yet, bytes; larger ones are sent alone. */
const ROOM = 128 * 1024;
/** Answers are sent when there are so many. */
const COUNT_MAX = 64;
/** Before the room: number of the letter that is being filled, and its bytes. */
const NUMBER = 0;
const BYTES = 1;
const HEAD = 8;

/** Answers of a worker that travel together. */
export interface Letter {
  /** 1 for the first; one more each time. */
  readonly number: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Memory that both ends see. */
export function answerMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(HEAD + ROOM);
}

/**
 * The worker's outgoing answers: collected, and sent together.
 *
 * Answers not sent yet are in shared memory: finished work counts even if the worker dies before it sends them.
 */
export class AnswerBox {
  readonly #head: Int32Array;
  readonly #room: Uint8Array;
  readonly #post: (letter: Letter) => void;
  #number = 1;
  #count = 0;
  #bytes = 0;

  constructor(memory: SharedArrayBuffer, post: (letter: Letter) => void) {
    this.#head = new Int32Array(memory, 0, 2);
    this.#room = new Uint8Array(memory, HEAD);
    this.#post = post;
    Atomics.store(this.#head, NUMBER, this.#number);
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** Puts an answer in; sends when that makes enough of them. */
  put(message: FromWorker): void {
    const packed = packMessage(message);
    if (this.#bytes + packed.byteLength > ROOM) this.send();
    if (packed.byteLength > ROOM) {
      this.#send(packed);
      return;
    }
    this.#room.set(packed, this.#bytes);
    this.#bytes += packed.byteLength;
    Atomics.store(this.#head, BYTES, this.#bytes);
    if (++this.#count === COUNT_MAX) this.send();
  }

  /** Sends what there is. */
  send(): void {
    if (this.#count > 0) this.#send(this.#room.subarray(0, this.#bytes));
  }

  /** The message is posted before its bytes are released: if it is seen twice, its number shows that. */
  #send(bytes: Uint8Array): void {
    this.#post({ number: this.#number, bytes: new Uint8Array(bytes) });
    this.#count = 0;
    this.#bytes = 0;
    Atomics.store(this.#head, BYTES, 0);
    Atomics.store(this.#head, NUMBER, ++this.#number);
  }
}

/**
 * What a worker that has ended had not sent.
 *
 * @param received number of the last letter that arrived; 0 for none
 */
export function unsentAnswers(memory: SharedArrayBuffer, received: number): readonly FromWorker[] {
  const head = new Int32Array(memory, 0, 2);
  if (Atomics.load(head, NUMBER) <= received) return [];
  return unpackMessages(new Uint8Array(new Uint8Array(memory, HEAD, Atomics.load(head, BYTES))));
}
