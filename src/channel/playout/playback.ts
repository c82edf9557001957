import { type Cancel, type Clock, every, type Random } from "../../base/index.ts";
import type { Description, Track } from "../../wire/index.ts";
import { ChannelClient } from "../channel-client.ts";
import type { PlayerState } from "./player-state.ts";
import type { PlayerStats } from "./player-stats.ts";
import { Playout, type Shown } from "./playout.ts";
import type { Picture, PlaybackPorts, Sound } from "./ports.ts";
import { RateMeter } from "./rate-meter.ts";

/** Options of a {@link Playback}. */
export interface PlaybackOptions {
  readonly channel: string;
  /** WebSocket addresses, best first. */
  readonly urls: readonly string[];
  /** Shown to sites that require one. */
  readonly token: string | undefined;
  readonly targetDelayMs: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** Events of a {@link Playback}. */
export interface PlaybackEvents {
  onState(state: PlayerState): void;
  onDescription(description: Description): void;
  onPath(sites: readonly string[]): void;
  /** `kind` cannot be played, for the reason in `message`; other media continue. */
  onWarning(kind: Track["kind"], message: string): void;
  /** A message of a text track. */
  onMessage(message: { readonly text: string; readonly medium: number }): void;
  /** A picture is ready: a hidden page, which has no animation frames, should draw now. */
  onPictureReady(): void;
}

const TICK_MS = 20;
const VIEWER_NAME = "player";
/** A player that fell behind by more than this continues live, instead of with what it missed, ms. */
const BEHIND_MS_MAX = 1_500;

/** Plays one channel: a client and its playout. Decoders, audio output and connections are ports. */
export class Playback<P extends Picture, S extends Sound> {
  readonly #options: PlaybackOptions;
  readonly #events: PlaybackEvents;
  readonly #client: ChannelClient;
  readonly #playout: Playout<P, S>;
  readonly #bits = new RateMeter(2_000);
  #state: PlayerState = { type: "idle" };
  /** The state of the client, whatever can be played. */
  #clientState: PlayerState = { type: "idle" };
  #pictureRefusal: string | undefined;
  #cancel: Cancel | undefined;

  constructor(options: PlaybackOptions, ports: PlaybackPorts<P, S>, events: PlaybackEvents) {
    const { clock, random, channel, urls, token, targetDelayMs } = options;
    const { decoders, output } = ports;
    this.#options = options;
    this.#events = events;
    this.#playout = new Playout(
      {
        targetDelayMs,
        clock,
        decoders,
        output,
        originOffsetMs: () => this.#client.originOffsetMs,
      },
      {
        onUnplayable: (kind, message) => this.#unplayable(kind, message),
        onMessage: (message) => events.onMessage(message),
        onPictureReady: () => events.onPictureReady(),
      },
    );
    this.#client = new ChannelClient(
      {
        channel,
        sites: urls,
        token,
        dial: (url) => ports.dial(url),
        clock,
        random,
        name: VIEWER_NAME,
        resumes: () => this.#playout.behindMs < BEHIND_MS_MAX,
      },
      {
        onPacket: (packet) => {
          this.#bits.add(packet.byteLength * 8, clock.now());
          this.#playout.packet(packet);
        },
        onDescription: (description) => this.#describe(description),
        onReport: (report) => this.#playout.report(report),
        onGap: (gap) => this.#playout.gap(gap),
        onPath: (sites) => events.onPath(sites),
        onState: (state) => this.#enter(state),
      },
    );
  }

  start(): void {
    const { clock } = this.#options;
    this.#cancel ??= every(clock, "player", TICK_MS, () => this.#playout.tick());
    this.#client.start();
  }

  /** Ends it. Idempotent. */
  close(): void {
    this.#cancel?.();
    this.#client.close();
    this.#playout.close();
  }

  get state(): PlayerState {
    return this.#state;
  }

  /** Why the video of the channel is not shown; undefined when it is, or the channel has none. */
  get pictureRefusal(): string | undefined {
    return this.#pictureRefusal;
  }

  /** True while the channel has sound. */
  get hasSound(): boolean {
    return this.#playout.hasSound;
  }

  /** Delay that absorbs jitter, ms; may change while playing. */
  set targetDelayMs(value: number) {
    this.#playout.targetDelayMs = value;
  }

  /** Shows the picture that is due now, if there is one. `draw` must not keep the image. */
  present(draw: (image: P) => void): Shown | undefined {
    return this.#playout.present(draw);
  }

  stats(): PlayerStats {
    return {
      state: this.#state.type,
      ...this.#playout.stats(),
      ...this.#client.stats,
      bitsPerSecond: this.#bits.perSecond(this.#options.clock.now()),
    };
  }

  #enter(state: PlayerState): void {
    if (state.type !== "unsupported") this.#clientState = state;
    // A reachable site does not make the channel playable.
    if (this.#state.type === "unsupported" && state.type !== "closed") return;
    this.#state = state;
    this.#events.onState(state);
  }

  /** Other media continue; when none is left, the channel is unsupported. */
  #unplayable(kind: Track["kind"], message: string): void {
    if (kind === "video") this.#pictureRefusal = message;
    if (this.#playout.playable) this.#events.onWarning(kind, message);
    else this.#enter({ type: "unsupported", message });
  }

  #describe(description: Description): void {
    const before = this.#state.type;
    this.#state = this.#clientState;
    this.#pictureRefusal = undefined;
    this.#playout.describe(description);
    if (before === "unsupported") this.#enter(this.#clientState);
    this.#events.onDescription(description);
  }
}
