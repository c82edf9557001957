import type { Random } from "../../base/index.ts";
import type { Cipher } from "./cipher.ts";
import { isSameSecret, TAG_BYTES } from "./cipher.ts";
import { Opener, SEAL_KEY_BYTES, Sealer, sealKeysOf } from "./seal.ts";
import { encodeHandshake, FORM, type HandshakeMessage, SALT_BYTES } from "./sealed-unit.ts";

/** Keys that both ends have agreed on by two salts, one fresh from each. [S34] */
export interface Binding {
  readonly ownSalt: Uint8Array;
  readonly peerSalt: Uint8Array;
  /** Whichever of them was sentHello with. */
  readonly helloSalt: Uint8Array;
  readonly sealer: Sealer;
  readonly opener: Opener;
  /** True once something sealed with it has come: the other end lives and has the keys. */
  heard: boolean;
}

const NO_SALT = new Uint8Array(SALT_BYTES);

/** A salt that never was before. */
export function freshSalt(random: Random): Uint8Array {
  const salt = new Uint8Array(SALT_BYTES);
  const view = new DataView(salt.buffer);
  for (let at = 0; at < SALT_BYTES; at += 4) view.setUint32(at, random.uint32());
  return salt;
}

/** A hello with our salt. */
export function makeHello(cipher: Cipher, secret: Uint8Array, salt: Uint8Array): Uint8Array {
  const tag = helloTag(cipher, secret, salt);
  return encodeHandshake(FORM.hello, { salt, echo: NO_SALT, tag });
}

/** The answer to a hello with the salt `echo`. Deterministic. */
export function makeAnswer(
  cipher: Cipher,
  secret: Uint8Array,
  salt: Uint8Array,
  echo: Uint8Array,
): Uint8Array {
  const tag = answerTag(cipher, secret, salt, echo);
  return encodeHandshake(FORM.answer, { salt, echo, tag });
}

/** Whether the sender of a hello knows the secret. It may have been sent long ago. */
export function isHelloAuthentic(
  cipher: Cipher,
  secret: Uint8Array,
  hello: HandshakeMessage,
): boolean {
  const { salt, echo, tag } = hello;
  return isSameSecret(echo, NO_SALT) && isSameSecret(tag, helloTag(cipher, secret, salt));
}

/** Whether the sender of an answer knows the secret and received the hello. */
export function isAnswerAuthentic(
  cipher: Cipher,
  secret: Uint8Array,
  answer: HandshakeMessage,
): boolean {
  const { salt, echo, tag } = answer;
  return isSameSecret(tag, answerTag(cipher, secret, salt, echo));
}

/** The keys of both directions. @param sentHello whether this end sent the hello */
export function bind(
  cipher: Cipher,
  secret: Uint8Array,
  salts: { readonly own: Uint8Array; readonly peer: Uint8Array; readonly sentHello: boolean },
  options: { readonly unitsMax: number; readonly isOrdered: boolean },
): Binding {
  const { own, peer, sentHello } = salts;
  const both = sentHello ? join(own, peer) : join(peer, own);
  const bytes = cipher.derive(secret, both, "meander crypt units", 2 * SEAL_KEY_BYTES);
  const there = sealKeysOf(cipher, bytes.subarray(0, SEAL_KEY_BYTES));
  const back = sealKeysOf(cipher, bytes.subarray(SEAL_KEY_BYTES));
  return {
    ownSalt: own,
    peerSalt: peer,
    helloSalt: sentHello ? own : peer,
    sealer: new Sealer(sentHello ? there : back, options.unitsMax),
    opener: new Opener(sentHello ? back : there, options.isOrdered),
    heard: false,
  };
}

function helloTag(cipher: Cipher, secret: Uint8Array, salt: Uint8Array): Uint8Array {
  return cipher.derive(secret, salt, "meander crypt greeting", TAG_BYTES);
}

function answerTag(
  cipher: Cipher,
  secret: Uint8Array,
  salt: Uint8Array,
  echo: Uint8Array,
): Uint8Array {
  return cipher.derive(secret, join(echo, salt), "meander crypt answer", TAG_BYTES);
}

function join(left: Uint8Array, right: Uint8Array): Uint8Array {
  const both = new Uint8Array(left.byteLength + right.byteLength);
  both.set(left);
  both.set(right, left.byteLength);
  return both;
}
