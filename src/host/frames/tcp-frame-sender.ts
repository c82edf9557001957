import { connect, type Socket } from "node:net";
import {
  type Cancel,
  type Clock,
  type Counters,
  LIMITS,
  type Log,
  type Random,
} from "../../base/index.ts";
import type { Cipher } from "../../stack/index.ts";
import { FrameBatch, type FrameSlab, WRITE_BYTES_MAX } from "./frame-batch.ts";
import { type FrameSeal, frameSealOf, RecordReader, sealRecord } from "./frame-seal.ts";
import { FrameStreamReader, LENGTH_BYTES } from "./frame-stream-reader.ts";
import { encodeHandshake, type HandshakeMessage, NONCE_BYTES } from "./handshake-message.ts";
import { HandshakeReader } from "./handshake-reader.ts";
import { type Attempt, acceptProof, dialProof, isSameProof, randomBytes } from "./link-proof.ts";
import type { FrameIdentity, FramePeerStats, FrameSite } from "./live-frame-network.ts";
import { RetryPause } from "./retry-pause.ts";
import type { TurnEnd } from "./turn-end.ts";

/** [N7] Asks for a sign of life, and is the answer. */
export const EMPTY_FRAME: Uint8Array = Uint8Array.of(0, 0, 0, LENGTH_BYTES);

/** What a network's senders share. */
export interface SenderPorts {
  readonly identity: FrameIdentity;
  readonly clock: Clock;
  readonly random: Random;
  readonly cipher: Cipher;
  isPrivate(address: string): boolean;
  readonly log: Log;
  readonly counts: Counters;
  readonly turnEnd: TurnEnd;
  readonly slab: FrameSlab;
}

/**
 * The way to one instance of a site: a connection that is used for sending only, dialled when there is something to
 * send [N1]. One write is under way at a time, so that what waits behind it leaves together.
 */
export class TcpFrameSender {
  readonly to: FrameSite;
  readonly #ports: SenderPorts;
  readonly #log: Log;
  readonly #batch = new FrameBatch();
  readonly #pause: RetryPause;
  #state: FramePeerStats["state"] | "closed" = "idle";
  #socket: Socket | undefined;
  /** Of the connection, when it is a private one. */
  #seal: FrameSeal | undefined;
  #cancelTimer: Cancel = () => {};
  /** Frames of the write that the kernel has not taken whole. */
  #writing = 0;
  /** Writes given to the stream, less those it has called back for. */
  #pendingWrites = 0;
  #afterWrite: () => void = () => {};
  /** Something was to be sent while waiting. */
  #isWanted = false;
  #life: "unknown" | "asked" | "heard" = "unknown";
  #hasWritten = false;
  #framesSent = 0;
  #bytesSent = 0;
  #writes = 0;

  constructor(to: FrameSite, ports: SenderPorts) {
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

  /** Writes what waits, as far as the kernel takes it. */
  flush(): void {
    const socket = this.#socket;
    if (this.#state !== "open" || socket === undefined || this.#writing > 0) return;
    const { slab } = this.#ports;
    for (;;) {
      const taken = this.#batch.take(WRITE_BYTES_MAX, slab);
      if (taken === undefined) break;
      this.#writing = taken.count;
      this.#framesSent += taken.count;
      this.#bytesSent += taken.bytes.byteLength;
      this.#writes++;
      this.#pendingWrites++;
      const bytes = this.#sealed(taken.bytes);
      if (bytes === undefined) {
        this.#lose(socket, "keys-used-up");
        return;
      }
      socket.write(bytes, this.#afterWrite);
      // Nothing left in the stream: the kernel has copied it all.
      if (socket.writableLength > 0) {
        if (taken.count > 1 && bytes === taken.bytes) slab.giveAway();
        break;
      }
      this.#writing = 0;
    }
    this.#hasWritten = true;
    if (this.#life === "unknown") this.#askForLife(socket);
  }

  stats(): Pick<FramePeerStats, "state" | "backlogBytes" | "framesSent" | "bytesSent" | "writes"> {
    return {
      state: this.#state === "closed" ? "idle" : this.#state,
      backlogBytes: this.#batch.bytes,
      framesSent: this.#framesSent,
      bytesSent: this.#bytesSent,
      writes: this.#writes,
    };
  }

  /** Drops what waits, and ends at once. */
  close(): void {
    this.#state = "closed";
    this.#cancelTimer();
    this.#socket?.destroy();
    this.#dropWaiting();
  }

  /** Sends what waits and ends; settles when the peer has it, or `LIMITS.closeMsMax` are over. */
  async finish(): Promise<void> {
    const socket = this.#socket;
    const wasOpen = this.#state === "open";
    this.#cancelTimer();
    this.#state = "closed";
    if (socket !== undefined && wasOpen) {
      for (;;) {
        const taken = this.#batch.take(WRITE_BYTES_MAX, this.#ports.slab);
        if (taken === undefined) break;
        const bytes = this.#sealed(taken.bytes);
        if (bytes !== undefined) socket.write(bytes);
        this.#ports.slab.giveAway();
      }
      this.#writing = 0;
      await new Promise<void>((resolve) => {
        const cancel = this.#ports.clock.after("finish frames", LIMITS.closeMsMax, resolve);
        socket.once("close", () => {
          cancel();
          resolve();
        });
        socket.end();
      });
    }
    this.close();
  }

  #dial(): void {
    this.#state = "connecting";
    const { host, port } = this.to;
    const socket = connect({ host, port, noDelay: true });
    this.#socket = socket;
    this.#cancelTimer = this.#ports.clock.after("open frames", LIMITS.frameHandshakeMs, () =>
      this.#lose(socket, "handshake-timeout"),
    );
    const reader = new HandshakeReader();
    const answers = new FrameStreamReader(LENGTH_BYTES, {
      frames: () => {},
      empty: () => this.#hear(),
    });
    const nonce = randomBytes(this.#ports.random, NONCE_BYTES);
    let attempt: Attempt | undefined;
    let records: RecordReader | undefined;
    const take = (piece: Uint8Array): void => {
      if (this.#socket !== socket) return;
      if (this.#state === "open") {
        if (this.#seal !== undefined) {
          records ??= new RecordReader(this.#seal.opener, (bytes) => answers.push(bytes));
        }
        const fault = records === undefined ? undefined : records.push(piece);
        if (fault !== undefined) this.#lose(socket, fault);
        else if (records === undefined && !answers.push(piece)) {
          this.#lose(socket, "answer-malformed");
        }
        return;
      }
      const read = reader.push(piece);
      if (read === undefined) return;
      if (read === "malformed") {
        this.#lose(socket, "answer-malformed");
        return;
      }
      attempt = this.#handshake(socket, nonce, attempt, read.message);
      if (read.rest.byteLength > 0) take(read.rest);
    };
    socket.on("data", take);
    socket.on("error", (error) => {
      this.#log.debug("A frame connection failed.", { error: error.message });
    });
    socket.on("close", () => {
      this.#lose(socket, this.#state === "open" ? "connection-lost" : "connect-failed");
    });
  }

  /** One step; what is known of the attempt after it. */
  #handshake(
    socket: Socket,
    nonce: Uint8Array,
    attempt: Attempt | undefined,
    message: HandshakeMessage,
  ): Attempt | undefined {
    const { siteInstance, linkKey } = this.#ports.identity;
    if (message.type === "challenge" && attempt === undefined) {
      const { challenge } = message;
      const { site, instance } = this.to;
      const made = {
        nonce,
        challenge: Uint8Array.from(challenge),
        from: siteInstance,
        to: { site, instance },
        isSealed: this.#ports.isPrivate(socket.remoteAddress ?? ""),
      };
      socket.write(encodeHandshake({ type: "proof", ...made, proof: dialProof(linkKey, made) }));
      return made;
    }
    if (message.type === "welcome" && attempt !== undefined) {
      if (isSameProof(message.proof, acceptProof(linkKey, attempt, message.token))) {
        const way = { end: "dialler", isOrdered: true } as const;
        this.#seal = attempt.isSealed
          ? frameSealOf(this.#ports.cipher, linkKey, attempt, message.token, way)
          : undefined;
        this.#open(socket);
      } else this.#lose(socket, "link-key-wrong");
    } else if (message.type === "refusal") {
      this.#lose(socket, `refused-${message.reason}`);
    } else this.#lose(socket, "answer-malformed");
    return attempt;
  }

  #open(socket: Socket): void {
    this.#cancelTimer();
    this.#cancelTimer = () => {};
    this.#state = "open";
    this.#life = "unknown";
    this.#pendingWrites = 0;
    this.#afterWrite = () => {
      if (this.#socket === socket) this.#wrote();
    };
    if (this.#pause.failures > 1) this.#log.info("A site takes frames again.");
    this.#ports.turnEnd.mark(this);
  }

  /** A write ended, at once or later: only the one still under way tells anything. */
  #wrote(): void {
    this.#pendingWrites--;
    if (this.#pendingWrites > 0 || this.#writing === 0) return;
    this.#writing = 0;
    // The peer's kernel took more, which it would not without the peer.
    if (this.#life === "asked") this.#life = "heard";
    this.flush();
  }

  /** [N7] Cuts the connection when neither an answer comes nor anything is taken. */
  #askForLife(socket: Socket): void {
    this.#life = "asked";
    this.#hasWritten = false;
    const question = this.#sealed(EMPTY_FRAME);
    if (question !== undefined) socket.write(question);
    this.#cancelTimer = this.#ports.clock.after("frame silence", LIMITS.frameSilenceMs, () => {
      if (this.#life === "asked") this.#lose(socket, "peer-silent");
      else if (this.#hasWritten || this.#writing > 0) this.#askForLife(socket);
      else this.#life = "unknown";
    });
  }

  /** What goes out for `bytes`. Undefined: the key is used up. */
  #sealed(bytes: Uint8Array): Uint8Array | undefined {
    return this.#seal === undefined ? bytes : sealRecord(this.#seal.sealer, bytes);
  }

  #hear(): void {
    if (this.#life === "asked") this.#life = "heard";
    this.#pause.reset();
  }

  #lose(socket: Socket, reason: string): void {
    if (this.#state === "closed" || this.#socket !== socket) return;
    this.#cancelTimer();
    this.#socket = undefined;
    socket.destroy();
    this.#ports.counts.add(reason);
    this.#isWanted = this.#batch.count + this.#writing > 0;
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

  #dropWaiting(): void {
    const dropped = this.#batch.clear() + this.#writing;
    this.#writing = 0;
    if (dropped > 0) this.#ports.counts.add("frames-lost", dropped);
  }
}
