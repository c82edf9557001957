import { type Clock, LIMITS, type Random } from "../base/index.ts";
import type { Connection } from "../stack/index.ts";
import {
  type ControlMessage,
  channelOf,
  decodeControl,
  encodeControl,
  encodePacket,
  faultOf,
  HEADER_BYTES,
  KIND,
  kindOf,
  lengthOf,
  MEDIUM,
  splitPackets,
} from "../wire/index.ts";
import { RoundTrips } from "./round-trips.ts";

/** What one end of a connection says of itself in the handshake. */
export interface PeerIdentity {
  readonly role: "site" | "viewer";
  readonly name: string;
  /** u32, random for each start of the process. */
  readonly instance: number;
  /** Proof of membership, or empty. */
  readonly token: string;
  /** How often this end wants to receive something, ms; after three times that the other end is suspected. */
  readonly heartbeatMs: number;
}

/** Why a request is refused. */
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
 * What happens to a {@link Peer}; called from `tick` and from the connection's handler, never from the constructor.
 * Each gets the peer, so that thousands of peers can share one object.
 */
export interface PeerEvents {
  /** Called for each hello of the other end; undefined admits it. */
  admit(hello: PeerIdentity, peer: Peer): Refusal | undefined;
  /** Called for each viewer that is admitted: how often it shall acknowledge, ms. Absent: `LIMITS.ackMs`. */
  acknowledgeMs?(): number;
  /**
   * The handshake is complete. Called again after `onClosed` when the other end was restarted on a datagram connection.
   */
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
/** The heartbeat period that a site asks of viewers, since there may be thousands of them, ms. */
const VIEWER_HEARTBEAT_MS = 1_000;
/** How often a round trip is measured between sites, and at first with a viewer, ms. */
const MEASURE_MS = 1_000;
/** How often a round trip with a viewer is measured after the first measurements, ms. */
const VIEWER_MEASURE_MS = 5_000;
/** The first measurements with a viewer, a second apart. */
const VIEWER_MEASURES = 8;

/**
 * The other end of one connection: handshake, heartbeats, round-trip time, clock offset, suspicion. [W20]-[W25]
 *
 * Sans-IO: driven by the connection's packets and by `tick`, which the owner calls every 10 to 50 ms.
 */
export class Peer {
  readonly connection: Connection;
  /** The other end, once open. */
  remote: PeerIdentity | undefined;
  state: "handshake" | "open" | "closed" = "handshake";
  suspected = false;
  /** The fastest of the last round trips, ms. */
  rttMs: number | undefined;
  /** Add to our clock to get the peer's, ms. */
  clockOffsetMs: number | undefined;
  /** How often the viewer acknowledges, at either end of the connection, ms. */
  ackMs: number = LIMITS.ackMs;
  /** Control packets that could not be decoded. */
  malformed = 0;
  /** When the other end last showed a proof that was admitted, ms; -Infinity: it has shown none, being dialled. */
  provenAt = Number.NEGATIVE_INFINITY;
  #self: PeerIdentity;
  /** The heartbeat period that this end asks for, ms. */
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

  /** @param initiator true: this end dialled, and sends the first hello */
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

  /** [W49] Shows another proof of membership: over an open connection at once, on which all goes on. */
  renew(self: PeerIdentity): void {
    this.#self = self;
    if (this.state === "open") this.sendControl({ type: "hello", ...self });
  }

  /** Closes the connection, and tells the other end why. */
  close(code: string, message: string): void {
    if (this.state === "closed") return;
    this.sendControl({ type: "close", code, message });
    this.#closed({ code, message });
  }

  /** Does what is due: handshake, heartbeats, suspicion. */
  tick(): void {
    const now = this.#clock.now();
    // When this process stood still, packets of the peer are still waiting to be read: silence proves nothing.
    const late = now - this.#tickedAt > this.#heartbeatMs * 2;
    this.#tickedAt = now;
    switch (this.state) {
      case "closed":
        return;
      case "handshake":
        this.#handshake(now);
        return;
      case "open":
        this.#beat(now);
        if (!late) this.#judge(now);
    }
  }

  #handshake(now: number): void {
    if (!this.#initiator) {
      if (now - this.#heardAt > LIMITS.confirmMs) {
        this.#closed({ code: "peer-silent", message: "the other end did not send a hello" });
      }
      return;
    }
    if (now - this.#helloAt < LIMITS.requestRetryMs) return;
    if (this.#hellos++ >= HELLOS_MAX) {
      this.#closed({ code: "peer-silent", message: "the other end did not answer the hello" });
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
    // By now the round trip is known, and what a viewer sends is not urgent.
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
      this.close("peer-silent", `nothing was received for ${Math.round(silence)} ms`);
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
    const message = decodeControl(packet, HEADER_BYTES, lengthOf(packet));
    if (typeof message === "string") {
      this.malformed++;
      return;
    }
    switch (message.type) {
      case "hello":
        this.#hello(message);
        return;
      case "welcome":
        if (this.state === "handshake") {
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
        if (message.request === 0 && channelOf(packet) === 0 && this.state === "handshake") {
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
      // A datagram connection that is open stays open: the hello may be forged.
      if (this.state === "handshake") this.#closed(refusal);
      return;
    }
    this.provenAt = this.#clock.now();
    if (this.state === "open" && this.remote?.instance !== hello.instance) {
      const message = "the other end was restarted";
      this.#events.onClosed({ code: "peer-restarted", message }, this);
      this.#trips.clear();
      this.rttMs = this.clockOffsetMs = undefined;
      this.#echo = Number.NaN;
      this.state = "handshake";
      this.#initiator = false;
    }
    const { name, instance } = this.#self;
    const welcome = { type: "welcome", name, instance } as const;
    if (hello.role === "viewer") {
      this.#heartbeatMs = VIEWER_HEARTBEAT_MS;
      if (this.state === "handshake") this.ackMs = this.#events.acknowledgeMs?.() ?? LIMITS.ackMs;
      this.sendControl({ ...welcome, heartbeatMs: this.#heartbeatMs, ackMs: this.ackMs });
    } else this.sendControl({ ...welcome, heartbeatMs: this.#heartbeatMs });
    if (this.state === "handshake") this.#open(hello);
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
