import { createHmac, timingSafeEqual } from "node:crypto";
import type { Random } from "../../base/index.ts";
import type { SiteInstance } from "../../stream/index.ts";
import { encodePlace } from "./handshake-message.ts";

/** What both ends of an attempt know, and a proof covers. */
export interface Attempt {
  readonly nonce: Uint8Array;
  readonly challenge: Uint8Array;
  readonly from: SiteInstance;
  readonly to: SiteInstance;
  /** Whether what follows is to be sealed: part of the proof, so that no one on the path can remove it. */
  readonly isSealed: boolean;
}

/** [N3] The dialler's proof that it knows the link key, for this attempt only. */
export function dialProof(linkKey: string, attempt: Attempt): Uint8Array {
  return proofOf(linkKey, "meander frames dial", attempt, new Uint8Array());
}

/** [N4] The accepting side's, which covers the token that it gives. */
export function acceptProof(linkKey: string, attempt: Attempt, token: Uint8Array): Uint8Array {
  return proofOf(linkKey, "meander frames accept", attempt, token);
}

/** Compares two proofs in a time that does not tell where they differ. */
export function isSameProof(left: Uint8Array, right: Uint8Array): boolean {
  return left.byteLength === right.byteLength && timingSafeEqual(left, right);
}

/** `count` unpredictable bytes (a multiple of 4), if `random` is cryptographically secure. */
export function randomBytes(random: Random, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < count; at += 4) view.setUint32(at, random.uint32());
  return bytes;
}

/** All parts but the last have a length that is fixed or told, so no two attempts give the same input. */
function proofOf(
  linkKey: string,
  purpose: string,
  { nonce, challenge, from, to, isSealed }: Attempt,
  token: Uint8Array,
): Uint8Array {
  return new Uint8Array(
    createHmac("sha256", linkKey)
      .update(`${purpose}${isSealed ? " sealed" : ""}\0`)
      .update(nonce)
      .update(challenge)
      .update(encodePlace(from))
      .update(encodePlace(to))
      .update(token)
      .digest(),
  );
}
