import {
  type Cipher,
  Opener,
  SEAL_BYTES,
  SEAL_HEAD_BYTES,
  SEAL_KEY_BYTES,
  Sealer,
  sealKeysOf,
  TAG_BYTES,
} from "../../stack/index.ts";
import { WRITE_BYTES_MAX } from "./frame-batch.ts";
import { FrameStreamReader, frameLengthAt, LENGTH_BYTES } from "./frame-stream-reader.ts";
import type { Attempt } from "./link-proof.ts";

/** Seals what one end sends and opens what it receives ([N19]). */
export interface FrameSeal {
  readonly sealer: Sealer;
  readonly opener: Opener;
}

/**
 * Derives the keys of a connection from the session's link key and from what each end has drawn for this attempt.
 *
 * @param token zeros over TCP
 * @param end which end this is
 */
export function frameSealOf(
  cipher: Cipher,
  linkKey: string,
  { nonce, challenge }: Pick<Attempt, "nonce" | "challenge">,
  token: Uint8Array,
  { end, isOrdered }: { readonly end: "dialler" | "acceptor"; readonly isOrdered: boolean },
): FrameSeal {
  const salt = Uint8Array.of(...nonce, ...challenge, ...token);
  const secret = new TextEncoder().encode(linkKey);
  const bytes = cipher.derive(secret, salt, "meander frames", 2 * SEAL_KEY_BYTES);
  const there = sealKeysOf(cipher, bytes.subarray(0, SEAL_KEY_BYTES));
  const back = sealKeysOf(cipher, bytes.subarray(SEAL_KEY_BYTES));
  const isDialler = end === "dialler";
  return {
    sealer: new Sealer(isDialler ? there : back),
    opener: new Opener(isDialler ? back : there, isOrdered),
  };
}

/** What stands in clear before the sealed frames of a record: its length (u32, big endian), key id, number. */
const RECORD_HEAD_BYTES = LENGTH_BYTES + SEAL_HEAD_BYTES;
/** A longest record: one write. */
const RECORD_BYTES_MAX = LENGTH_BYTES + SEAL_BYTES + WRITE_BYTES_MAX;

/** Seals the frames of one write as a record. Undefined: the key is used up. */
export function sealRecord(sealer: Sealer, frames: Uint8Array): Uint8Array | undefined {
  const record = new Uint8Array(LENGTH_BYTES + SEAL_BYTES + frames.byteLength);
  new DataView(record.buffer).setUint32(0, record.byteLength);
  return sealer.seal(record, RECORD_HEAD_BYTES, frames) ? record : undefined;
}

/** Opens the records of a byte stream. */
export class RecordReader {
  readonly #reader: FrameStreamReader;
  #fault: string | undefined;

  /** @param deliver gets the frames of one record, which belong to it; false: they are none */
  constructor(opener: Opener, deliver: (frames: Uint8Array) => boolean) {
    this.#reader = new FrameStreamReader(RECORD_BYTES_MAX, {
      frames: (records) => {
        let rest = records;
        while (rest.byteLength > 0 && this.#fault === undefined) {
          const length = frameLengthAt(rest, 0);
          this.#fault = openRecord(opener, rest.subarray(0, length), deliver);
          rest = rest.subarray(length);
        }
      },
      empty: () => {
        this.#fault = "seal-truncated";
      },
    });
  }

  /** Takes what was read. Why the stream is of no use any more; undefined while it is. */
  push(piece: Uint8Array): string | undefined {
    const isSound = this.#reader.push(piece);
    return this.#fault ?? (isSound ? undefined : "frame-malformed");
  }
}

function openRecord(
  opener: Opener,
  record: Uint8Array,
  deliver: (frames: Uint8Array) => boolean,
): string | undefined {
  if (record.byteLength < RECORD_HEAD_BYTES + TAG_BYTES) return "seal-truncated";
  const frames = new Uint8Array(record.byteLength - RECORD_HEAD_BYTES - TAG_BYTES);
  const fault = opener.open(record, RECORD_HEAD_BYTES, frames, 0);
  if (fault !== undefined) return `seal-${fault}`;
  return deliver(frames) ? undefined : "frame-malformed";
}

/** Seals the frames of a datagram behind `head`, which stands in clear. Undefined: the key is used up. */
export function sealBehind(
  sealer: Sealer,
  head: Uint8Array,
  frames: Uint8Array,
): Uint8Array | undefined {
  const headBytes = head.byteLength + SEAL_HEAD_BYTES;
  const datagram = new Uint8Array(headBytes + frames.byteLength + TAG_BYTES);
  datagram.set(head);
  return sealer.seal(datagram, headBytes, frames) ? datagram : undefined;
}

/** Opens what {@link sealBehind} made; a text says why not. */
export function openBehind(
  opener: Opener,
  headBytes: number,
  datagram: Uint8Array,
): Uint8Array | string {
  const clearBytes = headBytes + SEAL_HEAD_BYTES;
  if (datagram.byteLength < clearBytes + TAG_BYTES) return "seal-truncated";
  const frames = new Uint8Array(datagram.byteLength - clearBytes - TAG_BYTES);
  const fault = opener.open(datagram, clearBytes, frames, 0);
  return fault === undefined ? frames : `seal-${fault}`;
}
