import { LIMITS } from "../../base/index.ts";
import {
  readU32LittleEndian as readU32,
  writeU32LittleEndian as writeU32,
} from "../../wire/index.ts";
import { type Aead, type Cipher, KEY_BYTES, NONCE_BYTES, TAG_BYTES } from "./cipher.ts";
import {
  type NumberFault,
  type NumberWindow,
  OrderedNumbers,
  ReplayWindow,
} from "./replay-window.ts";

/** Bytes at the end of what stands in clear before a sealed text: key id (u32), number (u32), little endian. */
export const SEAL_HEAD_BYTES = 8;
/** Bytes that sealing adds. */
export const SEAL_BYTES = SEAL_HEAD_BYTES + TAG_BYTES;
/** Bytes from which the keys of one direction are made. */
export const SEAL_KEY_BYTES = KEY_BYTES + NONCE_BYTES + 4;

/** The keys of one direction, from one start of its sender. They are used by one {@link Sealer} only. */
export interface SealKeys {
  /** Names them on the wire, u32. */
  readonly id: number;
  readonly aead: Aead;
  /** Number 0's nonce. */
  readonly nonce: Uint8Array;
}

/** Keys out of {@link SEAL_KEY_BYTES} derived bytes. */
export function sealKeysOf(cipher: Cipher, bytes: Uint8Array): SealKeys {
  const nonceEnd = KEY_BYTES + NONCE_BYTES;
  return {
    id: readU32(bytes, nonceEnd),
    aead: cipher.aead(bytes.slice(0, KEY_BYTES)),
    nonce: bytes.slice(KEY_BYTES, nonceEnd),
  };
}

/**
 * The keys of a sender to many receivers: they follow from the session's secret and the sender's salt alone, so they
 * are as fresh as the way in which the receivers learn the salt. `purpose` separates uses.
 */
export function groupKeys(
  cipher: Cipher,
  secret: Uint8Array,
  salt: Uint8Array,
  purpose: string,
): SealKeys {
  return sealKeysOf(cipher, cipher.derive(secret, salt, `meander ${purpose}`, SEAL_KEY_BYTES));
}

/** Seals texts under one key, each with the next number. docs/spec/stack.md [S33] */
export class Sealer {
  readonly id: number;
  readonly #aead: Aead;
  readonly #base: Uint8Array;
  readonly #nonce: Uint8Array;
  readonly #countMax: number;
  #count = 0;

  /** @param countMax texts after which the key is used up */
  constructor({ id, aead, nonce }: SealKeys, countMax: number = LIMITS.sealedUnitsMax) {
    this.id = id;
    this.#aead = aead;
    this.#base = nonce;
    this.#nonce = nonce.slice();
    this.#countMax = countMax;
  }

  /** Texts sealed. */
  get count(): number {
    return this.#count;
  }

  /** How many more there may be. */
  get left(): number {
    return this.#countMax - this.#count;
  }

  /**
   * Seals `plain` into `target` behind `headBytes` bytes that stand in clear and are authenticated. The last
   * {@link SEAL_HEAD_BYTES} of them are written here, the others by the caller before.
   *
   * @param target has room for the head, `plain` and {@link TAG_BYTES}
   * @returns false when the key is used up
   */
  seal(target: Uint8Array, headBytes: number, plain: Uint8Array): boolean {
    const number = this.#count;
    if (number >= this.#countMax) return false;
    this.#count = number + 1;
    writeU32(target, headBytes - 8, this.id);
    writeU32(target, headBytes - 4, number);
    setNonce(this.#nonce, this.#base, number);
    this.#aead.seal(this.#nonce, target.subarray(0, headBytes), plain, target, headBytes);
    return true;
  }
}

/** Why a text was not opened. */
export type OpenFault = NumberFault | "forged" | "truncated";

/** Opens what the {@link Sealer} with the same keys has sealed, each text once. */
export class Opener {
  readonly id: number;
  readonly #aead: Aead;
  readonly #base: Uint8Array;
  readonly #nonce: Uint8Array;
  readonly #window: NumberWindow;

  /** @param isOrdered texts come whole and in order: any other is refused. Else in any order, within a window */
  constructor({ id, aead, nonce }: SealKeys, isOrdered: boolean) {
    this.id = id;
    this.#aead = aead;
    this.#base = nonce;
    this.#nonce = nonce.slice();
    this.#window = isOrdered ? new OrderedNumbers() : new ReplayWindow();
  }

  /**
   * Opens `unit`, whose first `headBytes` are in clear, and writes the text into `target` from `at` on. The caller has
   * checked the key id.
   *
   * @returns undefined on success, else the fault: then `target` is meaningless
   */
  open(unit: Uint8Array, headBytes: number, target: Uint8Array, at: number): OpenFault | undefined {
    if (unit.byteLength < headBytes + TAG_BYTES) return "truncated";
    const number = readU32(unit, headBytes - 4);
    const fault = this.#window.faultOf(number);
    if (fault !== undefined) return fault;
    setNonce(this.#nonce, this.#base, number);
    const clear = unit.subarray(0, headBytes);
    if (!this.#aead.open(this.#nonce, clear, unit.subarray(headBytes), target, at)) return "forged";
    this.#window.accept(number);
    return undefined;
  }
}

/** The key id of a unit with `headBytes` in clear. */
export function sealIdOf(unit: Uint8Array, headBytes: number): number {
  return readU32(unit, headBytes - 8);
}

/** The number is added, bit by bit without carry, to the last four bytes. */
function setNonce(target: Uint8Array, base: Uint8Array, number: number): void {
  target[8] = (base[8] as number) ^ (number & 255);
  target[9] = (base[9] as number) ^ ((number >>> 8) & 255);
  target[10] = (base[10] as number) ^ ((number >>> 16) & 255);
  target[11] = (base[11] as number) ^ (number >>> 24);
}
