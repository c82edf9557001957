import { createHmac } from "node:crypto";
import { type Clock, LIMITS, type Random } from "../../base/index.ts";
import type { Cipher, Opener } from "../../stack/index.ts";
import type { SiteInstance } from "../../stream/index.ts";
import { frameSealOf } from "./frame-seal.ts";
import { NONCE_BYTES, type Proof, type Refusal, TOKEN_BYTES } from "./handshake-message.ts";
import { judgeProof } from "./judge-proof.ts";
import { isSameProof, randomBytes } from "./link-proof.ts";
import type { FrameIdentity } from "./live-frame-network.ts";

/** A sender that was admitted. */
export interface Admitted {
  readonly from: SiteInstance;
  readonly nonce: Uint8Array;
  readonly token: Uint8Array;
  /** Opens its datagrams, when they are sealed. */
  readonly opener: Opener | undefined;
}

const SECRET_BYTES = 32;

/**
 * Admits senders over UDP. It keeps no state for senders that have not proven their identity ([N14]): the challenge is
 * a function of the remote's address, its nonce and the time, with a secret of this process.
 */
export class UdpFrameAdmission {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #cipher: Cipher;
  readonly #secret: Uint8Array;
  readonly #bySite = new Map<string, Admitted>();
  readonly #byToken = new Map<number, Admitted>();

  constructor({
    clock,
    random,
    cipher,
  }: {
    readonly clock: Clock;
    readonly random: Random;
    readonly cipher: Cipher;
  }) {
    this.#clock = clock;
    this.#random = random;
    this.#cipher = cipher;
    this.#secret = randomBytes(random, SECRET_BYTES);
  }

  /** The challenge for a remote (`address port`). */
  challenge(remote: string, nonce: Uint8Array): Uint8Array {
    return this.#challengeAt(this.#slot(), remote, nonce);
  }

  /** Lets the sender of a proof in, again with the same token when the proof is the same; else why not. */
  admit(
    remote: string,
    proof: Proof,
    self: FrameIdentity | undefined,
    needsSeal: boolean,
  ): Admitted | Refusal {
    const given = [this.#slot(), this.#slot() - 1]
      .map((slot) => this.#challengeAt(slot, remote, proof.nonce))
      .find((challenge) => isSameProof(challenge, proof.challenge));
    if (given === undefined) return "bad-hello";
    const refusal = judgeProof(proof, given, self, needsSeal);
    if (refusal !== undefined || self === undefined) return refusal ?? "not-joined";
    const { site, instance } = proof.from;
    const known = this.#bySite.get(site);
    if (known?.from.instance === instance && isSameProof(known.nonce, proof.nonce)) return known;
    if (known === undefined && this.#bySite.size >= LIMITS.framePeersMax) return "peers-full";
    if (known !== undefined) this.#byToken.delete(keyOf(known.token));
    const token = randomBytes(this.#random, TOKEN_BYTES);
    const way = { end: "acceptor", isOrdered: false } as const;
    const seal = proof.isSealed
      ? frameSealOf(this.#cipher, self.linkKey, proof, token, way)
      : undefined;
    const nonce = Uint8Array.from(proof.nonce);
    const admitted = { from: { site, instance }, nonce, token, opener: seal?.opener };
    this.#bySite.set(site, admitted);
    this.#byToken.set(keyOf(token), admitted);
    return admitted;
  }

  /** The senders that were admitted have to prove themselves again. */
  forgetAll(): void {
    this.#bySite.clear();
    this.#byToken.clear();
  }

  /** Whose token it is. */
  find(token: Uint8Array): Admitted | undefined {
    const admitted = this.#byToken.get(keyOf(token));
    if (admitted === undefined || !isSameProof(admitted.token, token)) return undefined;
    return admitted;
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
