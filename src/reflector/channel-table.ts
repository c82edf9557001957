import { LIMITS, MeanderError } from "../base/index.ts";
import type { Channel } from "./channel/channel.ts";

/** The open channels of a site, by name and by id. */
export class ChannelTable implements Iterable<Channel> {
  readonly #byName = new Map<string, Channel>();
  readonly #byId = new Map<number, Channel>();

  get(name: string): Channel | undefined {
    return this.#byName.get(name);
  }

  byId(id: number): Channel | undefined {
    return this.#byId.get(id);
  }

  /** @throws {MeanderError} `channel-unknown`. @param site for the message */
  require(name: string, site: string): Channel {
    const channel = this.#byName.get(name);
    if (channel !== undefined) return channel;
    throw new MeanderError("channel-unknown", `there is no channel ${name} at ${site}`, {
      next: "publish it, or see `meander channels`",
    });
  }

  /** @throws {MeanderError} `channels-exhausted` when there is no room for another channel */
  checkRoom(name: string): void {
    if (this.#byName.size < LIMITS.channelsMax) return;
    throw new MeanderError("channels-exhausted", `cannot open channel ${name}`, {
      expected: `at most ${LIMITS.channelsMax} channels on a site`,
      next: "close a channel, or add a site",
    });
  }

  add(channel: Channel): void {
    this.#byName.set(channel.name, channel);
    this.#byId.set(channel.id, channel);
  }

  delete(channel: Channel): void {
    this.#byName.delete(channel.name);
    this.#byId.delete(channel.id);
  }

  /** For each packet: a loop over it allocates only the iterator. */
  [Symbol.iterator](): IterableIterator<Channel> {
    return this.#byName.values();
  }
}
