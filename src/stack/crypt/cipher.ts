/** Bytes of an AES-128 key, of an AES-GCM nonce, and of its tag. */
export const KEY_BYTES = 16;
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;

/** Cryptography, as a parameter: what is below runs in browsers, too. Synchronous: packets do not wait. */
export interface Cipher {
  /** AES-128-GCM with a key of {@link KEY_BYTES}. */
  aead(key: Uint8Array): Aead;
  /** HKDF with SHA-256 (RFC 5869): `count` bytes, at most 8160. */
  derive(secret: Uint8Array, salt: Uint8Array, info: string, count: number): Uint8Array;
}

/** Authenticated encryption under one key. A nonce may be used for one sealing only. */
export interface Aead {
  /** Writes the sealed `plain`, followed by the tag, into `target` from `at` on. `clear` is authenticated only. */
  seal(
    nonce: Uint8Array,
    clear: Uint8Array,
    plain: Uint8Array,
    target: Uint8Array,
    at: number,
  ): void;
  /**
   * Writes what is in `sealed` (the tag at its end) into `target`, from `at` on.
   *
   * @returns false when it was not sealed like this: then the contents of `target` mean nothing
   */
  open(
    nonce: Uint8Array,
    clear: Uint8Array,
    sealed: Uint8Array,
    target: Uint8Array,
    at: number,
  ): boolean;
}

/** Compares in a time that does not reveal where the two differ. */
export function isSameSecret(left: Uint8Array, right: Uint8Array): boolean {
  if (left.byteLength !== right.byteLength) return false;
  let difference = 0;
  for (let at = 0; at < left.byteLength; at++) {
    difference |= (left[at] as number) ^ (right[at] as number);
  }
  return difference === 0;
}
