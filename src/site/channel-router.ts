import { isDeepStrictEqual } from "node:util";
import { type Cancel, type Clock, LIMITS, type Log, messageOf } from "../base/index.ts";
import {
  type ChannelRecord,
  channelNameSchema,
  defaultRouteConfig,
  type RouteConfig,
} from "../session/index.ts";
import { type DesiredChannel, desiredChannels, unknownChannels } from "./desired-channels.ts";
import type { PlaneControl } from "./plane-control.ts";

/** What a router needs besides the plane. */
export interface ChannelRouterOptions {
  readonly self: string;
  readonly plane: PlaneControl;
  /** What the directory knows of a channel now. Rejects while the directory is down. */
  lookUp(name: string): Promise<ChannelRecord | undefined>;
  /** Gives a new channel its id. Rejects while the directory is down. */
  allocate(name: string): Promise<ChannelRecord>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Keeps the plane's open channels equal to what configuration, publishers and subscribers ask for. Changes are applied as
 * differences, one after the other; what stays the same is not touched.
 */
export class ChannelRouter {
  readonly #options: ChannelRouterOptions;
  readonly #wanted = new Set<string>();
  readonly #ingested = new Set<string>();
  readonly #applied = new Map<string, DesiredChannel>();
  readonly #allocating = new Set<string>();
  readonly #lingering = new Map<string, Cancel>();
  readonly #channels = new Map<string, ChannelRecord>();
  #routes: RouteConfig = defaultRouteConfig();
  #limits: { maxSubscribers: number; maxBitsPerSecond: number } | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(options: ChannelRouterOptions) {
    this.#options = options;
    options.plane.onEvent((event) => {
      if (event.type === "channel-wanted") void this.#answer(event.channel);
      if (event.type === "subscriber-left" && this.#wanted.has(event.channel))
        this.#linger(event.channel);
    });
  }

  get routes(): RouteConfig {
    return this.#routes;
  }

  /** Channels that the session knows. */
  get channels(): readonly ChannelRecord[] {
    return [...this.#channels.values()];
  }

  /** Settles when the routes are applied. */
  setRoutes(routes: RouteConfig): Promise<void> {
    this.#routes = routes;
    return this.#apply();
  }

  /** Settles when the list is applied. Channels once known stay known: a list may be older than what was looked up. */
  setChannels(channels: readonly ChannelRecord[]): Promise<void> {
    for (const channel of channels) this.#channels.set(channel.name, channel);
    return this.#apply();
  }

  /** A channel as the session knows it; asks the directory when it is new. */
  async find(name: string): Promise<ChannelRecord | undefined> {
    if (!channelNameSchema.safeParse(name).success) return undefined;
    const known = this.#channels.get(name);
    if (known !== undefined) return known;
    const found = await this.#options.lookUp(name).catch(() => undefined);
    if (found !== undefined) this.#channels.set(name, found);
    return found;
  }

  /** Opens a channel because somebody here wants it; it closes some time after the last one has left. */
  async want(name: string): Promise<ChannelRecord | undefined> {
    const channel = await this.find(name);
    if (channel === undefined) return undefined;
    this.#wanted.add(name);
    await this.#apply();
    this.#linger(name);
    return channel;
  }

  /** Opens a channel because it is ingested here. */
  async addIngest(channel: ChannelRecord): Promise<void> {
    this.#channels.set(channel.name, channel);
    this.#ingested.add(channel.name);
    await this.#apply();
  }

  /** The last ingest of the channel here has ended. */
  async removeIngest(name: string): Promise<void> {
    if (!this.#ingested.delete(name)) return;
    // Who watches may wait for the publisher to come back.
    this.#wanted.add(name);
    await this.#apply();
    this.#linger(name);
  }

  /** Stops waiting for anything. */
  close(): void {
    for (const cancel of this.#lingering.values()) cancel();
    this.#lingering.clear();
  }

  async #answer(name: string): Promise<void> {
    if ((await this.want(name)) !== undefined) return;
    const message = `no channel of the session is called ${JSON.stringify(name)}`;
    await this.#options.plane.refuseChannel(name, "channel-unknown", message);
  }

  #linger(name: string): void {
    this.#lingering.get(name)?.();
    // The plane lets go of the upstream by itself; the channel goes when nothing has used it for as long again.
    const cancel = this.#options.clock.after(
      `linger ${name}`,
      2 * LIMITS.lingerMs,
      () => void this.#closeUnused(name),
    );
    this.#lingering.set(name, cancel);
  }

  async #closeUnused(name: string): Promise<void> {
    this.#lingering.delete(name);
    if (!this.#wanted.has(name)) return;
    try {
      const { channels } = await this.#options.plane.snapshot();
      const used = channels.some(
        (channel) => channel.name === name && channel.subscribers.length > 0,
      );
      if (used || !this.#wanted.delete(name)) return;
      await this.#apply();
    } catch (error) {
      this.#options.log.debug("An unused channel stayed open.", {
        channel: name,
        error: messageOf(error),
      });
    }
  }

  #apply(): Promise<void> {
    this.#work = this.#work.then(() => this.#applyNow());
    return this.#work;
  }

  async #applyNow(): Promise<void> {
    const { self, plane } = this.#options;
    const facts = {
      self,
      routes: this.#routes,
      channels: this.channels,
      wanted: this.#wanted,
      ingested: this.#ingested,
    };
    await this.#applyLimits();
    const desired = desiredChannels(facts);
    for (const [name, open] of [...this.#applied]) {
      const wanted = desired.get(name);
      if (wanted?.id === open.id) continue;
      await this.#attempt(name, () =>
        plane.closeChannel(name, wanted === undefined ? "no longer configured" : "new id"),
      );
      this.#applied.delete(name);
    }
    for (const [name, wanted] of desired) {
      if (isDeepStrictEqual(this.#applied.get(name), wanted)) continue;
      if (await this.#attempt(name, () => plane.openChannel(wanted)))
        this.#applied.set(name, wanted);
    }
    for (const name of unknownChannels(facts)) void this.#allocate(name);
  }

  async #applyLimits(): Promise<void> {
    const { maxSubscribers, maxBitsPerSecond } = this.#routes;
    const limits = { maxSubscribers, maxBitsPerSecond };
    if (isDeepStrictEqual(limits, this.#limits)) return;
    if (await this.#attempt("", () => this.#options.plane.setLimits(limits))) this.#limits = limits;
  }

  async #attempt(channel: string, change: () => Promise<void>): Promise<boolean> {
    try {
      await change();
      return true;
    } catch (error) {
      this.#options.log.error("The plane refused a change.", { channel, error: messageOf(error) });
      return false;
    }
  }

  async #allocate(name: string): Promise<void> {
    if (this.#allocating.has(name)) return;
    this.#allocating.add(name);
    try {
      const channel = await this.#options.allocate(name);
      this.#channels.set(name, channel);
      void this.#apply();
    } catch (error) {
      // Asked again when the directory tells of channels or routes anew, which it does on every reconnect.
      this.#options.log.warn("A configured channel has no id yet.", {
        channel: name,
        error: messageOf(error),
      });
    } finally {
      this.#allocating.delete(name);
    }
  }
}
