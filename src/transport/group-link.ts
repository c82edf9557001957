import { type Clock, LIMITS, type Log, type Random } from "../base/index.ts";
import {
  type Cipher,
  composeStack,
  freshSalt,
  groupKeys,
  isSealedPacket,
  Opener,
  openPacket,
  Sealer,
  sealIdOf,
  sealPacket,
  UNIT_HEAD_BYTES,
  UNIT_OVERHEAD_BYTES,
} from "../stack/index.ts";
import { canonicalHost } from "./address.ts";
import { type DatagramRuntime, openDatagramSocket } from "./datagram-socket.ts";
import type { DatagramSocket, Remote } from "./datagrams.ts";
import { GroupMembership } from "./group-membership.ts";
import { findInterface } from "./interfaces.ts";
import { familyOfGroup, groupBinding, setMulticastSending } from "./multicast.ts";
import { UdpConnection } from "./udp-connection.ts";
import { wholePacketsEnd } from "./whole-packets.ts";

/** Keeps uses of the secret apart. docs/spec/wire.md [W29] */
const PURPOSE = "multicast";

/** What both ends of a link by a group depend on. */
export interface GroupLinkOptions {
  /** Address of the group, and UDP port. */
  readonly group: string;
  readonly port: number;
  /** Name of the interface. */
  readonly interface: string;
  readonly cipher: Cipher;
  /** What the sites of a session know. */
  readonly secret: Uint8Array;
  readonly runtime: DatagramRuntime;
  readonly clock: Clock;
  readonly log: Log;
}

/** How a {@link GroupSender} sends. */
export interface GroupSenderOptions extends GroupLinkOptions {
  /** Routers that a datagram passes, and one. 1..255 */
  readonly ttl: number;
  readonly isSealed: boolean;
  /** Of the salt. */
  readonly random: Random;
  /** Datagrams after which its keys are used up; absent: `LIMITS.sealedUnitsMax`. */
  readonly unitsMax?: number | undefined;
}

/** Packets of every size on their way to a group. [W29] */
export class GroupSender implements AsyncDisposable {
  /** From where its datagrams come. */
  readonly from: { readonly host: string; readonly port: number };
  /** Receivers make the keys from it; undefined: nothing is sealed. */
  readonly salt: Uint8Array | undefined;
  readonly #socket: DatagramSocket;
  readonly #sealer: Sealer | undefined;
  readonly #top: { send(packet: Uint8Array): boolean };

  /** @throws {MeanderError} `multicast-refused`, `interface-unknown`, `bind-failed` */
  static async open(options: GroupSenderOptions): Promise<GroupSender> {
    const family = familyOfGroup(options.group);
    const { literal } = findInterface(options.interface, family);
    const { runtime, clock, log, interface: on, ttl } = options;
    const socket = await openDatagramSocket({ ...runtime, host: literal, port: 0, clock, log });
    try {
      setMulticastSending(socket, { ttl, interface: on });
      return new GroupSender(socket, options);
    } catch (error) {
      await socket[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Use {@link GroupSender.open}. */
  private constructor(socket: DatagramSocket, options: GroupSenderOptions) {
    const { cipher, clock, group, isSealed, port, random, secret, unitsMax } = options;
    this.#socket = socket;
    this.from = { host: socket.host, port: socket.port };
    this.salt = isSealed ? freshSalt(random) : undefined;
    const sealer = this.salt && new Sealer(groupKeys(cipher, secret, this.salt, PURPOSE), unitsMax);
    this.#sealer = sealer;
    const remote = socket.remote(group, port);
    const datagrams = new UdpConnection({
      peer: `${group}, port ${port}`,
      send: (packet) => {
        const unit = sealer === undefined ? packet : sealPacket(sealer, packet);
        return unit !== undefined && socket.send(unit, remote);
      },
      onClose() {},
    });
    const mtu = LIMITS.linkDatagramBytes - (isSealed ? UNIT_OVERHEAD_BYTES : 0);
    this.#top = composeStack([{ name: "frag", parameters: { mtu } }], datagrams, { clock });
  }

  /** True when its keys are used up: another one has to be opened. */
  get isSpent(): boolean {
    return this.#sealer?.left === 0;
  }

  /** Sends one packet. Retained; never modify it. False: refused. */
  send(packet: Uint8Array): boolean {
    return this.#top.send(packet);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#socket[Symbol.asyncDispose]();
  }
}

/** Events of a {@link GroupListener}. */
export interface GroupListenerEvents {
  onPackets(bytes: Uint8Array): void;
  onDrop(reason: string): void;
}

/** What one {@link GroupSender} sends to a group. [W29] */
export class GroupListener implements AsyncDisposable {
  readonly #socket: DatagramSocket;
  readonly #membership: GroupMembership;
  readonly #opener: Opener | undefined;
  readonly #from: Remote;
  readonly #datagrams: UdpConnection;
  #heardAt: number;

  /**
   * @param options.salt of the sender; undefined: it does not seal
   * @param events.onPackets receives one or more whole packets, and owns them
   * @param events.onDrop receives why a datagram was dropped: `malformed`, `untrusted-source`, `plain`, or as `crypt`
   *   counts
   * @throws {MeanderError} `multicast-refused`, `interface-unknown`, `port-in-use`
   */
  static async open(
    options: GroupLinkOptions & { readonly from: Remote; readonly salt: Uint8Array | undefined },
    events: GroupListenerEvents,
  ): Promise<GroupListener> {
    const { clock, group, log, runtime, port } = options;
    const host = groupBinding(group);
    const socket = await openDatagramSocket({
      ...{ ...runtime, host, port, reuseAddress: true, exclusive: true, clock, log },
    });
    try {
      return new GroupListener(socket, options, events);
    } catch (error) {
      await socket[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Use {@link GroupListener.open}. */
  private constructor(
    socket: DatagramSocket,
    options: GroupLinkOptions & { readonly from: Remote; readonly salt: Uint8Array | undefined },
    { onPackets, onDrop }: GroupListenerEvents,
  ) {
    const { cipher, clock, from, group, port, salt, secret } = options;
    this.#socket = socket;
    this.#from = { host: canonicalHost(from.host), port: from.port };
    this.#opener = salt && new Opener(groupKeys(cipher, secret, salt, PURPOSE), false);
    this.#heardAt = clock.now();
    this.#datagrams = new UdpConnection({
      peer: `${group}, port ${port}`,
      send: () => false,
      onClose() {},
    });
    const parts = composeStack([{ name: "frag", parameters: {} }], this.#datagrams, { clock });
    parts.onPackets(onPackets);
    this.#membership = new GroupMembership({
      sockets: [socket],
      group: { address: group, interface: options.interface },
      clock,
      heardAt: () => this.#heardAt,
    });
    socket.onDatagram((bytes, sender) => {
      const fault = this.#receive(bytes, sender);
      if (fault === undefined) this.#heardAt = clock.now();
      else onDrop(fault);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#membership[Symbol.dispose]();
    this.#datagrams.close();
    await this.#socket[Symbol.asyncDispose]();
  }

  /** Why a datagram is not taken; undefined: it was. */
  #receive(bytes: Uint8Array, { host, port }: Remote): string | undefined {
    if (wholePacketsEnd(bytes) !== bytes.byteLength || bytes.byteLength === 0) return "malformed";
    if (this.#opener === undefined) {
      if (port !== this.#from.port || host !== this.#from.host) return "untrusted-source";
      this.#datagrams.receive(this.#socket.keep(bytes), bytes.byteLength);
      return undefined;
    }
    if (!isSealedPacket(bytes)) return "plain";
    if (sealIdOf(bytes, UNIT_HEAD_BYTES) !== this.#opener.id) return "old-salt";
    const packet = openPacket(this.#opener, bytes);
    if (typeof packet === "string") return packet;
    if (wholePacketsEnd(packet) !== packet.byteLength) return "malformed";
    this.#datagrams.receive(packet, packet.byteLength);
    return undefined;
  }
}
