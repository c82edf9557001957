import { type Clock, LIMITS, type Random } from "../base/index.ts";
import type { Connection } from "../stack/index.ts";
import {
  type ControlMessage,
  channelOf,
  decodeControl,
  encodeControl,
  encodePacket,
  faultOf,
  KIND,
  kindOf,
  lengthOf,
  MEDIUM,
  payloadOf,
  splitPackets,
} from "../wire/index.ts";
import { RoundTrips } from "./round-trips.ts";

/** What one end of a connection says of itself. */
export interface PeerIdentity {
  readonly role: "site" | "viewer";
  readonly name: string;
  /** u32, random for each start of the process. */
  readonly instance: number;
  /** Proof of membership, or empty. */
  readonly token: string;
  /** How often this end wants to hear something, ms; silence of three times that is suspect. */
  readonly heartbeatMs: number;
}

/** Why a peer is not let in. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}

/** What was sent past a {@link Peer}, directly over its connection. */
export interface DirectSends {
  /** When the last packet was sent, ms. */
  readonly sentAt: number;
}

/**
 * What happens to a {@link Peer}; called from `tick` and from the connection's handler, never from the constructor. Each is
 * told which peer, so that thousands can share them.
 */
export interface PeerEvents {
  /** Asked for each greeting from the other end; undefined lets it in. */
  admit(hello: PeerIdentity, peer: Peer): Refusal | undefined;
  /** Asked for each viewer that is let in: how often it shall acknowledge, ms. Absent: `LIMITS.ackMs`. */
  acknowledgeMs?(): number;
  /** Both ends know each other. Comes again after `onClosed` when the other end was restarted on a datagram connection. */
  onOpen(peer: Peer): void;
  /** An rtp or data packet, owned by the receiver. */
  onPacket(packet: Uint8Array, peer: Peer): void;
  /** A control message other than the peer's own; `packet` is the whole packet, for passing on. */
  onControl(message: ControlMessage, packet: Uint8Array, peer: Peer): void;
  onSuspected(peer: Peer): void;
  /** Heard again after a suspicion. */
  onTrusted(peer: Peer): void;
  onClosed(reason: Refusal, peer: Peer): void;
}

/** Hellos sent before giving up: 5 s of trying. */
const HELLOS_MAX = 50;
/** What a site asks viewers for, whatever it asks sites for: there may be thousands of them. ms. */
const VIEWER_HEARTBEAT_MS = 1_000;
/** A round trip is measured at least so often between sites, and with a viewer as often as this at first, then less. ms. */
const MEASURE_MS = 1_000;
const VIEWER_MEASURE_MS = 5_000;
const VIEWER_MEASURES = 8;

/**
 * One neighbour over one connection: greeting, heartbeats, round-trip time, clock offset, suspicion. [W20]-[W25]
 *
 * Sans-IO: driven by the connection's packets and by `tick`, which the owner calls every 10 to 50 ms.
 */
export class Peer {
  readonly connection: Connection;
  /** The other end, once open. */
  remote: PeerIdentity | undefined;
  state: "greeting" | "open" | "closed" = "greeting";
  suspected = false;
  /** Fastest of the last round trips, ms. */
  rttMs: number | undefined;
  /** Add to our clock to get the peer's, ms. */
  clockOffsetMs: number | undefined;
  /** How often a viewer acknowledges: what this site asked of it, or what this viewer was asked for. ms */
  ackMs: number = LIMITS.ackMs;
  /** Control packets that could not be read. */
  malformed = 0;
  readonly #self: PeerIdentity;
  /** What we ask this peer for, ms. */
  #heartbeatMs: number;
  readonly #clock: Clock;
  readonly #events: PeerEvents;
  #initiator: boolean;
  #hellos = 0;
  #helloAt = Number.NEGATIVE_INFINITY;
  #heardAt: number;
  #sentAt = Number.NEGATIVE_INFINITY;
  #direct: DirectSends | undefined;
  #beatAt = Number.NEGATIVE_INFINITY;
  #beats = 0;
  #tickedAt: number;
  #echo = Number.NaN;
  #echoAt = 0;
  #sequence: number;
  readonly #trips = new RoundTrips();

  /** @param initiator true: this end dialled and says hello first */
  constructor(
    connection: Connection,
    self: PeerIdentity,
    initiator: boolean,
    { clock, random }: { readonly clock: Clock; readonly random: Random },
    events: PeerEvents,
  ) {
    this.connection = connection;
    this.#self = self;
    this.#heartbeatMs = self.heartbeatMs;
    this.#initiator = initiator;
    this.#clock = clock;
    this.#events = events;
    this.#sequence = random.uint32();
    this.#heardAt = this.#tickedAt = clock.now();
    connection.onPackets((bytes) => this.#receive(bytes));
    void connection.closed.then((end) => {
      this.#closed({
        code: end?.code ?? "closed",
        message: end?.message ?? "the other end closed the connection",
      });
    });
  }

  /** Sends a packet, or several where the connection coalesces. False: dropped. */
  send(packets: Uint8Array): boolean {
    this.#sentAt = this.#clock.now();
    return this.connection.send(packets);
  }

  /**
   * Begins direct sending, past this peer, for a caller that sends the same to thousands of peers.
   *
   * @param sends tells when the caller last sent, which counts as a heartbeat like any other packet
   * @returns the connection to send to
   */
  openDirect(sends: DirectSends): Connection {
    this.#direct = sends;
    return this.connection.direct ?? this.connection;
  }

  /** Ends direct sending. */
  closeDirect(): void {
    this.#direct = undefined;
  }

  /** Sends a control message. `source` fills the header of in-band messages. */
  sendControl(message: ControlMessage, channel = 0): boolean {
    return this.send(
      encodePacket(
        {
          kind: KIND.control,
          flags: 0,
          channel,
          source: this.#self.instance,
          medium: MEDIUM.control,
          sourceGeneration: 0,
          sequence: this.#sequence++ >>> 0,
        },
        encodeControl(message),
      ),
    );
  }

  /** Ends the connection, telling the other end why. */
  close(code: string, message: string): void {
    if (this.state === "closed") return;
    this.sendControl({ type: "close", code, message });
    this.#closed({ code, message });
  }

  /** Does what is due: greeting, heartbeats, suspicion. */
  tick(): void {
    const now = this.#clock.now();
    // When our own loop stood still, the peer's packets are waiting behind it: silence proves nothing.
    const late = now - this.#tickedAt > this.#heartbeatMs * 2;
    this.#tickedAt = now;
    switch (this.state) {
      case "closed":
        return;
      case "greeting":
        this.#greet(now);
        return;
      case "open":
        this.#beat(now);
        if (!late) this.#judge(now);
    }
  }

  #greet(now: number): void {
    if (!this.#initiator) {
      if (now - this.#heardAt > LIMITS.confirmMs) {
        this.#closed({ code: "peer-silent", message: "the other end never said hello" });
      }
      return;
    }
    if (now - this.#helloAt < LIMITS.requestRetryMs) return;
    if (this.#hellos++ >= HELLOS_MAX) {
      this.#closed({ code: "peer-silent", message: "the other end did not answer the greeting" });
      return;
    }
    this.#helloAt = now;
    this.sendControl({ type: "hello", ...this.#self });
  }

  #beat(now: number): void {
    const period = this.remote?.heartbeatMs ?? LIMITS.heartbeatMs;
    // Data counts as a heartbeat, but round trips are measured.
    const measured = now - this.#beatAt >= Math.max(this.#measureMs, period);
    const sentAt = Math.max(this.#sentAt, this.#direct?.sentAt ?? this.#sentAt);
    if (!measured && now - sentAt < period) return;
    this.#beatAt = now;
    // By now the round trip is known, and what a viewer says is not urgent.
    if (this.#beats++ === VIEWER_MEASURES && this.remote?.role === "viewer")
      this.connection.relax?.();
    this.sendControl({
      type: "heartbeat",
      sentAt: now,
      echo: this.#echo,
      heldMs: now - this.#echoAt,
    });
  }

  get #measureMs(): number {
    if (this.#self.role === "site" && this.remote?.role === "site") return MEASURE_MS;
    return this.#beats < VIEWER_MEASURES ? MEASURE_MS : VIEWER_MEASURE_MS;
  }

  #judge(now: number): void {
    const silence = now - this.#heardAt;
    const suspectMs = this.#heartbeatMs * 3;
    if (silence > Math.max(LIMITS.confirmMs, suspectMs * 2)) {
      this.close("peer-silent", `nothing was heard for ${Math.round(silence)} ms`);
    } else if (silence > suspectMs && !this.suspected) {
      this.suspected = true;
      this.#events.onSuspected(this);
    }
  }

  #receive(bytes: Uint8Array): void {
    if (this.state === "closed") return;
    this.#heardAt = this.#clock.now();
    if (this.suspected) {
      this.suspected = false;
      this.#events.onTrusted(this);
    }
    if (faultOf(bytes) === undefined && lengthOf(bytes) === bytes.byteLength) {
      this.#packet(bytes);
      return;
    }
    for (const packet of splitPackets(bytes)) {
      this.#packet(packet);
      if ((this.state as string) === "closed") return;
    }
  }

  #packet(packet: Uint8Array): void {
    if (kindOf(packet) === KIND.control) this.#control(packet);
    else if (this.state === "open") this.#events.onPacket(packet, this);
  }

  #control(packet: Uint8Array): void {
    const message = decodeControl(payloadOf(packet));
    if (typeof message === "string") {
      this.malformed++;
      return;
    }
    switch (message.type) {
      case "hello":
        this.#hello(message);
        return;
      case "welcome":
        if (this.state === "greeting") {
          this.ackMs = message.ackMs ?? LIMITS.ackMs;
          this.#open({ role: "site", token: "", ...message });
        }
        return;
      case "heartbeat":
        this.#heartbeat(message);
        return;
      case "close":
        this.#closed({ code: message.code, message: message.message });
        return;
      case "refused":
        if (message.request === 0 && channelOf(packet) === 0 && this.state === "greeting") {
          this.#closed({ code: message.code, message: message.message });
          return;
        }
        break;
      default:
    }
    if (this.state === "open") this.#events.onControl(message, packet, this);
  }

  #hello(hello: PeerIdentity & { readonly type: "hello" }): void {
    const refusal = this.#events.admit(hello, this);
    if (refusal !== undefined) {
      this.sendControl({ type: "refused", request: 0, ...refusal });
      // A datagram connection that is open stays: the greeting may be forged.
      if (this.state === "greeting") this.#closed(refusal);
      return;
    }
    if (this.state === "open" && this.remote?.instance !== hello.instance) {
      const message = "the other end was restarted";
      this.#events.onClosed({ code: "peer-restarted", message }, this);
      this.#trips.clear();
      this.rttMs = this.clockOffsetMs = undefined;
      this.#echo = Number.NaN;
      this.state = "greeting";
      this.#initiator = false;
    }
    const { name, instance } = this.#self;
    const welcome = { type: "welcome", name, instance } as const;
    if (hello.role === "viewer") {
      this.#heartbeatMs = VIEWER_HEARTBEAT_MS;
      if (this.state === "greeting") this.ackMs = this.#events.acknowledgeMs?.() ?? LIMITS.ackMs;
      this.sendControl({ ...welcome, heartbeatMs: this.#heartbeatMs, ackMs: this.ackMs });
    } else this.sendControl({ ...welcome, heartbeatMs: this.#heartbeatMs });
    if (this.state === "greeting") this.#open(hello);
  }

  #open({ role, name, instance, token, heartbeatMs }: PeerIdentity): void {
    this.remote = { role, name, instance, token, heartbeatMs };
    this.state = "open";
    this.suspected = false;
    this.#beat(this.#clock.now());
    this.#events.onOpen(this);
  }

  #heartbeat(beat: {
    readonly sentAt: number;
    readonly echo: number;
    readonly heldMs: number;
  }): void {
    const now = this.#clock.now();
    this.#echo = beat.sentAt;
    this.#echoAt = now;
    // A browser slows the timers of hidden pages, and with them `tick`.
    if (this.#self.role === "viewer" && this.state === "open") this.#beat(now);
    const rtt = now - beat.echo - beat.heldMs;
    if (!(rtt >= 0 && rtt < 60_000)) return;
    this.#trips.add(rtt, beat.sentAt + rtt / 2 - now);
    this.rttMs = this.#trips.fastestMs;
    this.clockOffsetMs = this.#trips.offsetMs;
  }

  #closed(reason: Refusal): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.connection.close();
    this.#events.onClosed(reason, this);
  }
}
