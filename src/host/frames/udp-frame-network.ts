import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { assert, Counters, LIMITS, messageOf } from "../../base/index.ts";
import type { SiteInstance } from "../../stream/index.ts";
import { checkFrame } from "./check-frame.ts";
import { FrameSlab } from "./frame-batch.ts";
import { openBehind } from "./frame-seal.ts";
import { countFrames } from "./frame-stream-reader.ts";
import {
  DATA_HEAD_BYTES,
  decodeHandshake,
  encodeHandshake,
  type HandshakeMessage,
  type Proof,
} from "./handshake-message.ts";
import { acceptProof } from "./link-proof.ts";
import { listenError } from "./listen-error.ts";
import type {
  FrameIdentity,
  FrameNetworkOptions,
  FramePeerStats,
  FrameSite,
  LiveFrameNetwork,
} from "./live-frame-network.ts";
import { PeerTable } from "./peer-table.ts";
import { TurnEnd } from "./turn-end.ts";
import { UdpFrameAdmission } from "./udp-frame-admission.ts";
import { UdpFrameSender } from "./udp-frame-sender.ts";

/**
 * Frames in datagrams over one socket, as the paper has it: what is lost, or comes twice or late, is for the windows
 * above. Each direction of a pair has its own handshake and token.
 */
export class UdpFrameNetwork implements LiveFrameNetwork {
  readonly port: number;
  readonly counts = new Counters();
  readonly #options: FrameNetworkOptions;
  readonly #socket: Socket;
  readonly #turnEnd = new TurnEnd();
  readonly #slab = new FrameSlab();
  readonly #admission: UdpFrameAdmission;
  readonly #peers: PeerTable<UdpFrameSender>;
  /** By the nonce of its handshake, or its token, in hex. */
  readonly #expecting = new Map<string, UdpFrameSender>();
  #identity: FrameIdentity | undefined;
  #handler: ((from: SiteInstance, bytes: Uint8Array) => void) | undefined;
  #isClosed = false;

  /**
   * Binds a socket.
   *
   * @throws {MeanderError} `port-in-use`, `listen-failed`
   */
  static async open(options: FrameNetworkOptions): Promise<UdpFrameNetwork> {
    const { host, port, log } = options;
    const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
    try {
      socket.bind({ address: host, port, exclusive: true });
      await once(socket, "listening");
    } catch (cause) {
      throw listenError(options, cause);
    }
    try {
      socket.setRecvBufferSize(LIMITS.udpBufferBytes);
      socket.setSendBufferSize(LIMITS.udpBufferBytes);
    } catch (thrown) {
      log.debug("The kernel refused large UDP buffers.", { message: messageOf(thrown) });
    }
    return new UdpFrameNetwork(socket, options);
  }

  private constructor(socket: Socket, options: FrameNetworkOptions) {
    this.#options = options;
    this.#socket = socket;
    this.port = socket.address().port;
    this.#admission = new UdpFrameAdmission(options);
    this.#peers = new PeerTable((site) => this.#makeSender(site), this.counts);
    socket.on("message", (bytes, remote) => this.#receive(bytes, remote));
    socket.on("error", () => this.counts.add("socket-error"));
  }

  join(identity: FrameIdentity): void {
    assert(this.#identity === undefined, "a site joins once");
    assert(this.#handler !== undefined, "a site takes frames before it lets anyone in");
    this.#identity = identity;
  }

  rekey(linkKey: string): void {
    assert(this.#identity !== undefined, "a site has joined before it learns another key");
    this.#identity = { ...this.#identity, linkKey };
    if (this.#isClosed) return;
    this.#admission.forgetAll();
    this.#peers.renew();
  }

  setSites(sites: readonly FrameSite[]): void {
    assert(this.#identity !== undefined, "a site has joined before it knows others");
    if (!this.#isClosed) this.#peers.set(sites);
  }

  maxFrameBytes(_site: string): number {
    return LIMITS.datagramFrameBytesMax;
  }

  onFrames(handler: (from: SiteInstance, bytes: Uint8Array) => void): void {
    assert(this.#handler === undefined, "a network has one handler, set once");
    this.#handler = handler;
  }

  send(to: SiteInstance, frame: Uint8Array): void {
    checkFrame(frame, LIMITS.datagramFrameBytesMax);
    this.#peers.find(to)?.send(frame);
  }

  stats(): readonly FramePeerStats[] {
    return this.#peers.stats();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    await this.#peers.close(async (sender) => {
      sender.flush();
      sender.close();
    });
    this.#isClosed = true;
    const closed = once(this.#socket, "close");
    this.#socket.close();
    await closed;
  }

  #makeSender(site: FrameSite): UdpFrameSender {
    const { clock, random, cipher, isPrivate, log } = this.#options;
    assert(this.#identity !== undefined, "only members send");
    const family = this.#socket.address().family === "IPv6" ? 6 : 4;
    return new UdpFrameSender(site, {
      identity: this.#identity,
      clock,
      random,
      cipher,
      isPrivate,
      log,
      counts: this.counts,
      turnEnd: this.#turnEnd,
      slab: this.#slab,
      resolve: async (host) => (await lookup(host, { family })).address,
      transmit: (datagram, port, address) => this.#transmit(datagram, port, address),
      expect: (name, sender) => void this.#expecting.set(hexOf(name), sender),
      forget: (name) => void this.#expecting.delete(hexOf(name)),
    });
  }

  #transmit(datagram: Uint8Array, port: number, address: string): boolean {
    if (this.#isClosed) return false;
    const held = this.#socket.getSendQueueSize();
    if (held + datagram.byteLength > LIMITS.frameBacklogBytesMax) return false;
    this.#socket.send(datagram, port, address, this.#afterSend);
    return true;
  }

  readonly #afterSend = (error: Error | null): void => {
    if (error !== null) this.counts.add("socket-error");
  };

  #receive(datagram: Uint8Array, remote: RemoteInfo): void {
    const { buffer, byteOffset, byteLength } = datagram;
    const message = decodeHandshake(new Uint8Array(buffer, byteOffset, byteLength));
    // Nothing can be answered to port 0, though a forged datagram may come from there.
    if (message === undefined || remote.port === 0) {
      this.counts.add("datagram-malformed");
      return;
    }
    switch (message.type) {
      case "data":
        this.#take(message, datagram, remote);
        return;
      case "hello": {
        const { nonce } = message;
        const challenge = this.#admission.challenge(nameOf(remote), nonce);
        this.#reply(encodeHandshake({ type: "challenge", nonce, challenge }), remote);
        return;
      }
      case "proof":
        this.#judge(message, remote);
        return;
      default: {
        const name = message.type === "unknownToken" ? message.token : message.nonce;
        const sender = this.#expecting.get(hexOf(name));
        if (sender === undefined) this.counts.add("answer-unexpected");
        else sender.take(message);
      }
    }
  }

  #take(
    { token, frames: clear }: HandshakeMessage & { readonly type: "data" },
    datagram: Uint8Array,
    remote: RemoteInfo,
  ): void {
    const admitted = this.#admission.find(token);
    if (admitted === undefined) {
      this.counts.add("token-unknown");
      this.#reply(encodeHandshake({ type: "unknownToken", token }), remote);
      return;
    }
    const { from, opener } = admitted;
    const frames = opener === undefined ? clear : openBehind(opener, DATA_HEAD_BYTES, datagram);
    if (typeof frames === "string") {
      this.counts.add(frames);
      return;
    }
    const count = countFrames(frames, LIMITS.datagramFrameBytesMax);
    if (count === undefined) {
      this.counts.add("frame-malformed");
      return;
    }
    this.#peers.received(from, frames.byteLength, count);
    this.#handler?.(from, frames);
  }

  #judge(proof: Proof, remote: RemoteInfo): void {
    const { nonce } = proof;
    const needsSeal = this.#options.isPrivate(remote.address);
    const answer = this.#admission.admit(nameOf(remote), proof, this.#identity, needsSeal);
    if (typeof answer === "string" || this.#identity === undefined) {
      const reason = typeof answer === "string" ? answer : "not-joined";
      this.counts.add(reason);
      // Without a challenge of ours the address may be forged.
      if (reason === "bad-hello") return;
      this.#reply(encodeHandshake({ type: "refusal", nonce, reason }), remote);
      return;
    }
    const { token } = answer;
    const accepted = acceptProof(this.#identity.linkKey, proof, token);
    this.#reply(encodeHandshake({ type: "welcome", nonce, token, proof: accepted }), remote);
  }

  #reply(datagram: Uint8Array, { port, address }: RemoteInfo): void {
    this.#transmit(datagram, port, address);
  }
}

function nameOf({ address, port }: RemoteInfo): string {
  return `${address} ${port}`;
}

function hexOf(bytes: Uint8Array): string {
  return bytes.reduce((text, byte) => text + byte.toString(16).padStart(2, "0"), "");
}
