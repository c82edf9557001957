import { type Cancel, type Clock, every, type Log, MeanderError } from "../../base/index.ts";
import type { ChannelPublisher, InputSnapshot, PlaneEvent } from "../../reflector/index.ts";
import type { Ingest, IngestSink } from "../doors/ingest-door.ts";
import { ChannelInput, type InputDescription } from "./channel-input.ts";
import { SourceGenerations } from "./source-generations.ts";
import { isEntry } from "./standby-buffer.ts";

/** How often the inputs are examined while there are several, ms. */
const WATCH_MS = 20;

/** What {@link ChannelInputs} work with. */
export interface ChannelInputsOptions {
  /** The channel's name. */
  readonly channel: string;
  /** Opens the channel for publishing. Called with the first input; the publisher is closed after the last. */
  readonly openPublisher: () => ChannelPublisher;
  /** A redundant input takes over after the primary was silent for this long, ms. */
  readonly silenceMs: number;
  /** Redundant inputs at once. */
  readonly maxPublishers: number;
  /** Of the channel's sources at this site, kept for as long as the site runs; absent: for as long as these inputs. */
  readonly generations?: SourceGenerations | undefined;
  readonly clock: Clock;
  readonly log: Log;
  onEvent(event: PlaneEvent): void;
  /** An input has ended, with these counts. */
  onEnded?(last: InputSnapshot): void;
}

/**
 * The inputs of one channel at this site, whatever their doors.
 *
 * Of the redundant ones, one is forwarded: the primary, which is the first that is not silent. When the primary falls
 * silent the next takes over at once; when a better one has been back for `silenceMs` it takes over at its next key
 * frame. Inputs that give their packets the same identities, because they carry the same capture, are exchanged without
 * loss or repetition. Packets of the others are counted as `standby-input`. Inputs that are not redundant are forwarded
 * beside them.
 */
export class ChannelInputs {
  silenceMs: number;
  maxPublishers: number;
  /** Shared by the inputs, so that those with the same capture count its restarts alike. */
  readonly generations: SourceGenerations;
  readonly #options: ChannelInputsOptions;
  /** Redundant ones, in order of preference. */
  readonly #inputs: ChannelInput[] = [];
  /** Those that are not redundant. */
  readonly #beside: ChannelInput[] = [];
  #publisher: ChannelPublisher | undefined;
  #primary: ChannelInput | undefined;
  /** A better input that waits for its key frame. */
  #returning: ChannelInput | undefined;
  #cancelWatch: Cancel | undefined;
  /** The input that is being closed. */
  #leaving: ChannelInput | undefined;

  constructor(options: ChannelInputsOptions) {
    this.#options = options;
    this.silenceMs = options.silenceMs;
    this.maxPublishers = options.maxPublishers;
    this.generations = options.generations ?? new SourceGenerations();
  }

  /** True when no input is open. */
  get isEmpty(): boolean {
    return this.#inputs.length === 0 && this.#beside.length === 0;
  }

  /**
   * Checks that an input of that name may be opened now.
   *
   * @throws {MeanderError} `publisher-exists`
   */
  admit(name: string, isRedundant = true): void {
    const same = this.#find(name);
    const isFull = isRedundant && this.#inputs.length >= this.maxPublishers;
    const blocking =
      same ?? (isRedundant ? (isFull ? this.#inputs[0] : undefined) : this.#beside[0]);
    if (blocking === undefined) return;
    const since = new Date(blocking.openedAt).toISOString();
    const what = `input "${blocking.name}" from ${blocking.about.senders} has been publishing since ${since}`;
    const where = `channel ${this.#options.channel}`;
    if (same !== undefined) {
      const next =
        "end it, choose another name for the input (--input), or take its place (--replace)";
      throw new MeanderError("publisher-exists", what, { where, next });
    }
    throw new MeanderError("publisher-exists", what, {
      where,
      expected: `at most ${isRedundant ? this.maxPublishers : 1} at once`,
      next: isRedundant
        ? `end it, raise maxPublishers, or publish as input "${blocking.name}" with replace`
        : `end it, or publish as input "${blocking.name}" with replace`,
    });
  }

  /**
   * Adds an input, until `remove`.
   *
   * @param open makes what turns received bytes into packets for the sink
   * @throws {MeanderError} `publisher-exists`
   */
  add<T extends Ingest>(about: InputDescription, open: (sink: IngestSink) => T): T {
    this.admit(about.name, about.isRedundant);
    const { channel, clock, onEvent } = this.#options;
    const input: ChannelInput = new ChannelInput({
      about,
      publisher: this.#opened(),
      clock,
      silenceMs: () => this.silenceMs,
      isForwarded: about.isRedundant ? () => this.#primary === input : () => true,
      onPacket: (packet) => this.#heard(input, packet),
      onDescribed: () => this.#describe(),
      isCarriedElsewhere: (source) => {
        return (
          this.#leaving === input &&
          this.#inputs.some((other) => other !== input && !other.isSilent && other.carries(source))
        );
      },
    });
    const ingest = open(input);
    input.attach(ingest);
    (about.isRedundant ? this.#inputs : this.#beside).push(input);
    this.#watch();
    onEvent({ type: "ingest-started", channel, input: input.name, reason: "opened" });
    return ingest;
  }

  /** Ends an input. @returns false when there is none of that name */
  remove(name: string, reason: string): boolean {
    const input = this.#find(name);
    if (input === undefined) return false;
    this.#leaving = input;
    input.close();
    this.#leaving = undefined;
    this.#options.onEnded?.(input.snapshot(false));
    const inputs = input.about.isRedundant ? this.#inputs : this.#beside;
    inputs.splice(inputs.indexOf(input), 1);
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

  /** The inputs as they are, in order of preference. */
  snapshot(): InputSnapshot[] {
    return [...this.#inputs, ...this.#beside].map((input) => {
      return input.snapshot(input === this.#primary);
    });
  }

  /** Ends all inputs. */
  close(reason: string): void {
    for (const { name } of [...this.#inputs, ...this.#beside]) this.remove(name, reason);
  }

  #find(name: string): ChannelInput | undefined {
    const isNamed = (input: ChannelInput): boolean => input.name === name;
    return this.#inputs.find(isNamed) ?? this.#beside.find(isNamed);
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

  #heard(input: ChannelInput, packet: Uint8Array): void {
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

  #switchTo(input: ChannelInput, reason: string): void {
    const previous = this.#primary;
    this.#primary = input;
    this.#returning = undefined;
    const { channel, log, onEvent } = this.#options;
    this.#describe();
    for (const packet of input.takeOver(previous)) this.#publisher?.publish(packet);
    log.info("An input was chosen.", { channel, input: input.name, reason });
    onEvent({ type: "input-switched", channel, from: previous?.name, to: input.name, reason });
  }

  #describe(): void {
    const tracks = [this.#primary, ...this.#beside].flatMap((input) => input?.tracks ?? []);
    if (tracks.length > 0) this.#publisher?.describe(tracks);
  }
}
