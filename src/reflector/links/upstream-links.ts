import type { Peer } from "../../channel/index.ts";
import type { Channel } from "../channel/channel.ts";
import type { Neighbour } from "../events.ts";
import type { ChannelStacks } from "./channel-stacks.ts";
import type { LinkChange, Links } from "./links.ts";

/** Keeps the links open that the channels' upstreams need, and tells the channels what happens to them. */
export class UpstreamLinks {
  readonly #channels: Iterable<Channel>;
  readonly #links: Links;
  readonly #stacks: ChannelStacks;

  constructor(channels: Iterable<Channel>, links: Links, stacks: ChannelStacks) {
    this.#channels = channels;
    this.#links = links;
    this.#stacks = stacks;
  }

  /** Sets how other sites are reached. Links whose stack changes with that are opened again. */
  setNeighbours(neighbours: readonly Neighbour[]): void {
    const upstreams = [...this.#channels].flatMap((channel) =>
      channel.receiver.alternatives.map(({ name }) => {
        return { channel, name, stack: this.#stacks.to(channel.name, name) };
      }),
    );
    const used = new Set(upstreams.map(({ name }) => name));
    this.#stacks.setNeighbours(neighbours, (site) => used.has(site));
    this.#links.setNeighbours(neighbours);
    const moved = upstreams.filter(
      ({ channel, name, stack }) => this.#stacks.to(channel.name, name) !== stack,
    );
    if (moved.length === 0) return;
    for (const { channel, name } of moved) channel.receiver.peerDown(name, "its address changed");
    this.need();
    for (const { channel, name } of moved) this.#join(channel, name);
  }

  /** Sets the upstreams of a channel, best first. */
  setUpstreams(channel: Channel, upstreams: readonly string[]): void {
    channel.receiver.setAlternatives(upstreams);
    this.need();
    for (const site of upstreams) this.#join(channel, site);
  }

  /** Sets the sites besides its route that a channel may be received from, best first. */
  setLearned(channel: Channel, sites: readonly string[]): void {
    const before = channel.receiver.alternatives.map(({ name }) => name).join(" ");
    channel.receiver.setLearned(sites);
    if (channel.receiver.alternatives.map(({ name }) => name).join(" ") === before) return;
    this.need();
    for (const site of sites) this.#join(channel, site);
  }

  /** Opens the links that are needed, and closes those that are not needed any more. */
  need(): void {
    const needed = [...this.#channels].flatMap((channel) =>
      channel.receiver.alternatives.map(({ name }) => ({
        name,
        stack: this.#stacks.to(channel.name, name),
      })),
    );
    this.#links.need(needed);
  }

  /** Something happened to a link. */
  changed(name: string, stack: string, change: LinkChange, peer: Peer, reason: string): void {
    for (const { name: channel, receiver } of this.#channels) {
      if (this.#stacks.to(channel, name) !== stack) continue;
      if (change === "up") receiver.peerUp(name, peer);
      else if (change === "down") receiver.peerDown(name, reason);
      else if (change === "suspected") receiver.peerSuspected(name);
      else if (change === "leaving") receiver.peerLeaving(name);
      else receiver.peerTrusted(name);
    }
  }

  /** Tells a channel of a link that is up already. */
  #join(channel: Channel, site: string): void {
    const peer = this.#links.find(site, this.#stacks.to(channel.name, site));
    const known = channel.receiver.alternatives.find((each) => each.name === site);
    if (peer !== undefined && known?.state === "down") channel.receiver.peerUp(site, peer);
  }
}
