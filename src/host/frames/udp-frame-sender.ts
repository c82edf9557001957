import {
  type Cancel,
  type Clock,
  type Counters,
  LIMITS,
  type Log,
  messageOf,
  type Random,
} from "../../base/index.ts";
import { type Cipher, SEAL_BYTES, type Sealer } from "../../stack/index.ts";
import { FrameBatch, type FrameSlab } from "./frame-batch.ts";
import { frameSealOf, sealBehind } from "./frame-seal.ts";
import {
  DATA_HEAD_BYTES,
  encodeDataHead,
  encodeHandshake,
  type HandshakeMessage,
  NONCE_BYTES,
} from "./handshake-message.ts";
import { type Attempt, acceptProof, dialProof, isSameProof, randomBytes } from "./link-proof.ts";
import type { FrameIdentity, FramePeerStats, FrameSite } from "./live-frame-network.ts";
import { RetryPause } from "./retry-pause.ts";
import type { TurnEnd } from "./turn-end.ts";

/** Room for frames in a datagram, with and without what sealing adds. */
const FRAMES_PER_DATAGRAM_BYTES = LIMITS.frameDatagramBytes - DATA_HEAD_BYTES - SEAL_BYTES;

/** What a network does for its senders. */
export interface UdpSenderPorts {
  readonly identity: FrameIdentity;
  readonly clock: Clock;
  readonly random: Random;
  readonly cipher: Cipher;
  isPrivate(address: string): boolean;
  readonly log: Log;
  readonly counts: Counters;
  readonly turnEnd: TurnEnd;
  readonly slab: FrameSlab;
  /** The address of a host, in the socket's family. */
  resolve(host: string): Promise<string>;
  /** False when the socket holds as much as it may. */
  transmit(datagram: Uint8Array, port: number, address: string): boolean;
  /** Answers with this nonce or token are for that sender. */
  expect(name: Uint8Array, sender: UdpFrameSender): void;
  forget(name: Uint8Array): void;
}

/** One attempt at a handshake: what is repeated until it is answered. */
interface Dialling {
  readonly nonce: Uint8Array;
  address: string | undefined;
  message: Uint8Array;
  attempt: Attempt | undefined;
}

/** Where datagrams are sent, and what they contain besides frames. */
interface Destination {
  readonly address: string;
  readonly token: Uint8Array;
  /** Undefined: datagrams are not sealed. */
  readonly sealer: Sealer | undefined;
}

/** Sends frames to one instance of a site: after a handshake, in datagrams with the token that it issued. */
export class UdpFrameSender {
  readonly to: FrameSite;
  readonly #ports: UdpSenderPorts;
  readonly #log: Log;
  readonly #batch = new FrameBatch();
  readonly #pause: RetryPause;
  #state: FramePeerStats["state"] | "closed" = "idle";
  #dialling: Dialling | undefined;
  #destination: Destination | undefined;
  #cancelTimer: Cancel = () => {};
  #cancelRepeat: Cancel = () => {};
  #isWanted = false;
  #framesSent = 0;
  #bytesSent = 0;
  #datagrams = 0;

  constructor(to: FrameSite, ports: UdpSenderPorts) {
    this.to = to;
    this.#ports = ports;
    this.#log = ports.log.child({ peer: to.site });
    this.#pause = new RetryPause(ports.random);
  }

  /** Takes a frame to be sent at the end of the turn, or drops and counts it. */
  send(frame: Uint8Array): void {
    if (this.#state === "waiting") {
      this.#isWanted = true;
      this.#ports.counts.add("unreachable");
      return;
    }
    if (!this.#batch.push(frame)) {
      this.#ports.counts.add("backlog-full");
      return;
    }
    if (this.#state === "idle") this.#dial();
    else if (this.#state === "open" && this.#batch.count === 1) this.#ports.turnEnd.mark(this);
  }

  /** Sends what waits. */
  flush(): void {
    const destination = this.#destination;
    if (destination === undefined) return;
    const { slab, transmit, counts } = this.#ports;
    for (;;) {
      const taken = this.#batch.take(FRAMES_PER_DATAGRAM_BYTES, slab);
      if (taken === undefined) return;
      const { address } = destination;
      const datagram = datagramOf(destination, taken.bytes);
      if (datagram === undefined) {
        counts.add("frames-lost", taken.count);
        this.#lose("keys-used-up");
        return;
      }
      if (!transmit(datagram, this.to.port, address)) {
        counts.add("backlog-full", taken.count);
        continue;
      }
      this.#framesSent += taken.count;
      this.#bytesSent += taken.bytes.byteLength;
      this.#datagrams++;
    }
  }

  /** For the network: an answer with this sender's nonce or token came. */
  take(message: HandshakeMessage): void {
    const dialling = this.#dialling;
    switch (message.type) {
      case "challenge":
        if (dialling !== undefined) this.#prove(dialling, message.challenge);
        return;
      case "welcome":
        if (dialling !== undefined) this.#open(dialling, message);
        return;
      case "refusal":
        if (dialling !== undefined) this.#lose(`refused-${message.reason}`);
        return;
      case "unknownToken":
        if (this.#destination !== undefined) this.#lose("token-refused");
        return;
      default:
        return;
    }
  }

  stats(): Pick<FramePeerStats, "state" | "backlogBytes" | "framesSent" | "bytesSent" | "writes"> {
    return {
      state: this.#state === "closed" ? "idle" : this.#state,
      backlogBytes: this.#batch.bytes,
      framesSent: this.#framesSent,
      bytesSent: this.#bytesSent,
      writes: this.#datagrams,
    };
  }

  /** Drops what waits, and ends. */
  close(): void {
    this.#stopDialling();
    this.#leave();
    this.#state = "closed";
    this.#dropWaiting();
  }

  #dial(): void {
    this.#state = "connecting";
    const nonce = randomBytes(this.#ports.random, NONCE_BYTES);
    const message = encodeHandshake({ type: "hello", nonce });
    const dialling: Dialling = { nonce, message, address: undefined, attempt: undefined };
    this.#dialling = dialling;
    this.#ports.expect(nonce, this);
    this.#cancelTimer = this.#ports.clock.after("open frames", LIMITS.frameHandshakeMs, () =>
      this.#lose("handshake-timeout"),
    );
    this.#ports.resolve(this.to.host).then(
      (address) => {
        dialling.address = address;
        if (this.#dialling === dialling) this.#repeat(dialling);
      },
      (error: unknown) => {
        this.#log.debug("A site's host has no address.", { error: messageOf(error) });
        if (this.#dialling === dialling) this.#lose("connect-failed");
      },
    );
  }

  /** Sends the step that is to be answered, now and until it is. */
  #repeat(dialling: Dialling): void {
    const { address, message } = dialling;
    this.#cancelRepeat();
    if (address === undefined) return;
    this.#ports.transmit(message, this.to.port, address);
    this.#cancelRepeat = this.#ports.clock.after("repeat hello", LIMITS.requestRetryMs, () =>
      this.#repeat(dialling),
    );
  }

  #prove(dialling: Dialling, challenge: Uint8Array): void {
    if (dialling.attempt !== undefined || dialling.address === undefined) return;
    const { siteInstance, linkKey } = this.#ports.identity;
    const { nonce } = dialling;
    const { site, instance } = this.to;
    const attempt = {
      nonce,
      challenge: Uint8Array.from(challenge),
      from: siteInstance,
      to: { site, instance },
      isSealed: this.#ports.isPrivate(dialling.address),
    };
    dialling.attempt = attempt;
    dialling.message = encodeHandshake({
      type: "proof",
      ...attempt,
      proof: dialProof(linkKey, attempt),
    });
    this.#repeat(dialling);
  }

  #open(dialling: Dialling, welcome: HandshakeMessage & { type: "welcome" }): void {
    const { attempt, address } = dialling;
    if (attempt === undefined || address === undefined) return;
    const token = Uint8Array.from(welcome.token);
    const expected = acceptProof(this.#ports.identity.linkKey, attempt, token);
    if (!isSameProof(welcome.proof, expected)) {
      this.#lose("link-key-wrong");
      return;
    }
    this.#stopDialling();
    const seal = { end: "dialler", isOrdered: false } as const;
    const { cipher, identity } = this.#ports;
    const sealer = attempt.isSealed
      ? frameSealOf(cipher, identity.linkKey, attempt, token, seal).sealer
      : undefined;
    this.#destination = { address, token, sealer };
    this.#ports.expect(token, this);
    this.#state = "open";
    if (this.#pause.failures > 1) this.#log.info("A site takes frames again.");
    this.#pause.reset();
    this.#ports.turnEnd.mark(this);
  }

  #lose(reason: string): void {
    this.#stopDialling();
    this.#leave();
    this.#ports.counts.add(reason);
    this.#isWanted = this.#batch.count > 0;
    this.#dropWaiting();
    this.#state = "waiting";
    const pause = this.#pause.next();
    if (this.#pause.failures === 2) {
      this.#log.warn("A site does not take frames; what is sent to it waits for it.", { reason });
    } else this.#log.debug("The frame connection to a site ended.", { reason });
    this.#cancelTimer = this.#ports.clock.after("dial for frames", pause, () => {
      this.#state = "idle";
      if (!this.#isWanted) return;
      this.#isWanted = false;
      this.#dial();
    });
  }

  #stopDialling(): void {
    this.#cancelTimer();
    this.#cancelRepeat();
    if (this.#dialling !== undefined) this.#ports.forget(this.#dialling.nonce);
    this.#dialling = undefined;
  }

  #leave(): void {
    if (this.#destination !== undefined) this.#ports.forget(this.#destination.token);
    this.#destination = undefined;
  }

  #dropWaiting(): void {
    const dropped = this.#batch.clear();
    if (dropped > 0) this.#ports.counts.add("frames-lost", dropped);
  }
}

/** A datagram of whole frames. Undefined: the key is used up. */
function datagramOf({ token, sealer }: Destination, frames: Uint8Array): Uint8Array | undefined {
  if (sealer === undefined) return encodeHandshake({ type: "data", token, frames });
  return sealBehind(sealer, encodeDataHead(token, SEAL_BYTES + frames.byteLength), frames);
}
