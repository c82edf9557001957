import { type Clock, LIMITS, type Log, MeanderError, SystemRandom } from "../../base/index.ts";
import type { ChannelSnapshot } from "../../client/contract/index.ts";
import {
  ChannelInputs,
  type IngestDoorPorts,
  type OpenIngest,
  type OpenSocket,
  openIngest,
  PastInputs,
  SourceGenerations,
} from "../../media/index.ts";
import type { Reflector } from "../../reflector/index.ts";
import { type ChannelConfig, defaultChannelConfig } from "../../session/index.ts";
import type { IngestOptions, IngestPorts, PlaneEvent } from "../plane-control.ts";

/** What {@link PlaneIngests} work with. */
export interface PlaneIngestsOptions {
  readonly reflector: Reflector;
  readonly clock: Clock;
  readonly log: Log;
  readonly openSocket: OpenSocket;
  onEvent(event: PlaneEvent): void;
}

/** What is open at one channel. */
interface ChannelIngests {
  readonly inputs: ChannelInputs;
  /** By the input's name. */
  readonly open: Map<string, OpenIngest>;
}

/**
 * What is kept of a channel for as long as the site runs: other sites and viewers remember its sources when its inputs,
 * or the channel itself, have been closed and opened again, and counts go on.
 */
interface ChannelMemory {
  readonly generations: SourceGenerations;
  readonly past: PastInputs;
}

/** The inputs of all channels of a plane. */
export class PlaneIngests implements AsyncDisposable {
  readonly #options: PlaneIngestsOptions;
  readonly #doorPorts: IngestDoorPorts;
  readonly #channels = new Map<string, ChannelIngests>();
  readonly #configs = new Map<string, ChannelConfig>();
  readonly #memories = new Map<string, ChannelMemory>();

  constructor(options: PlaneIngestsOptions) {
    this.#options = options;
    this.#doorPorts = { ...options, random: new SystemRandom() };
  }

  /** New settings of a channel, for the inputs that are open and those to come. */
  configure(channel: string, config: ChannelConfig): void {
    this.#configs.set(channel, config);
    const inputs = this.#channels.get(channel)?.inputs;
    if (inputs === undefined) return;
    inputs.silenceMs = config.silenceMs;
    inputs.maxPublishers = config.maxPublishers;
  }

  /** See `PlaneControl.openIngest`. */
  async open(options: IngestOptions): Promise<IngestPorts> {
    const { channel, input } = options;
    const ingests = this.#channels.get(channel) ?? this.#add(channel);
    try {
      const open = await openIngest(options, ingests.inputs, this.#doorPorts);
      ingests.open.set(input, open);
      return open.ports;
    } finally {
      this.#forgetIfEmpty(channel, ingests);
    }
  }

  /** Ends an input. @throws {MeanderError} `input-unknown` */
  async close(channel: string, input: string, reason = "unpublished"): Promise<void> {
    const ingests = this.#channels.get(channel);
    const open = ingests?.open.get(input);
    if (ingests === undefined || open === undefined) {
      throw new MeanderError("input-unknown", "there is no such input", {
        where: `input ${input} of channel ${channel}`,
      });
    }
    ingests.open.delete(input);
    await open.close(reason);
    this.#forgetIfEmpty(channel, ingests);
  }

  /** Ends all inputs of a channel that closes. */
  async closeChannel(channel: string): Promise<void> {
    this.#configs.delete(channel);
    const ingests = this.#channels.get(channel);
    if (ingests === undefined) return;
    this.#channels.delete(channel);
    await Promise.all([...ingests.open.values()].map((open) => open.close("channel closed")));
    ingests.inputs.close("channel closed");
  }

  /**
   * Publishes one message.
   *
   * @throws {MeanderError} `input-unknown` when the channel takes no messages here, `message-too-large`,
   *   `content-type-invalid`
   */
  publishData(channel: string, contentType: string, bytes: Uint8Array): void {
    for (const open of this.#channels.get(channel)?.open.values() ?? []) {
      if (open.publishMessage === undefined) continue;
      open.publishMessage(contentType, bytes);
      return;
    }
    throw new MeanderError("input-unknown", "the channel takes no messages at this site", {
      where: `channel ${channel}`,
      next: `open it with PUT /channels/${channel}?kind=data`,
    });
  }

  /** The snapshot of a channel with its inputs from outside. */
  describe(channel: ChannelSnapshot): ChannelSnapshot {
    const open = this.#channels.get(channel.name)?.inputs.snapshot() ?? [];
    const ended = this.#memories.get(channel.name)?.past.snapshot() ?? [];
    if (open.length + ended.length === 0) return channel;
    const { inputs = [], subscribers = [] } = channel.past ?? {};
    return {
      ...channel,
      inputs: [...open, ...channel.inputs],
      past: { inputs: [...ended, ...inputs], subscribers },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const channel of [...this.#channels.keys()]) await this.closeChannel(channel);
  }

  #add(channel: string): ChannelIngests {
    const { reflector, clock, log, onEvent } = this.#options;
    const { silenceMs, maxPublishers } = this.#configs.get(channel) ?? defaultChannelConfig();
    const { generations, past } = this.#memoryOf(channel);
    const inputs = new ChannelInputs({
      channel,
      openPublisher: () => reflector.openPublisher(channel),
      silenceMs,
      maxPublishers,
      generations,
      clock,
      log,
      onEvent,
      onEnded: (last) => past.add(last),
    });
    const ingests = { inputs, open: new Map<string, OpenIngest>() };
    this.#channels.set(channel, ingests);
    return ingests;
  }

  #memoryOf(channel: string): ChannelMemory {
    const memory = this.#memories.get(channel) ?? {
      generations: new SourceGenerations(),
      past: new PastInputs(),
    };
    this.#memories.delete(channel);
    this.#memories.set(channel, memory);
    const [oldest] = this.#memories.keys();
    if (this.#memories.size > LIMITS.channelsMax && oldest !== undefined) {
      this.#memories.delete(oldest);
    }
    return memory;
  }

  #forgetIfEmpty(channel: string, ingests: ChannelIngests): void {
    if (ingests.inputs.isEmpty && this.#channels.get(channel) === ingests) {
      this.#channels.delete(channel);
    }
  }
}
