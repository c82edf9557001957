import {
  type Cancel,
  type Clock,
  every,
  type Log,
  MeanderError,
  type Random,
} from "../../base/index.ts";
import type {
  ChannelPublisher,
  IngestOptions,
  InputSnapshot,
  PlaneEvent,
} from "../../reflector/index.ts";
import type { Track } from "../../wire/index.ts";
import { DataIngest } from "../doors/data/data-ingest.ts";
import type { RtpIngest } from "../doors/rtp/rtp-ingest.ts";
import { OutsideInput } from "./outside-input.ts";
import { SourceGenerations } from "./source-generations.ts";
import { isEntry } from "./standby-buffer.ts";

/** How often the inputs are looked at while there are several, ms. */
const WATCH_MS = 20;
const DATA_TICK_MS = 1_000;

export interface IngestGroupOptions {
  /** The channel's name. */
  readonly channel: string;
  /** Opens the channel for publishing. Called with the first input; closed by the group after the last. */
  readonly openPublisher: () => ChannelPublisher;
  /** A redundant input takes over after the primary was silent for this long, ms. */
  readonly silenceMs: number;
  /** Outside inputs at once. */
  readonly maxPublishers: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  onEvent(event: PlaneEvent): void;
}

/**
 * The outside inputs of one channel at this site.
 *
 * All are parsed, one is forwarded: the primary, which is the first that is not silent. When the primary falls silent the
 * next takes over at once; when a better one has been back for `silenceMs` it takes over at its next key frame. Inputs with
 * the same source name and SSRC have the same packet identities, so a change between them loses and repeats nothing.
 * Packets of the others are counted as `standby-input`.
 */
export class IngestGroup {
  silenceMs: number;
  maxPublishers: number;
  readonly #options: IngestGroupOptions;
  readonly #generations = new SourceGenerations();
  readonly #inputs: OutsideInput[] = [];
  #publisher: ChannelPublisher | undefined;
  #primary: OutsideInput | undefined;
  /** A better input that waits for its key frame. */
  #returning: OutsideInput | undefined;
  #data: DataIngest | undefined;
  #cancelDataTick: Cancel | undefined;
  #cancelWatch: Cancel | undefined;
  /** The input that is being closed. */
  #leaving: OutsideInput | undefined;

  constructor(options: IngestGroupOptions) {
    this.#options = options;
    this.silenceMs = options.silenceMs;
    this.maxPublishers = options.maxPublishers;
  }

  /** True when nothing is open. */
  get isEmpty(): boolean {
    return this.#inputs.length === 0 && this.#data === undefined;
  }

  /**
   * Says whether an input of that name may be opened now.
   *
   * @throws {MeanderError} `publisher-exists`
   */
  admit(name: string): void {
    const same = this.#inputs.find((input) => input.name === name);
    const blocking =
      same ?? (this.#inputs.length >= this.maxPublishers ? this.#inputs[0] : undefined);
    if (blocking === undefined) return;
    const where = `channel ${this.#options.channel}`;
    const since = new Date(blocking.openedAt).toISOString();
    const who = `input "${blocking.name}" from ${blocking.senders} publishes since ${since}`;
    throw new MeanderError("publisher-exists", who, {
      where,
      ...(same === undefined
        ? {
            expected: `at most ${this.maxPublishers} at once`,
            next: `end it, raise maxPublishers, or publish as input "${blocking.name}" with replace`,
          }
        : { next: "end it, choose another input name, or add replace to take its place" }),
    });
  }

  /**
   * Opens an input. Its datagrams go to the RtpIngest returned, until `remove`.
   *
   * @throws {MeanderError} `publisher-exists`
   */
  add(options: IngestOptions): RtpIngest {
    this.admit(options.input);
    const { clock, onEvent, random } = this.#options;
    const input: OutsideInput = new OutsideInput({
      input: options,
      publisher: this.#opened(),
      clock,
      random,
      generations: this.#generations,
      silenceMs: () => this.silenceMs,
      isPrimary: () => this.#primary === input,
      onPacket: (packet) => this.#heard(input, packet),
      onDescribed: () => this.#describe(),
      isCarriedElsewhere: (source) => {
        return (
          this.#leaving === input &&
          this.#inputs.some((other) => other !== input && !other.isSilent && other.carries(source))
        );
      },
    });
    this.#inputs.push(input);
    this.#watch();
    const { channel } = this.#options;
    onEvent({ type: "ingest-started", channel, input: input.name, reason: "opened" });
    return input.ingest;
  }

  /** Ends an input; false when there is none of that name. */
  remove(name: string, reason: string): boolean {
    const index = this.#inputs.findIndex((input) => input.name === name);
    const input = this.#inputs[index];
    if (input === undefined) return false;
    this.#leaving = input;
    input.ingest.close();
    this.#leaving = undefined;
    this.#inputs.splice(index, 1);
    if (this.#returning === input) this.#returning = undefined;
    if (this.#primary === input) {
      const next = this.#inputs.find((other) => !other.isSilent);
      if (next === undefined) this.#primary = undefined;
      else this.#switchTo(next, reason);
    }
    this.#watch();
    const { channel, onEvent } = this.#options;
    onEvent({ type: "ingest-stopped", channel, input: name, reason });
    this.#closeIfEmpty();
    return true;
  }

  /**
   * Publishes one message on the channel's text track.
   *
   * @throws {MeanderError} `message-too-large`, `content-type-invalid`
   */
  publishData(contentType: string, bytes: Uint8Array): void {
    this.openData();
    this.#data?.publish(contentType, bytes);
  }

  /** Opens the channel for messages, if it is not. */
  openData(): void {
    if (this.#data !== undefined) return;
    const { channel, clock, random } = this.#options;
    this.#data = new DataIngest({
      name: channel,
      publisher: this.#opened(),
      random,
      onChange: () => this.#describe(),
    });
    this.#cancelDataTick = every(clock, "describe-data", DATA_TICK_MS, () => this.#describe());
  }

  /** Ends the messages; false when there were none. */
  closeData(): boolean {
    if (this.#data === undefined) return false;
    this.#cancelDataTick?.();
    this.#data.close();
    this.#data = undefined;
    this.#closeIfEmpty();
    return true;
  }

  /** The inputs as they are, in order of preference. */
  inputs(): InputSnapshot[] {
    const inputs = this.#inputs.map((input) => input.snapshot(input === this.#primary));
    if (this.#data === undefined) return inputs;
    const { bytes, packets } = this.#data;
    const data = { kind: "data", name: "data", connection: "http", state: "active" } as const;
    return [...inputs, { ...data, packets, bytes, drops: {} }];
  }

  /** Ends everything. */
  close(reason: string): void {
    for (const { name } of [...this.#inputs]) this.remove(name, reason);
    this.closeData();
  }

  #opened(): ChannelPublisher {
    this.#publisher ??= this.#options.openPublisher();
    return this.#publisher;
  }

  #closeIfEmpty(): void {
    if (!this.isEmpty) return;
    this.#publisher?.close();
    this.#publisher = undefined;
  }

  #heard(input: OutsideInput, packet: Uint8Array): void {
    if (this.#primary === undefined) this.#switchTo(input, "first packet");
    else if (this.#returning === input && (!input.hasEntries || isEntry(packet))) {
      this.#switchTo(input, "preferred input is back");
    }
  }

  #watch(): void {
    this.#cancelWatch?.();
    this.#cancelWatch = undefined;
    if (this.#inputs.length < 2) return;
    this.#cancelWatch = every(this.#options.clock, "watch-inputs", WATCH_MS, () => this.#choose());
  }

  #choose(): void {
    const best = this.#inputs.find((input) => !input.isSilent);
    this.#returning = undefined;
    if (best === undefined || best === this.#primary || this.#primary === undefined) return;
    if (this.#primary.isSilent) {
      this.#switchTo(best, `silent for more than ${this.silenceMs} ms`);
    } else if (this.#options.clock.now() - best.steadySince >= this.silenceMs) {
      this.#returning = best;
    }
  }

  #switchTo(input: OutsideInput, reason: string): void {
    const previous = this.#primary;
    this.#primary = input;
    this.#returning = undefined;
    const { channel, log, onEvent } = this.#options;
    this.#describe();
    for (const packet of input.takeOver(previous)) this.#publisher?.publish(packet);
    log.info("chose an input", { channel, input: input.name, reason });
    onEvent({ type: "input-switched", channel, from: previous?.name, to: input.name, reason });
  }

  #describe(): void {
    const tracks: Track[] = [...(this.#primary?.ingest.tracks ?? [])];
    const text = this.#data?.track;
    if (text !== undefined) tracks.push(text);
    if (tracks.length > 0) this.#publisher?.describe(tracks);
  }
}
