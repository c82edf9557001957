import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { assert, Counters, LIMITS } from "../../base/index.ts";
import type { SiteInstance } from "../../stream/index.ts";
import { type StrangerLimits, StrangerQuota } from "../../transport/index.ts";
import { checkFrame } from "./check-frame.ts";
import { FrameSlab } from "./frame-batch.ts";
import type { Refusal } from "./handshake-message.ts";
import { listenError } from "./listen-error.ts";
import type {
  FrameIdentity,
  FrameNetworkOptions,
  FramePeerStats,
  FrameSite,
  LiveFrameNetwork,
} from "./live-frame-network.ts";
import { PeerTable } from "./peer-table.ts";
import { TcpFrameReceiver } from "./tcp-frame-receiver.ts";
import { TcpFrameSender } from "./tcp-frame-sender.ts";
import { TurnEnd } from "./turn-end.ts";

/** Connections that the kernel accepts before we do; a burst of a whole session. */
const LISTEN_BACKLOG = 1_024;

/** Places of connections that have not proven membership. [N12] */
const STRANGERS: StrangerLimits = {
  all: LIMITS.frameHandshakesMax,
  perAddress: LIMITS.frameHandshakesPerAddress,
  perLoopback: LIMITS.frameHandshakesMax,
  ms: LIMITS.frameHandshakeMs,
};

/**
 * Frames over TCP, the default: two connections for each pair of sites, each dialled by the one that sends on it, so
 * that two that dial at once are no special case.
 */
export class TcpFrameNetwork implements LiveFrameNetwork {
  readonly port: number;
  readonly counts = new Counters();
  readonly #options: FrameNetworkOptions;
  readonly #server: Server;
  readonly #turnEnd = new TurnEnd();
  readonly #slab = new FrameSlab();
  readonly #peers: PeerTable<TcpFrameSender>;
  /** Not proven yet. */
  readonly #strangers = new Set<TcpFrameReceiver>();
  readonly #quota: StrangerQuota;
  /** By site. */
  readonly #receivers = new Map<string, TcpFrameReceiver>();
  #identity: FrameIdentity | undefined;
  #handler: ((from: SiteInstance, bytes: Uint8Array) => void) | undefined;
  #isClosed = false;

  /**
   * Listens.
   *
   * @throws {MeanderError} `port-in-use`, `listen-failed`
   */
  static async open(options: FrameNetworkOptions): Promise<TcpFrameNetwork> {
    const server = createServer();
    try {
      server.listen({ host: options.host, port: options.port, backlog: LISTEN_BACKLOG });
      await once(server, "listening");
    } catch (cause) {
      throw listenError(options, cause);
    }
    return new TcpFrameNetwork(server, options);
  }

  private constructor(server: Server, options: FrameNetworkOptions) {
    this.#options = options;
    this.#quota = new StrangerQuota(options.clock, () => STRANGERS);
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    this.#peers = new PeerTable((site) => this.#makeSender(site), this.counts);
    server.on("connection", (socket) => this.#accept(socket));
    server.on("error", (error) =>
      options.log.warn("The port for frames reported an error.", { error: error.message }),
    );
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
    for (const receiver of [...this.#receivers.values()]) receiver.end("key-changed");
    this.#peers.renew();
  }

  setSites(sites: readonly FrameSite[]): void {
    assert(this.#identity !== undefined, "a site has joined before it knows others");
    if (!this.#isClosed) this.#peers.set(sites);
  }

  maxFrameBytes(_site: string): number {
    return LIMITS.streamFrameBytesMax;
  }

  onFrames(handler: (from: SiteInstance, bytes: Uint8Array) => void): void {
    assert(this.#handler === undefined, "a network has one handler, set once");
    this.#handler = handler;
  }

  send(to: SiteInstance, frame: Uint8Array): void {
    checkFrame(frame, LIMITS.streamFrameBytesMax);
    this.#peers.find(to)?.send(frame);
  }

  stats(): readonly FramePeerStats[] {
    return this.#peers.stats();
  }

  /** What was sent has `LIMITS.closeMsMax` to go out. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const receiver of [...this.#strangers, ...this.#receivers.values()])
      receiver.end(undefined);
    this.#quota.close();
    await this.#peers.close((sender) => sender.finish());
    await closed;
  }

  #makeSender(site: FrameSite): TcpFrameSender {
    const { clock, random, cipher, isPrivate, log } = this.#options;
    assert(this.#identity !== undefined, "only members send");
    return new TcpFrameSender(site, {
      identity: this.#identity,
      clock,
      random,
      cipher,
      isPrivate,
      log,
      counts: this.counts,
      turnEnd: this.#turnEnd,
      slab: this.#slab,
    });
  }

  #accept(socket: Socket): void {
    if (this.#isClosed) {
      socket.destroy();
      return;
    }
    // [N12] Before it is made, so that a flood costs the site little.
    const stranger = this.#quota.enter(socket.remoteAddress ?? "", (fault) =>
      receiver.end(fault === "late" ? "handshake-timeout" : "handshakes-full"),
    );
    const { random, cipher, isPrivate } = this.#options;
    const receiver = new TcpFrameReceiver(socket, {
      random,
      cipher,
      isPrivate,
      identity: () => this.#identity,
      admit: (from) => {
        const refusal = this.#admit(receiver, from);
        if (refusal === undefined) stranger.done();
        return refusal;
      },
      frames: (from, bytes, count) => {
        this.#peers.received(from, bytes.byteLength, count);
        this.#handler?.(from, bytes);
      },
      count: (reason) => this.counts.add(reason),
      ended: () => {
        stranger.done();
        this.#forget(receiver);
      },
    });
    this.#strangers.add(receiver);
  }

  #admit(receiver: TcpFrameReceiver, from: SiteInstance): Refusal | undefined {
    const earlier = this.#receivers.get(from.site);
    if (earlier === undefined && this.#receivers.size >= LIMITS.framePeersMax) return "peers-full";
    this.#strangers.delete(receiver);
    this.#receivers.set(from.site, receiver);
    // [N13] It has dialled again: it no longer uses the earlier connection.
    earlier?.end("replaced");
    return undefined;
  }

  #forget(receiver: TcpFrameReceiver): void {
    this.#strangers.delete(receiver);
    const site = receiver.from?.site;
    if (site !== undefined && this.#receivers.get(site) === receiver) this.#receivers.delete(site);
  }
}
