import { type Clock, LIMITS, type Log, MeanderError, SystemRandom } from "../../base/index.ts";
import type { ChannelSnapshot } from "../../client/contract/index.ts";
import {
  ChannelInputs,
  type IngestDoorPorts,
  type OpenIngest,
  type OpenSocket,
  openIngest,
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

/** The inputs of all channels of a plane. */
export class PlaneIngests implements AsyncDisposable {
  readonly #options: PlaneIngestsOptions;
  readonly #doorPorts: IngestDoorPorts;
  readonly #channels = new Map<string, ChannelIngests>();
  readonly #configs = new Map<string, ChannelConfig>();
  /**
   * By channel, for as long as the site runs: other sites and viewers remember its sources when its inputs, or the
   * channel itself, have been closed and opened again.
   */
  readonly #generations = new Map<string, SourceGenerations>();

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
    const ingests = this.#channels.get(channel.name);
    if (ingests === undefined) return channel;
    return { ...channel, inputs: [...ingests.inputs.snapshot(), ...channel.inputs] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const channel of [...this.#channels.keys()]) await this.closeChannel(channel);
  }

  #add(channel: string): ChannelIngests {
    const { reflector, clock, log, onEvent } = this.#options;
    const { silenceMs, maxPublishers } = this.#configs.get(channel) ?? defaultChannelConfig();
    const inputs = new ChannelInputs({
      channel,
      openPublisher: () => reflector.openPublisher(channel),
      silenceMs,
      maxPublishers,
      generations: this.#generationsOf(channel),
      clock,
      log,
      onEvent,
    });
    const ingests = { inputs, open: new Map<string, OpenIngest>() };
    this.#channels.set(channel, ingests);
    return ingests;
  }

  #generationsOf(channel: string): SourceGenerations {
    const generations = this.#generations.get(channel) ?? new SourceGenerations();
    this.#generations.delete(channel);
    this.#generations.set(channel, generations);
    const [oldest] = this.#generations.keys();
    if (this.#generations.size > LIMITS.channelsMax && oldest !== undefined) {
      this.#generations.delete(oldest);
    }
    return generations;
  }

  #forgetIfEmpty(channel: string, ingests: ChannelIngests): void {
    if (ingests.inputs.isEmpty && this.#channels.get(channel) === ingests) {
      this.#channels.delete(channel);
    }
  }
}
