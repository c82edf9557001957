import type { Peer } from "../../channel/index.ts";
import type { ControlMessage } from "../../wire/index.ts";
import type { GroupDelivery } from "../egress/outlet.ts";
import { GroupHearing, type GroupHearingOptions } from "./group-hearing.ts";
import { GroupSending, type GroupSendingOptions } from "./group-sending.ts";

/** Links by multicast groups: their receiving and their sending half. [W29] */
export class LinkGroups {
  readonly #hearing: GroupHearing;
  readonly #sending: GroupSending;

  constructor(options: GroupHearingOptions & GroupSendingOptions) {
    this.#hearing = new GroupHearing(options);
    this.#sending = new GroupSending(options);
  }

  opened(peer: Peer): void {
    if (peer.remote?.role === "site") this.#hearing.opened(peer);
  }

  /** Handles a message about a group. @returns false when it is about something else */
  control(peer: Peer, message: ControlMessage): boolean {
    switch (message.type) {
      case "group-wanted":
        if (peer.remote?.role === "site") this.#sending.wanted(peer, message);
        return true;
      case "group-heard":
        this.#sending.heard(peer, message.number);
        return true;
      case "group":
        this.#hearing.answered(peer, message);
        return true;
      case "group-refused":
        this.#hearing.refused(peer, message.message);
        return true;
      default:
        return false;
    }
  }

  /** How a neighbour is served a channel by its group; undefined: it is not. */
  deliveryOf(peer: Peer, channel: number): GroupDelivery | undefined {
    return this.#sending.deliveryOf(peer, channel);
  }

  gone(peer: Peer): void {
    this.#hearing.gone(peer);
    this.#sending.gone(peer);
  }

  /** The link key is another: groups are made again, and their members served by their connections until then. */
  renew(): void {
    this.#hearing.renew();
    this.#sending.renew();
  }

  tick(): void {
    this.#hearing.tick();
    this.#sending.tick();
  }

  close(): void {
    this.#hearing.close();
    this.#sending.close();
  }
}
