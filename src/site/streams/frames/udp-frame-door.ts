import { createHmac } from "node:crypto";
import { type Clock, LIMITS, type Random } from "../../../base/index.ts";
import type { Place } from "../../../stream/index.ts";
import { NONCE_BYTES, type Proof, type Refusal, TOKEN_BYTES } from "./handshake-message.ts";
import { judgeProof } from "./judge-proof.ts";
import { isSameProof, randomBytes } from "./link-proof.ts";
import type { FrameIdentity } from "./live-frame-network.ts";

/** Someone who was let in. */
export interface Admitted {
  readonly from: Place;
  readonly nonce: Uint8Array;
  readonly token: Uint8Array;
}

const SECRET_BYTES = 32;

/**
 * Lets senders in over UDP. It keeps nothing of those that have not proven themselves [N14]: the challenge is a function of the
 * remote's address, its nonce and the time, with a secret of this process.
 */
export class UdpFrameDoor {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #secret: Uint8Array;
  readonly #bySite = new Map<string, Admitted>();
  readonly #byToken = new Map<number, Admitted>();

  constructor({ clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.#clock = clock;
    this.#random = random;
    this.#secret = randomBytes(random, SECRET_BYTES);
  }

  /** The challenge for a remote (`address port`). */
  challenge(remote: string, nonce: Uint8Array): Uint8Array {
    return this.#challengeAt(this.#slot(), remote, nonce);
  }

  /** Lets the sender of a proof in, again with the same token when the proof is the same; else why not. */
  admit(remote: string, proof: Proof, self: FrameIdentity | undefined): Admitted | Refusal {
    const given = [this.#slot(), this.#slot() - 1]
      .map((slot) => this.#challengeAt(slot, remote, proof.nonce))
      .find((challenge) => isSameProof(challenge, proof.challenge));
    if (given === undefined) return "bad-hello";
    const refusal = judgeProof(proof, given, self);
    if (refusal !== undefined) return refusal;
    const { site, instance } = proof.from;
    const known = this.#bySite.get(site);
    if (known?.from.instance === instance && isSameProof(known.nonce, proof.nonce)) return known;
    if (known === undefined && this.#bySite.size >= LIMITS.framePeersMax) return "peers-full";
    if (known !== undefined) this.#byToken.delete(keyOf(known.token));
    const token = randomBytes(this.#random, TOKEN_BYTES);
    const admitted = { from: { site, instance }, nonce: Uint8Array.from(proof.nonce), token };
    this.#bySite.set(site, admitted);
    this.#byToken.set(keyOf(token), admitted);
    return admitted;
  }

  /** Whose token it is. */
  find(token: Uint8Array): Place | undefined {
    const admitted = this.#byToken.get(keyOf(token));
    if (admitted === undefined || !isSameProof(admitted.token, token)) return undefined;
    return admitted.from;
  }

  /** A challenge is good for one to two of these. */
  #slot(): number {
    return Math.floor(this.#clock.now() / LIMITS.frameHandshakeMs);
  }

  #challengeAt(slot: number, remote: string, nonce: Uint8Array): Uint8Array {
    const mac = createHmac("sha256", this.#secret).update(`${slot} ${remote}\0`).update(nonce);
    return new Uint8Array(mac.digest()).subarray(0, NONCE_BYTES);
  }
}

/** 53 of a token's 64 bits, as a number: a key that needs no text. */
function keyOf(token: Uint8Array): number {
  const view = new DataView(token.buffer, token.byteOffset, TOKEN_BYTES);
  return view.getUint32(0) * 2 ** 21 + (view.getUint32(4) >>> 11);
}
