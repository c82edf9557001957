import { LIMITS } from "../../base/index.ts";
import { LAYOUT, SOCKET } from "./constants.ts";

/** Memory with a known address, as bytes and as 32-bit words. It does not move as long as it is referenced. */
export interface Block {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly address: number;
}

const WORD = 4;
const HIGH = 2 ** 32;
/** Distance between slots: with a power of two the starts of all of them would fall into the same few cache lines. */
const SLOT_STRIDE = 65_536 + 4_160;

/**
 * Zeroed memory that does not straddle a multiple of 4 GiB, so that an offset changes only the low half of an address.
 */
export function allocate(addressOf: (memory: Uint8Array) => number, byteLength: number): Block {
  for (;;) {
    const buffer = new ArrayBuffer(byteLength);
    const bytes = new Uint8Array(buffer);
    const address = addressOf(bytes);
    if ((address % HIGH) + byteLength <= HIGH) {
      return { bytes, words: new Uint32Array(buffer), address };
    }
  }
}

/** Writes an address at `offset`, bytes. */
export function putAddress(words: Uint32Array, offset: number, address: number): void {
  words[offset / WORD] = address % HIGH;
  words[offset / WORD + 1] = Math.floor(address / HIGH);
}

/**
 * What sockets of one thread share for the time of a call: places for the messages that are sent or received, with all
 * that never changes filled in.
 */
export class BatchMemory {
  /** Bytes to send, copied together. */
  readonly arena: Block;
  /**
   * `struct mmsghdr` of messages to any remotes, each with room for its address, one piece, and its control message.
   */
  readonly messages: Block;
  readonly names: Block;
  readonly pieces: Block;
  readonly controls: Block;
  /** The one piece, and the one control message, of all messages of a group. */
  readonly groupPiece: Block;
  readonly groupControl: Block;
  /** `struct mmsghdr` of messages that arrive, their addresses, and what they hold. */
  readonly arrivals: Block;
  readonly arrivalNames: Block;
  readonly slots: Block;
  /** One report of the error queue. */
  readonly report: Block;
  readonly reportName: Block;
  readonly reportControl: Block;
  readonly #kept: Block[] = [];
  /** Of the slots, as they were last seen. */
  readonly #views: Uint8Array[] = [];

  constructor(addressOf: (memory: Uint8Array) => number) {
    const { datagramBatchMax: count, receiveBatchMax: slotCount } = LIMITS;
    const take = (byteLength: number): Block => allocate(addressOf, byteLength);
    this.arena = take(256 * 1024);
    this.messages = take(count * LAYOUT.message);
    this.names = take(count * LAYOUT.address);
    this.pieces = take(count * LAYOUT.iovec);
    this.controls = take(count * LAYOUT.segmentControl);
    this.groupPiece = take(64);
    this.groupControl = take(64);
    this.arrivals = take(slotCount * LAYOUT.message);
    this.arrivalNames = take(slotCount * LAYOUT.address);
    this.slots = take(slotCount * SLOT_STRIDE);
    this.report = take(LAYOUT.message);
    this.reportName = take(64);
    this.reportControl = take(512);
    this.#prepareMessages(count);
    this.#prepareArrivals(slotCount, take(slotCount * LAYOUT.iovec));
    this.#prepareReport(take(64));
    putAddress(this.groupPiece.words, 0, this.arena.address);
    putSegmentControl(this.groupControl.words, 0);
  }

  /** What arrived in slot `index`, of `length` bytes. The same object as before when it has the same length. */
  slot(index: number, length: number): Uint8Array {
    let view = this.#views[index];
    if (view?.byteLength !== length) {
      view = new Uint8Array(this.slots.bytes.buffer, index * SLOT_STRIDE, length);
      this.#views[index] = view;
    }
    return view;
  }

  #prepareMessages(count: number): void {
    const { controls, messages, names, pieces } = this;
    for (let index = 0; index < count; index++) {
      const at = index * LAYOUT.message;
      const control = index * LAYOUT.segmentControl;
      putAddress(messages.words, at + LAYOUT.name, names.address + index * LAYOUT.address);
      putAddress(messages.words, at + LAYOUT.pieces, pieces.address + index * LAYOUT.iovec);
      putAddress(messages.words, at + LAYOUT.control, controls.address + control);
      messages.words[(at + LAYOUT.pieceCount) / WORD] = 1;
      putAddress(pieces.words, index * LAYOUT.iovec, this.arena.address);
      putSegmentControl(controls.words, control);
    }
  }

  #prepareArrivals(count: number, pieces: Block): void {
    const { arrivalNames, arrivals, slots } = this;
    for (let index = 0; index < count; index++) {
      const at = index * LAYOUT.message;
      putAddress(arrivals.words, at + LAYOUT.name, arrivalNames.address + index * LAYOUT.address);
      putAddress(arrivals.words, at + LAYOUT.pieces, pieces.address + index * LAYOUT.iovec);
      arrivals.words[(at + LAYOUT.nameLength) / WORD] = LAYOUT.ipv6Address;
      arrivals.words[(at + LAYOUT.pieceCount) / WORD] = 1;
      putAddress(pieces.words, index * LAYOUT.iovec, slots.address + index * SLOT_STRIDE);
      pieces.words[(index * LAYOUT.iovec) / WORD + 2] = 65_536;
    }
    this.#kept.push(pieces);
  }

  /** The datagram that a report is about is not wanted: its piece has no room. */
  #prepareReport(piece: Block): void {
    putAddress(this.report.words, LAYOUT.name, this.reportName.address);
    putAddress(this.report.words, LAYOUT.pieces, piece.address);
    putAddress(this.report.words, LAYOUT.control, this.reportControl.address);
    this.report.words[LAYOUT.pieceCount / WORD] = 1;
    this.#kept.push(piece);
  }
}

/** A control message with the segment size of a segmented send; the length itself is filled in for each. */
function putSegmentControl(words: Uint32Array, offset: number): void {
  words[offset / WORD] = LAYOUT.segmentControlLength;
  words[offset / WORD + 2] = SOCKET.solUdp;
  words[offset / WORD + 3] = SOCKET.udpSegment;
}
