/**
 * What two sites say to each other before frames flow. docs/spec/streams-network.md [N2]
 *
 * Every message begins with eight bytes: magic (u32), version (u8), type (u8), and the length of the whole message
 * (u16).
 */
import type { SiteInstance } from "../../stream/index.ts";

/** Bytes in front of every message. */
export const HEADER_BYTES = 8;
/** Of challenges and of what a dialler adds to them. */
export const NONCE_BYTES = 16;
/** Of what names a way over UDP. */
export const TOKEN_BYTES = 8;
/** Of a datagram of frames, in clear. */
export const DATA_HEAD_BYTES = HEADER_BYTES + TOKEN_BYTES;
/** Of HMAC-SHA-256. */
export const PROOF_BYTES = 32;
/** A longest message: a proof with two site names of 255 bytes. */
export const MESSAGE_BYTES_MAX = HEADER_BYTES + 2 * NONCE_BYTES + 2 * (4 + 1 + 255) + PROOF_BYTES;

const MAGIC = 0x4d53_464e;
const VERSION = 1;
const TYPE = {
  hello: 1,
  challenge: 2,
  proof: 3,
  welcome: 4,
  refusal: 5,
  data: 6,
  unknownToken: 7,
  sealedProof: 8,
} as const;
const TYPE_AT = 5;
const LENGTH_AT = 6;

/** Why a site is not let in, in the order of their numbers on the wire, from 1. */
export const REFUSALS = [
  "bad-hello",
  "link-key-wrong",
  "wrong-site",
  "wrong-instance",
  "peers-full",
  "not-joined",
  "privacy-required",
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** What a dialler claims and proves. */
export interface Proof {
  readonly type: "proof";
  /** The dialler's own chance. */
  readonly nonce: Uint8Array;
  readonly challenge: Uint8Array;
  readonly from: SiteInstance;
  readonly to: SiteInstance;
  /** Whether what follows on this way is to be sealed. */
  readonly isSealed: boolean;
  readonly proof: Uint8Array;
}

/** `nonce` names the dialler's attempt; over TCP a challenge comes before it is known, and has zeros there. */
export type HandshakeMessage =
  /** UDP: asks for a challenge. As long as that, so that forged addresses gain nothing. */
  | { readonly type: "hello"; readonly nonce: Uint8Array }
  | { readonly type: "challenge"; readonly nonce: Uint8Array; readonly challenge: Uint8Array }
  | Proof
  /** `token`: what datagrams carry from now on; over TCP zeros. */
  | {
      readonly type: "welcome";
      readonly nonce: Uint8Array;
      readonly token: Uint8Array;
      readonly proof: Uint8Array;
    }
  | { readonly type: "refusal"; readonly nonce: Uint8Array; readonly reason: Refusal }
  /** UDP: frames. */
  | { readonly type: "data"; readonly token: Uint8Array; readonly frames: Uint8Array }
  /** UDP: a datagram with an unknown token was received. */
  | { readonly type: "unknownToken"; readonly token: Uint8Array };

const utf8 = new TextEncoder();
const text = new TextDecoder("utf-8", { fatal: true });

/** Writes one message; names of sites have at most 255 bytes. */
export function encodeHandshake(message: HandshakeMessage): Uint8Array {
  switch (message.type) {
    case "hello":
      return join("hello", message.nonce, new Uint8Array(NONCE_BYTES));
    case "challenge":
      return join("challenge", message.nonce, message.challenge);
    case "proof": {
      const { nonce, challenge, from, to, proof } = message;
      const type = message.isSealed ? "sealedProof" : "proof";
      return join(type, nonce, challenge, encodePlace(from), encodePlace(to), proof);
    }
    case "welcome":
      return join("welcome", message.nonce, message.token, message.proof);
    case "refusal":
      return join("refusal", message.nonce, Uint8Array.of(REFUSALS.indexOf(message.reason) + 1));
    case "data":
      return join("data", message.token, message.frames);
    case "unknownToken":
      return join("unknownToken", message.token);
  }
}

/** What stands before `bytes` sealed bytes in a datagram of frames. */
export function encodeDataHead(token: Uint8Array, bytes: number): Uint8Array {
  const head = join("data", token);
  new DataView(head.buffer).setUint16(LENGTH_AT, DATA_HEAD_BYTES + bytes);
  return head;
}

/** A place as the proofs and messages have it: instance (u32), length of the name (u8), name. */
export function encodePlace({ site, instance }: SiteInstance): Uint8Array {
  const name = utf8.encode(site);
  const bytes = new Uint8Array(5 + name.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, instance);
  view.setUint8(4, name.byteLength);
  bytes.set(name, 5);
  return bytes;
}

/**
 * Length that the message at the front of `bytes` says it has; undefined when none starts there. Needs {@link
 * HEADER_BYTES}.
 */
export function handshakeLength(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0) !== MAGIC || view.getUint8(4) !== VERSION) return undefined;
  const length = view.getUint16(LENGTH_AT);
  return length < HEADER_BYTES ? undefined : length;
}

/** Reads one message that fills `bytes`; undefined when it is none. Its parts are views of `bytes`. */
export function decodeHandshake(bytes: Uint8Array): HandshakeMessage | undefined {
  if (bytes.byteLength < HEADER_BYTES || handshakeLength(bytes) !== bytes.byteLength) {
    return undefined;
  }
  const reader = new Reader(bytes.subarray(HEADER_BYTES));
  const message = read(bytes[TYPE_AT] as number, reader);
  return reader.isSound ? message : undefined;
}

function read(type: number, reader: Reader): HandshakeMessage | undefined {
  switch (type) {
    case TYPE.hello: {
      const nonce = reader.take(NONCE_BYTES);
      reader.take(NONCE_BYTES);
      return { type: "hello", nonce };
    }
    case TYPE.challenge:
      return {
        type: "challenge",
        nonce: reader.take(NONCE_BYTES),
        challenge: reader.take(NONCE_BYTES),
      };
    case TYPE.proof:
    case TYPE.sealedProof:
      return {
        type: "proof",
        nonce: reader.take(NONCE_BYTES),
        challenge: reader.take(NONCE_BYTES),
        from: reader.siteInstance(),
        to: reader.siteInstance(),
        isSealed: type === TYPE.sealedProof,
        proof: reader.take(PROOF_BYTES),
      };
    case TYPE.welcome:
      return {
        type: "welcome",
        nonce: reader.take(NONCE_BYTES),
        token: reader.take(TOKEN_BYTES),
        proof: reader.take(PROOF_BYTES),
      };
    case TYPE.refusal: {
      const nonce = reader.take(NONCE_BYTES);
      const reason = REFUSALS[(reader.take(1)[0] ?? 0) - 1];
      return reason === undefined ? undefined : { type: "refusal", nonce, reason };
    }
    case TYPE.data:
      return { type: "data", token: reader.take(TOKEN_BYTES), frames: reader.rest() };
    case TYPE.unknownToken:
      return { type: "unknownToken", token: reader.take(TOKEN_BYTES) };
    default:
      return undefined;
  }
}

function join(type: keyof typeof TYPE, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.byteLength, HEADER_BYTES);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint8(4, VERSION);
  view.setUint8(TYPE_AT, TYPE[type]);
  view.setUint16(LENGTH_AT, length);
  let at = HEADER_BYTES;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}

/** Takes parts from the front; what is not there is empty, and the whole not sound. */
class Reader {
  #bytes: Uint8Array;
  #isShort = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** All was there, and nothing is left. */
  get isSound(): boolean {
    return !this.#isShort && this.#bytes.byteLength === 0;
  }

  take(count: number): Uint8Array {
    if (count > this.#bytes.byteLength) this.#isShort = true;
    const part = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return part;
  }

  rest(): Uint8Array {
    return this.take(this.#bytes.byteLength);
  }

  siteInstance(): SiteInstance {
    const head = this.take(5);
    const name = this.take(head[4] ?? 0);
    if (this.#isShort) return { site: "", instance: 0 };
    try {
      const instance = new DataView(head.buffer, head.byteOffset).getUint32(0);
      return { site: text.decode(name), instance };
    } catch {
      this.#isShort = true;
      return { site: "", instance: 0 };
    }
  }
}
