import { type Clock, type Log, MeanderError, SystemRandom } from "../../base/index.ts";
import type { ChannelSnapshot } from "../../client/contract/index.ts";
import { IngestGroup, type OpenIngest, type OpenSocket, openRtpIngest } from "../../media/index.ts";
import type { Reflector } from "../../reflector/index.ts";
import { type ChannelConfig, defaultChannelConfig } from "../../session/index.ts";
import type { IngestOptions, IngestPorts, PlaneEvent } from "../plane-control.ts";

/** What an ingest desk works with. */
export interface IngestDeskOptions {
  readonly reflector: Reflector;
  readonly clock: Clock;
  readonly log: Log;
  readonly openSocket: OpenSocket;
  onEvent(event: PlaneEvent): void;
}

/** The outside inputs of one channel, and their sockets by name. */
interface Desk {
  readonly group: IngestGroup;
  readonly inputs: Map<string, OpenIngest>;
  /** Name under which the channel takes messages. */
  data: string | undefined;
}

/** The outside inputs of all channels of a plane. */
export class IngestDesk implements AsyncDisposable {
  readonly #options: IngestDeskOptions;
  readonly #random = new SystemRandom();
  readonly #desks = new Map<string, Desk>();
  readonly #configs = new Map<string, ChannelConfig>();

  constructor(options: IngestDeskOptions) {
    this.#options = options;
  }

  /** New settings of a channel, for the inputs there are and those to come. */
  configure(channel: string, config: ChannelConfig): void {
    this.#configs.set(channel, config);
    const group = this.#desks.get(channel)?.group;
    if (group === undefined) return;
    group.silenceMs = config.silenceMs;
    group.maxPublishers = config.maxPublishers;
  }

  /** See `PlaneControl.openIngest`. An input without tracks takes messages. */
  async open(options: IngestOptions): Promise<IngestPorts> {
    const { channel, input, tracks } = options;
    const desk = this.#desks.get(channel) ?? this.#newDesk(channel);
    try {
      if (tracks.length === 0) {
        openData(desk, channel, input);
        return { tracks: [] };
      }
      const open = await openRtpIngest(options, desk.group, this.#options);
      desk.inputs.set(input, open);
      return open.ports;
    } finally {
      this.#forgetIfEmpty(channel, desk);
    }
  }

  /** Ends an input. @throws {MeanderError} `input-unknown` */
  async close(channel: string, input: string, reason = "unpublished"): Promise<void> {
    const desk = this.#desks.get(channel);
    const open = desk?.inputs.get(input);
    if (desk === undefined || (open === undefined && desk.data !== input)) {
      throw new MeanderError("input-unknown", "there is no such input", {
        where: `input ${input} of channel ${channel}`,
      });
    }
    desk.inputs.delete(input);
    if (open !== undefined) await open.close(reason);
    else {
      desk.data = undefined;
      desk.group.closeData();
    }
    this.#forgetIfEmpty(channel, desk);
  }

  /** Ends all inputs of a channel that closes. */
  async closeChannel(channel: string): Promise<void> {
    this.#configs.delete(channel);
    const desk = this.#desks.get(channel);
    if (desk === undefined) return;
    this.#desks.delete(channel);
    await Promise.all([...desk.inputs.values()].map((open) => open.close("channel closed")));
    desk.group.close("channel closed");
  }

  /** @throws {MeanderError} `input-unknown` when the channel takes no messages here, `message-too-large`, `content-type-invalid` */
  publishData(channel: string, contentType: string, bytes: Uint8Array): void {
    const desk = this.#desks.get(channel);
    if (desk?.data === undefined) {
      throw new MeanderError("input-unknown", "the channel takes no messages at this site", {
        where: `channel ${channel}`,
        next: `open it with PUT /channels/${channel}?kind=data`,
      });
    }
    desk.group.publishData(contentType, bytes);
  }

  /** The snapshot of a channel with its outside inputs. */
  describe(channel: ChannelSnapshot): ChannelSnapshot {
    const desk = this.#desks.get(channel.name);
    if (desk === undefined) return channel;
    const outside = desk.group.inputs().map((input) => {
      return input.kind === "data" ? { ...input, name: desk.data ?? input.name } : input;
    });
    return { ...channel, inputs: [...outside, ...channel.inputs] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const channel of [...this.#desks.keys()]) await this.closeChannel(channel);
  }

  #newDesk(channel: string): Desk {
    const { reflector, clock, log, onEvent } = this.#options;
    const { silenceMs, maxPublishers } = this.#configs.get(channel) ?? defaultChannelConfig();
    const group = new IngestGroup({
      channel,
      openPublisher: () => reflector.openPublisher(channel),
      silenceMs,
      maxPublishers,
      clock,
      random: this.#random,
      log,
      onEvent,
    });
    const desk = { group, inputs: new Map<string, OpenIngest>(), data: undefined };
    this.#desks.set(channel, desk);
    return desk;
  }

  #forgetIfEmpty(channel: string, desk: Desk): void {
    if (desk.group.isEmpty && this.#desks.get(channel) === desk) this.#desks.delete(channel);
  }
}

function openData(desk: Desk, channel: string, input: string): void {
  if (desk.data !== undefined || desk.inputs.has(input)) {
    throw new MeanderError("publisher-exists", `input "${desk.data ?? input}" is open`, {
      where: `channel ${channel}`,
      next: "end it, or add replace to take its place",
    });
  }
  desk.group.openData();
  desk.data = input;
}
