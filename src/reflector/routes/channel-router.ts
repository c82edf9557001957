import { isDeepStrictEqual } from "node:util";
import {
  type Cancel,
  type Clock,
  LIMITS,
  type Log,
  MeanderError,
  messageOf,
} from "../../base/index.ts";
import {
  type ChannelRecord,
  channelNameSchema,
  defaultRouteConfig,
  type InputConfig,
  type ReshapingConfig,
  type RouteConfig,
} from "../../session/index.ts";
import { type DesiredChannel, desiredChannels, unknownChannels } from "./desired-channels.ts";
import type { RoutedPlane } from "./routed-plane.ts";

/** What a router needs besides the plane. */
export interface ChannelRouterOptions {
  readonly self: string;
  readonly plane: RoutedPlane;
  /** What the directory knows of a channel now. Rejects while the directory is down. */
  lookUp(name: string): Promise<ChannelRecord | undefined>;
  /** Gives a new channel its id. Rejects while the directory is down. */
  allocate(name: string): Promise<ChannelRecord>;
  readonly clock: Clock;
  readonly log: Log;
}

/** The result of applying routes and demand. */
interface Applied {
  /** What the plane refused. */
  readonly refusals: readonly MeanderError[];
  /** For each configured channel without an id: settles when it has one and is open, with what failed. */
  readonly allocations: readonly Promise<readonly MeanderError[]>[];
}

/**
 * Keeps the plane's open channels equal to what configuration, publishers and subscribers ask for. Changes are applied
 * as differences, one at a time; channels that stay the same are not disturbed.
 */
export class ChannelRouter {
  readonly #options: ChannelRouterOptions;
  readonly #wanted = new Set<string>();
  readonly #ingested = new Set<string>();
  readonly #applied = new Map<string, DesiredChannel>();
  /** Configured channels whose ids have been asked for, and what failed then. */
  readonly #allocating = new Map<string, Promise<readonly MeanderError[]>>();
  readonly #lingering = new Map<string, Cancel>();
  readonly #channels = new Map<string, ChannelRecord>();
  #routes: RouteConfig = defaultRouteConfig();
  #limits: { maxSubscribers: number; maxBitsPerSecond: number } | undefined;
  #reshaping: ReshapingConfig | undefined;
  #work: Promise<unknown> = Promise.resolve();

  constructor(options: ChannelRouterOptions) {
    this.#options = options;
    options.plane.onEvent((event) => {
      if (event.type === "channel-wanted") void this.#answer(event.channel);
      if (event.type === "subscriber-left" && this.#wanted.has(event.channel))
        this.#linger(event.channel);
    });
  }

  /** Channels that the session knows. */
  get channels(): readonly ChannelRecord[] {
    return [...this.#channels.values()];
  }

  /** Channels that come, or should come, from other sites, by name. */
  inputs(): ReadonlyMap<string, InputConfig> {
    const entries = [...this.#applied].flatMap(([name, { config }]) =>
      config.input === undefined ? [] : [[name, config.input] as const],
    );
    return new Map(entries);
  }

  /**
   * Settles when the routes are applied: limits are set, and every configured channel has its id and is open.
   *
   * @throws {MeanderError} `config-not-applied`: the first channel for which that failed; the others are as configured
   */
  async setRoutes(routes: RouteConfig): Promise<void> {
    this.#routes = routes;
    const { refusals, allocations } = await this.#apply();
    const [first] = [...refusals, ...(await Promise.all(allocations)).flat()];
    if (first !== undefined) throw first;
  }

  /** Settles when the list is applied. Known channels stay known: a list may be older than a lookup. */
  async setChannels(channels: readonly ChannelRecord[]): Promise<void> {
    for (const channel of channels) this.#channels.set(channel.name, channel);
    await this.#apply();
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

  /** Opens a channel because a viewer or an output wants it; it closes some time after the last of them has left. */
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
    // Viewers may wait for the publisher to return.
    this.#wanted.add(name);
    await this.#apply();
    this.#linger(name);
  }

  /** Cancels all timers. */
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
    // The plane drops the upstream by itself; the channel is closed when it was unused for as long again.
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

  #apply(): Promise<Applied> {
    const applied = this.#work.then(() => this.#applyNow());
    this.#work = applied;
    return applied;
  }

  async #applyNow(): Promise<Applied> {
    const refusals: MeanderError[] = [];
    const attempt = async (where: string, change: () => Promise<void>): Promise<boolean> => {
      const refusal = await this.#attempt(where, change);
      if (refusal !== undefined) refusals.push(refusal);
      return refusal === undefined;
    };
    const { self, plane } = this.#options;
    const facts = {
      self,
      routes: this.#routes,
      channels: this.channels,
      wanted: this.#wanted,
      ingested: this.#ingested,
    };
    const { maxSubscribers, maxBitsPerSecond } = this.#routes;
    const limits = { maxSubscribers, maxBitsPerSecond };
    if (!isDeepStrictEqual(limits, this.#limits)) {
      if (await attempt("the site's limits", () => plane.setLimits(limits))) this.#limits = limits;
    }
    const { reshaping } = this.#routes;
    if (!isDeepStrictEqual(reshaping, this.#reshaping)) {
      const set = (): Promise<void> => plane.setReshaping(reshaping);
      if (await attempt("the site's reshaping", set)) this.#reshaping = reshaping;
    }
    const desired = desiredChannels(facts);
    for (const [name, open] of [...this.#applied]) {
      const wanted = desired.get(name);
      if (wanted?.id === open.id) continue;
      await attempt(`channel ${name}`, () =>
        plane.closeChannel(name, wanted === undefined ? "no longer configured" : "new id"),
      );
      this.#applied.delete(name);
    }
    for (const [name, wanted] of desired) {
      if (isDeepStrictEqual(this.#applied.get(name), wanted)) continue;
      if (await attempt(`channel ${name}`, () => plane.openChannel(wanted)))
        this.#applied.set(name, wanted);
    }
    const allocations = unknownChannels(facts).map((name) => {
      const asked = this.#allocating.get(name) ?? this.#allocate(name);
      this.#allocating.set(name, asked);
      return asked;
    });
    return { refusals, allocations };
  }

  /** Undefined when the plane made the change. */
  async #attempt(where: string, change: () => Promise<void>): Promise<MeanderError | undefined> {
    try {
      await change();
      return undefined;
    } catch (cause) {
      const error = messageOf(cause);
      this.#options.log.error("The plane refused a change.", { where, error });
      return new MeanderError("config-not-applied", error, { where, cause });
    }
  }

  async #allocate(name: string): Promise<readonly MeanderError[]> {
    try {
      const channel = await this.#options.allocate(name);
      this.#channels.set(name, channel);
      return (await this.#apply()).refusals;
    } catch (cause) {
      const error = messageOf(cause);
      // Asked again when the directory reports channels or routes again, which it does after every reconnect.
      this.#options.log.warn("A configured channel has no id yet.", { channel: name, error });
      const what = `it has no id yet: ${error}`;
      return [new MeanderError("config-not-applied", what, { where: `channel ${name}`, cause })];
    } finally {
      this.#allocating.delete(name);
    }
  }
}
