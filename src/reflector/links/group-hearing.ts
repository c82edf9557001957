import { type Clock, type Log, messageOf } from "../../base/index.ts";
import type { Peer } from "../../channel/index.ts";
import { parametersWithDefaults, parseStack, transportsByName } from "../../stack/index.ts";
import {
  type ControlMessage,
  decodeControl,
  decodeHex,
  KIND,
  kindOf,
  payloadOf,
  splitPackets,
} from "../../wire/index.ts";
import type { GroupSockets } from "./group-sockets.ts";

/** Without a probe for this long, the group is requested again, ms. */
const ASK_MS = 1_000;

type Answer = Extract<ControlMessage, { type: "group" }>;

/** The group of a link, and its state. */
interface WantedGroup {
  readonly group: string;
  readonly port: number;
  readonly ttl: number;
  /** The upstream's answer, and the input that receives from the group. */
  told: string;
  input: { close(): void } | undefined;
  /** When a probe was received, or the group was requested, ms. */
  heardAt: number;
  refusal: string;
}

export interface GroupHearingOptions {
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
  readonly sockets: GroupSockets;
  /** A packet of media from the upstream of a link. */
  onPacket(peer: Peer, packet: Uint8Array): void;
  /** A packet from a group was dropped. */
  onDrop(reason: string): void;
}

/**
 * The receiving half of links by a group: requests it, reports probes, and passes on what the upstream sends to it.
 * [W29]
 */
export class GroupHearing {
  readonly #options: GroupHearingOptions;
  readonly #wanted = new Map<Peer, WantedGroup>();

  constructor(options: GroupHearingOptions) {
    this.#options = options;
  }

  /** A link is up: requests its group, if its stack has one. */
  opened(peer: Peer): void {
    const { name, parameters } = parseStack(peer.connection.stack).transport;
    const spec = transportsByName[name];
    if (name !== "multicast" || spec === undefined || this.#wanted.has(peer)) return;
    const { group, port, ttl } = parametersWithDefaults(spec, parameters);
    const wanted: WantedGroup = {
      group: String(group),
      port: Number(port),
      ttl: Number(ttl),
      told: "",
      input: undefined,
      heardAt: 0,
      refusal: "",
    };
    this.#wanted.set(peer, wanted);
    this.#ask(peer, wanted);
  }

  /** The upstream answered from where it sends, and how it seals. */
  answered(peer: Peer, answer: Answer): void {
    const wanted = this.#wanted.get(peer);
    if (wanted === undefined || answer.group !== wanted.group || answer.port !== wanted.port)
      return;
    const told = `${answer.from.host} ${answer.from.port} ${answer.salt}`;
    if (wanted.told === told) return;
    // The link is private, so an unsealed group is not accepted.
    if (peer.connection.isPrivate === true && answer.salt === "") {
      this.#options.onDrop("plain");
      return;
    }
    wanted.told = told;
    wanted.input?.close();
    wanted.input = undefined;
    this.#listen(peer, wanted, answer);
  }

  refused(peer: Peer, message: string): void {
    const wanted = this.#wanted.get(peer);
    if (wanted === undefined || wanted.refusal === message) return;
    wanted.refusal = message;
    const { group } = wanted;
    const about = { peer: peer.remote?.name, group, reason: message };
    this.#options.log.warn("The upstream of a link cannot send to its group.", about);
  }

  gone(peer: Peer): void {
    const wanted = this.#wanted.get(peer);
    this.#wanted.delete(peer);
    wanted?.input?.close();
  }

  /** Requests groups again from which no probe arrives. */
  tick(): void {
    const now = this.#options.clock.now();
    for (const [peer, wanted] of this.#wanted) {
      if (now - wanted.heardAt >= ASK_MS) this.#ask(peer, wanted);
    }
  }

  /** Requests all groups again, and hears none before it is answered. */
  renew(): void {
    for (const [peer, wanted] of this.#wanted) {
      wanted.input?.close();
      wanted.input = undefined;
      wanted.told = "";
      this.#ask(peer, wanted);
    }
  }

  close(): void {
    for (const peer of [...this.#wanted.keys()]) this.gone(peer);
  }

  #ask(peer: Peer, wanted: WantedGroup): void {
    wanted.heardAt = this.#options.clock.now();
    const { group, port, ttl } = wanted;
    peer.sendControl({ type: "group-wanted", group, port, ttl });
  }

  #listen(peer: Peer, wanted: WantedGroup, { from, salt }: Answer): void {
    const { log, sockets, onDrop } = this.#options;
    const { group, port, told } = wanted;
    const isCurrent = (): boolean => this.#wanted.get(peer) === wanted && wanted.told === told;
    const address = { group, port, from, salt: salt === "" ? undefined : decodeHex(salt) };
    const receive = (bytes: Uint8Array): void => {
      if (isCurrent()) this.#receive(peer, wanted, bytes);
    };
    sockets.openInput({ ...address, towards: peer.connection.peer }, receive, onDrop).then(
      (input) => {
        if (isCurrent()) wanted.input = input;
        else input.close();
      },
      (error: unknown) => {
        if (!isCurrent()) return;
        // The next answer makes another attempt.
        wanted.told = "";
        const message = messageOf(error);
        if (wanted.refusal === message) return;
        wanted.refusal = message;
        log.warn("A site cannot receive from the group of a link.", {
          group,
          port,
          error: message,
        });
      },
    );
  }

  #receive(peer: Peer, wanted: WantedGroup, bytes: Uint8Array): void {
    for (const packet of splitPackets(bytes)) {
      const kind = kindOf(packet);
      if (kind === KIND.rtp || kind === KIND.data) {
        this.#options.onPacket(peer, packet);
        continue;
      }
      const message = kind === KIND.control ? decodeControl(payloadOf(packet)) : "unknown-type";
      if (typeof message === "string" || message.type !== "group-probe") {
        this.#options.onDrop("unwanted");
        continue;
      }
      wanted.heardAt = this.#options.clock.now();
      wanted.refusal = "";
      peer.sendControl({ type: "group-heard", number: message.number });
    }
  }
}
