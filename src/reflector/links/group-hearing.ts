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
import type { GroupMeans } from "./group-means.ts";

/** How long no probe may come before the group is asked for, again and again, ms. */
const ASK_MS = 1_000;

type Answer = Extract<ControlMessage, { type: "group" }>;

/** What a link wants of its group, and how far that is. */
interface Wish {
  readonly group: string;
  readonly port: number;
  readonly ttl: number;
  /** What the upstream told, and what hears it. */
  told: string;
  input: { close(): void } | undefined;
  /** When a probe was heard, or the group asked for, ms. */
  heardAt: number;
  refusal: string;
}

export interface GroupHearingOptions {
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
  readonly means: GroupMeans;
  /** A packet of media from the upstream of a link. */
  onPacket(peer: Peer, packet: Uint8Array): void;
  /** Something from a group was not taken. */
  onDrop(reason: string): void;
}

/** The hearing half of links by a group: asks for it, says which probes come, and hands on what its upstream sends there. [W29] */
export class GroupHearing {
  readonly #options: GroupHearingOptions;
  readonly #wishes = new Map<Peer, Wish>();

  constructor(options: GroupHearingOptions) {
    this.#options = options;
  }

  /** A link is up: asks for its group, if its stack has one. */
  opened(peer: Peer): void {
    const { name, parameters } = parseStack(peer.connection.stack).transport;
    const spec = transportsByName[name];
    if (name !== "multicast" || spec === undefined || this.#wishes.has(peer)) return;
    const { group, port, ttl } = parametersWithDefaults(spec, parameters);
    const wish: Wish = {
      group: String(group),
      port: Number(port),
      ttl: Number(ttl),
      told: "",
      input: undefined,
      heardAt: 0,
      refusal: "",
    };
    this.#wishes.set(peer, wish);
    this.#ask(peer, wish);
  }

  /** The upstream says from where it sends, and how it seals. */
  answered(peer: Peer, answer: Answer): void {
    const wish = this.#wishes.get(peer);
    if (wish === undefined || answer.group !== wish.group || answer.port !== wish.port) return;
    const told = `${answer.from.host} ${answer.from.port} ${answer.salt}`;
    if (wish.told === told) return;
    // What is private by its own connection is not taken from anyone.
    if (peer.connection.isPrivate === true && answer.salt === "") {
      this.#options.onDrop("plain");
      return;
    }
    wish.told = told;
    wish.input?.close();
    wish.input = undefined;
    this.#listen(peer, wish, answer);
  }

  refused(peer: Peer, message: string): void {
    const wish = this.#wishes.get(peer);
    if (wish === undefined || wish.refusal === message) return;
    wish.refusal = message;
    const { group } = wish;
    const about = { peer: peer.remote?.name, group, reason: message };
    this.#options.log.warn("The upstream of a link cannot send to its group.", about);
  }

  gone(peer: Peer): void {
    const wish = this.#wishes.get(peer);
    this.#wishes.delete(peer);
    wish?.input?.close();
  }

  /** Asks again where nothing is heard. */
  tick(): void {
    const now = this.#options.clock.now();
    for (const [peer, wish] of this.#wishes) {
      if (now - wish.heardAt >= ASK_MS) this.#ask(peer, wish);
    }
  }

  close(): void {
    for (const peer of [...this.#wishes.keys()]) this.gone(peer);
  }

  #ask(peer: Peer, wish: Wish): void {
    wish.heardAt = this.#options.clock.now();
    const { group, port, ttl } = wish;
    peer.sendControl({ type: "group-wanted", group, port, ttl });
  }

  #listen(peer: Peer, wish: Wish, { from, salt }: Answer): void {
    const { log, means, onDrop } = this.#options;
    const { group, port, told } = wish;
    const isCurrent = (): boolean => this.#wishes.get(peer) === wish && wish.told === told;
    const address = { group, port, from, salt: salt === "" ? undefined : decodeHex(salt) };
    const take = (bytes: Uint8Array): void => {
      if (isCurrent()) this.#take(peer, wish, bytes);
    };
    means.openInput({ ...address, towards: peer.connection.peer }, take, onDrop).then(
      (input) => {
        if (isCurrent()) wish.input = input;
        else input.close();
      },
      (error: unknown) => {
        if (!isCurrent()) return;
        // The next answer is a new attempt.
        wish.told = "";
        const message = messageOf(error);
        if (wish.refusal === message) return;
        wish.refusal = message;
        log.warn("The group of a link cannot be heard.", { group, port, error: message });
      },
    );
  }

  #take(peer: Peer, wish: Wish, bytes: Uint8Array): void {
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
      wish.heardAt = this.#options.clock.now();
      wish.refusal = "";
      peer.sendControl({ type: "group-heard", number: message.number });
    }
  }
}
