import { type Clock, type Counters, MeanderError } from "../base/index.ts";
import type { Peer, Refusal } from "../channel/index.ts";
import type { ControlMessage } from "../wire/index.ts";
import type { Admission } from "./admission.ts";
import type { Channel } from "./channel/channel.ts";
import type { ChannelTable } from "./channel-table.ts";
import { type GroupDelivery, type Outlet, PeerOutlet, SinkOutlet } from "./egress/outlet.ts";
import type { PacketSink } from "./egress/packet-sink.ts";
import type { Subscriber } from "./egress/subscriber.ts";
import type { PlaneEvent } from "./events.ts";
import { RequestOrder } from "./request-order.ts";
import type { ViewerAdmission } from "./viewer-admission.ts";

type Subscribe = Extract<ControlMessage, { type: "subscribe" }>;

/** Requests that wait for their channel to be opened. */
const PENDING_MAX = 1_000;

/** What {@link Subscriptions} work with. */
export interface SubscriptionsOptions {
  readonly clock: Clock;
  readonly admission: Admission;
  readonly channels: ChannelTable;
  readonly drops: Counters;
  /** Absent: every viewer may watch every channel. */
  readonly viewers: ViewerAdmission | undefined;
  /** How a neighbour is served a channel by its group; undefined: by its own connection. */
  groupOf(peer: Peer, channel: number): GroupDelivery | undefined;
  onEvent(event: PlaneEvent): void;
}

/** Who subscribes to what at a site: neighbours and viewers by their connections, outputs as sinks. */
export class Subscriptions {
  readonly #options: SubscriptionsOptions;
  /** Subscribers of each peer, by channel id. */
  readonly #ofPeer = new Map<Peer, Map<number, Subscriber>>();
  /** Channels of the sinks, by subscriber id. */
  readonly #ofSink = new Map<number, Channel>();
  readonly #order: RequestOrder;
  #pending: { readonly peer: Peer; readonly message: Subscribe }[] = [];
  #nextId = 1;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
    this.#order = new RequestOrder(options.clock);
  }

  find(peer: Peer, channel: number): Subscriber | undefined {
    return this.#ofPeer.get(peer)?.get(channel);
  }

  /** A peer was admitted. */
  opened(peer: Peer): void {
    this.#ofPeer.set(peer, new Map());
  }

  /** A peer is gone. @returns false when it had never been admitted */
  closed(peer: Peer, reason: string): boolean {
    for (const [id, subscriber] of this.#ofPeer.get(peer) ?? []) {
      const channel = this.#options.channels.byId(id);
      if (channel !== undefined) this.#part(channel, subscriber, reason);
    }
    this.#pending = this.#pending.filter((each) => each.peer !== peer);
    this.#order.forget(peer);
    return this.#ofPeer.delete(peer);
  }

  /** Handles a request: answers it now, or when the channel is open, or when the viewer's right is known. */
  subscribe(peer: Peer, message: Subscribe): void {
    const { admission, channels, drops, groupOf, viewers } = this.#options;
    if (peer.remote?.role === "viewer" && viewers?.admits(peer, message) === false) return;
    const channel = channels.get(message.channel);
    if (channel === undefined) {
      this.#await(peer, message);
      return;
    }
    const subscribers = this.#ofPeer.get(peer);
    if (subscribers === undefined) return;
    const { request, forward, resume } = message;
    const { id, name } = channel;
    if (this.#order.isLate(peer, id, request)) {
      drops.add("request-late");
      return;
    }
    const subscriber = subscribers.get(id);
    // It had the channel from another site, and lost that.
    const isOrphan = peer.remote?.role === "site" && forward && resume.length > 0;
    const isNew = subscriber?.request !== request;
    const busy = isOrphan && isNew ? admission.refuseOrphan() : undefined;
    if (busy !== undefined) {
      drops.add("site-busy");
      peer.sendControl({ type: "refused", request, ...busy });
      return;
    }
    if (subscriber !== undefined) {
      peer.sendControl({ type: "subscribed", request, channel: name, id, forward });
      change(channel, subscriber, message);
      return;
    }
    const refusal = admission.refuseSubscriber(channel);
    if (refusal !== undefined) {
      drops.add("admission-refused");
      peer.sendControl({ type: "refused", request, ...refusal });
      return;
    }
    peer.sendControl({ type: "subscribed", request, channel: name, id, forward });
    const outlet = new PeerOutlet(peer);
    outlet.serveBy(groupOf(peer, id));
    const joined = this.#join(channel, outlet, forward, resume);
    joined.request = request;
    subscribers.set(id, joined);
  }

  /** Stops forwarding to all peers at once. */
  restAll(): void {
    for (const subscribers of this.#ofPeer.values()) {
      for (const [id, subscriber] of subscribers) {
        if (subscriber.state !== "standby") this.#options.channels.byId(id)?.rest(subscriber);
      }
    }
  }

  /** Ends a subscription. @param request number of the request for that */
  unsubscribe(peer: Peer, id: number, request: number): void {
    const channel = this.#options.channels.byId(id);
    const subscriber = this.find(peer, id);
    if (subscriber !== undefined && this.#order.isLate(peer, id, request)) {
      this.#options.drops.add("request-late");
      return;
    }
    this.#ofPeer.get(peer)?.delete(id);
    if (channel === undefined || subscriber === undefined) return;
    this.#part(channel, subscriber, "left");
    this.#options.viewers?.left(peer, channel.name);
  }

  /** A neighbour is served by its group from now on or, from what was sent `since` (ms) on, by its own connection. */
  serve(peer: Peer, since: number | undefined): void {
    const { channels, groupOf } = this.#options;
    for (const [id, subscriber] of this.#ofPeer.get(peer) ?? []) {
      const { outlet } = subscriber;
      if (!(outlet instanceof PeerOutlet)) continue;
      channels.byId(id)?.serve(subscriber, outlet, groupOf(peer, id), since ?? 0);
    }
  }

  /** Whether a peer receives something that it could receive elsewhere: what is ingested here has no other origin. */
  isServed(peer: Peer): boolean {
    for (const [id, { state }] of this.#ofPeer.get(peer) ?? []) {
      if (state !== "standby" && this.#options.channels.byId(id)?.ingested === false) return true;
    }
    return false;
  }

  /** @throws {MeanderError} `admission-refused`, `site-leaving`. @returns its number, for `removeSink` */
  addSink(
    channel: Channel,
    about: { readonly name: string; readonly address: string },
    sink: PacketSink,
  ): number {
    const refusal = this.#options.admission.refuseSubscriber(channel);
    if (refusal !== undefined) throw new MeanderError(refusal.code, refusal.message);
    const { id } = this.#join(channel, new SinkOutlet(sink, about), true, []);
    this.#ofSink.set(id, channel);
    return id;
  }

  removeSink(id: number): void {
    const channel = this.#ofSink.get(id);
    const subscriber = channel?.subscribers.get(id);
    this.#ofSink.delete(id);
    if (channel === undefined || subscriber === undefined) return;
    this.#part(channel, subscriber, "removed");
    subscriber.outlet.close("done", "the output was removed");
  }

  /** A channel was opened: answers the requests that wait for it. */
  channelOpened(name: string): void {
    for (const { peer, message } of this.#removePending(name)) this.subscribe(peer, message);
  }

  /** A channel cannot be opened: refuses the requests that wait for it. */
  channelRefused(name: string, refusal: Refusal): void {
    for (const { peer, message } of this.#removePending(name)) {
      peer.sendControl({ type: "refused", request: message.request, ...refusal });
    }
  }

  /** A channel was closed, and its subscribers with it. */
  channelClosed(channel: Channel): void {
    for (const subscribers of this.#ofPeer.values()) subscribers.delete(channel.id);
    this.#order.closed(channel.id);
    for (const [id, each] of this.#ofSink) if (each === channel) this.#ofSink.delete(id);
  }

  #removePending(channel: string): readonly { readonly peer: Peer; readonly message: Subscribe }[] {
    const waiting = this.#pending.filter(({ message }) => message.channel === channel);
    this.#pending = this.#pending.filter(({ message }) => message.channel !== channel);
    return waiting;
  }

  #await(peer: Peer, message: Subscribe): void {
    const { drops, onEvent } = this.#options;
    const { channel } = message;
    const known = this.#pending.find(
      (each) => each.peer === peer && each.message.channel === channel,
    );
    if (known !== undefined) this.#pending = this.#pending.filter((each) => each !== known);
    else if (this.#pending.length >= PENDING_MAX) {
      drops.add("admission-refused");
      return;
    } else onEvent({ type: "channel-wanted", channel });
    this.#pending.push({ peer, message });
  }

  #join(
    channel: Channel,
    outlet: Outlet,
    forward: boolean,
    resume: Subscribe["resume"],
  ): Subscriber {
    const subscriber = channel.subscribe(this.#nextId++, outlet, forward, resume);
    const { name } = outlet;
    this.#options.onEvent({ type: "subscriber-joined", channel: channel.name, name });
    return subscriber;
  }

  #part(channel: Channel, subscriber: Subscriber, reason: string): void {
    channel.unsubscribe(subscriber);
    const { name } = subscriber.outlet;
    this.#options.onEvent({ type: "subscriber-left", channel: channel.name, name, reason });
  }
}

/** Starts or rests a subscriber as a request says. A repeated request, whose answer was lost, changes nothing. */
function change(channel: Channel, subscriber: Subscriber, message: Subscribe): void {
  const { forward, request, resume } = message;
  if (subscriber.request === request) return;
  subscriber.request = request;
  if (forward) channel.activate(subscriber, resume);
  else if (subscriber.state !== "standby") channel.rest(subscriber);
}
