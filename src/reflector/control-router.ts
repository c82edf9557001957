import type { Counters } from "../base/index.ts";
import type { Peer } from "../channel/index.ts";
import { type ControlMessage, channelOf, KIND, kindOf } from "../wire/index.ts";
import type { ChannelTable } from "./channel-table.ts";
import type { ChannelStacks } from "./links/channel-stacks.ts";
import type { LinkGroups } from "./links/link-groups.ts";
import type { Links } from "./links/links.ts";
import type { Reshaper } from "./reshaping/reshaper.ts";
import type { SiteRooms } from "./site-rooms.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** What a {@link ControlRouter} works with. */
export interface ControlRouterOptions {
  readonly channels: ChannelTable;
  readonly links: Links;
  readonly stacks: ChannelStacks;
  readonly subscriptions: Subscriptions;
  readonly reshaper: Reshaper;
  readonly rooms: Pick<SiteRooms, "told">;
  /** Absent: links by groups are not possible. */
  readonly groups: LinkGroups | undefined;
  /** Counts what belongs to no channel: `channel-unknown`, `untrusted-source`. */
  readonly drops: Counters;
}

/**
 * Brings what peers send to where it is handled: packets and in-band messages to receivers, requests to subscriptions.
 */
export class ControlRouter {
  readonly #options: ControlRouterOptions;

  constructor(options: ControlRouterOptions) {
    this.#options = options;
  }

  /** An rtp or data packet. Only the neighbour that serves the link may bring packets of a channel. */
  packet(peer: Peer, packet: Uint8Array): void {
    const { channels, drops, links } = this.#options;
    const channel = channels.byId(channelOf(packet));
    if (channel === undefined) {
      drops.add("channel-unknown");
      return;
    }
    const name = peer.remote?.name ?? "";
    if (peer.remote?.role !== "site" || links.find(name, peer.connection.stack) !== peer) {
      channel.drops.add("untrusted-source");
      return;
    }
    channel.receiver.packet(name, packet, kindOf(packet) === KIND.rtp);
  }

  /** A control message. @param packet the whole packet, for passing on */
  control(peer: Peer, message: ControlMessage, packet: Uint8Array): void {
    const { channels, drops, groups, links, reshaper, rooms, stacks, subscriptions } =
      this.#options;
    switch (message.type) {
      case "subscribe":
        subscriptions.subscribe(peer, message);
        return;
      case "unsubscribe":
        subscriptions.unsubscribe(peer, message.id, message.request);
        peer.sendControl({ type: "unsubscribed", request: message.request, id: message.id });
        return;
      case "ack":
        // From a viewer: what it consumed. From an upstream: what it sent.
        if (peer.remote?.role === "viewer") {
          subscriptions.find(peer, channelOf(packet))?.acknowledge(message.points);
        } else this.#fromUpstream(peer, message, packet);
        return;
      case "repair": {
        const id = channelOf(packet);
        const subscriber = subscriptions.find(peer, id);
        if (subscriber === undefined) return;
        channels.byId(id)?.repair(subscriber, message.point, message.bitmap);
        return;
      }
      case "subscribed": {
        const name = peer.remote?.name ?? "";
        channels.get(message.channel)?.receiver.control(name, message, packet);
        return;
      }
      case "refused": {
        // Requests are numbered per receiver; only the receiver that asked this peer knows the number.
        const name = peer.remote?.name ?? "";
        for (const channel of channels) {
          if (stacks.to(channel.name, name) !== peer.connection.stack) continue;
          channel.receiver.control(name, message, packet);
        }
        return;
      }
      case "leaving":
      case "started":
        if (peer.remote?.role !== "site") {
          drops.add("untrusted-source");
          return;
        }
        reshaper.told(peer, message.channels ?? [], message.type === "leaving");
        if (message.type === "leaving") links.leaving(peer, message.message);
        else if (message.room !== undefined) rooms.told(peer.remote.name, message.room);
        return;
      default:
        if (groups?.control(peer, message) === true) return;
        this.#fromUpstream(peer, message, packet);
    }
  }

  /** In-band messages are accepted only from the neighbour that serves the channel's link. */
  #fromUpstream(peer: Peer, message: ControlMessage, packet: Uint8Array): void {
    const { channels, drops, links, stacks } = this.#options;
    if (peer.remote?.role !== "site") {
      drops.add("untrusted-source");
      return;
    }
    const channel = channels.byId(channelOf(packet));
    if (channel === undefined) return;
    const { name } = peer.remote;
    if (links.find(name, peer.connection.stack) !== peer) return;
    if (stacks.to(channel.name, name) !== peer.connection.stack) return;
    channel.receiver.control(name, message, packet);
  }
}
