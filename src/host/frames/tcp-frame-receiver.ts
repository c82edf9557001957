import type { Socket } from "node:net";
import { LIMITS, type Random } from "../../base/index.ts";
import type { Cipher } from "../../stack/index.ts";
import type { SiteInstance } from "../../stream/index.ts";
import { type FrameSeal, frameSealOf, RecordReader, sealRecord } from "./frame-seal.ts";
import { FrameStreamReader } from "./frame-stream-reader.ts";
import { encodeHandshake, NONCE_BYTES, type Refusal, TOKEN_BYTES } from "./handshake-message.ts";
import { HandshakeReader } from "./handshake-reader.ts";
import { judgeProof } from "./judge-proof.ts";
import { acceptProof, randomBytes } from "./link-proof.ts";
import type { FrameIdentity } from "./live-frame-network.ts";
import { EMPTY_FRAME } from "./tcp-frame-sender.ts";

/** Answers that wait for a peer which asks and does not read, bytes; beyond it it gets none. */
const ANSWER_BYTES_MAX = 4_096;
const NO_NONCE = new Uint8Array(NONCE_BYTES);
const NO_TOKEN = new Uint8Array(TOKEN_BYTES);
/** A machine that vanished is noticed by its silence, when it sends nothing either. */
const KEEP_ALIVE_MS = 30_000;

/** What the network does for its receivers. */
export interface ReceiverPorts {
  readonly random: Random;
  readonly cipher: Cipher;
  isPrivate(address: string): boolean;
  /** Undefined until the site has joined. */
  identity(): FrameIdentity | undefined;
  /** A place has proven itself: lets it in, or says why not. */
  admit(from: SiteInstance): Refusal | undefined;
  frames(from: SiteInstance, bytes: Uint8Array, count: number): void;
  count(reason: string): void;
  ended(): void;
}

/** One accepted connection: proves its peer, in the time that its owner gives, then takes frames. It sends answers. */
export class TcpFrameReceiver {
  readonly #socket: Socket;
  readonly #ports: ReceiverPorts;
  readonly #challenge: Uint8Array;
  readonly #handshake = new HandshakeReader();
  #frames: FrameStreamReader | undefined;
  #seal: FrameSeal | undefined;
  #records: RecordReader | undefined;
  #from: SiteInstance | undefined;
  #isRefused = false;
  #hasEnded = false;

  /** @param socket belongs to the receiver from now on */
  constructor(socket: Socket, ports: ReceiverPorts) {
    this.#socket = socket;
    this.#ports = ports;
    this.#challenge = randomBytes(ports.random, NONCE_BYTES);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on("data", (piece: Uint8Array) => this.#take(piece));
    socket.on("error", () => {});
    socket.on("close", () => this.end(this.#from === undefined ? "handshake-broken" : undefined));
    const challenge = this.#challenge;
    socket.write(encodeHandshake({ type: "challenge", nonce: NO_NONCE, challenge }));
  }

  /** Who sends; undefined until proven. */
  get from(): SiteInstance | undefined {
    return this.#from;
  }

  /** Cuts the connection; `reason` is counted. Twice is fine. */
  end(reason: string | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#socket.destroy();
    if (reason !== undefined && !this.#isRefused) this.#ports.count(reason);
    this.#ports.ended();
  }

  #take(piece: Uint8Array): void {
    if (this.#hasEnded || this.#isRefused) return;
    // A Buffer's `slice` is a view; receivers rely on the plain kind.
    const bytes = new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
    if (this.#frames === undefined) this.#prove(bytes);
    else this.#read(bytes);
  }

  #read(bytes: Uint8Array): void {
    const fault = this.#records === undefined ? this.#readFrames(bytes) : this.#records.push(bytes);
    if (fault !== undefined) this.end(fault);
  }

  #readFrames(bytes: Uint8Array): string | undefined {
    return this.#frames?.push(bytes) === false ? "frame-malformed" : undefined;
  }

  #prove(bytes: Uint8Array): void {
    const read = this.#handshake.push(bytes);
    if (read === undefined) return;
    if (read === "malformed" || read.message.type !== "proof") {
      this.#refuse("bad-hello");
      return;
    }
    const identity = this.#ports.identity();
    const { message } = read;
    const refusal =
      judgeProof(message, this.#challenge, identity, this.#needsSeal) ??
      this.#ports.admit(message.from);
    if (refusal !== undefined || identity === undefined) {
      this.#refuse(refusal ?? "not-joined", message.nonce);
      return;
    }
    const from = message.from;
    this.#from = from;
    this.#frames = new FrameStreamReader(LIMITS.streamFrameBytesMax, {
      frames: (frames, count) => {
        if (!this.#hasEnded) this.#ports.frames(from, frames, count);
      },
      empty: () => this.#answer(),
    });
    if (message.isSealed) {
      const { cipher } = this.#ports;
      const way = { end: "acceptor", isOrdered: true } as const;
      this.#seal = frameSealOf(cipher, identity.linkKey, message, NO_TOKEN, way);
      this.#records = new RecordReader(
        this.#seal.opener,
        (frames) => this.#readFrames(frames) === undefined,
      );
    }
    const proof = acceptProof(identity.linkKey, message, NO_TOKEN);
    this.#socket.write(
      encodeHandshake({ type: "welcome", nonce: message.nonce, token: NO_TOKEN, proof }),
    );
    if (read.rest.byteLength > 0) this.#read(read.rest);
  }

  get #needsSeal(): boolean {
    return this.#ports.isPrivate(this.#socket.remoteAddress ?? "");
  }

  /** Says why, and waits for the peer to end: cut at once, it might never read that. The deadline still holds. */
  #refuse(reason: Refusal, nonce: Uint8Array = NO_NONCE): void {
    this.#ports.count(reason);
    this.#isRefused = true;
    this.#socket.end(encodeHandshake({ type: "refusal", nonce, reason }));
  }

  #answer(): void {
    if (this.#socket.writableLength >= ANSWER_BYTES_MAX) return;
    const answer =
      this.#seal === undefined ? EMPTY_FRAME : sealRecord(this.#seal.sealer, EMPTY_FRAME);
    if (answer !== undefined) this.#socket.write(answer);
  }
}
