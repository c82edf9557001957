import {
  type Cancel,
  every,
  isAboutToken,
  MeanderError,
  SystemClock,
  SystemRandom,
} from "../../src/base/index.ts";
import { Playback } from "../../src/channel/playout/index.ts";
import type { PlayerState } from "../../src/channel/playout/player-state.ts";
import { NO_STATS, type PlayerStats } from "../../src/channel/playout/player-stats.ts";
import type { Description, Track } from "../../src/wire/index.ts";
import { dialWebSocket } from "../link/browser-websocket.ts";
import { AudioOutput } from "./audio-output.ts";
import { StateTeller, type StateText } from "./player-state.ts";
import { PlayerView } from "./player-view.ts";
import { linkUrlsOf } from "./site-urls.ts";
import { WebDecoders } from "./web-decoders.ts";

export type { PlayerState, PlayerStats };

/** Default of `target-delay`, ms. */
const TARGET_DELAY_MS = 120;
const TARGET_DELAY_MS_MAX = 10_000;
const OVERLAY_MS = 250;
/** Frames come, and none can be decoded, for this long: then the channel sends no key frame, ms. */
const KEYLESS_MS = 3_000;
/** Key frames that a decoder fails after, before a viewer is told. */
const FAILURES_MIN = 3;

/** Why no picture can be decoded although pictures come. */
type Undecodable = "no-key-frame" | "fails";

const UNDECODABLE: Readonly<Record<Undecodable, Omit<StateText, "busy">>> = {
  "no-key-frame": {
    title: "This channel sends no key frame",
    detail: "Pictures come, but a decoder can start with none of them.",
  },
  fails: {
    title: "The browser's decoder fails",
    detail:
      "Pictures may refer to ones before the first that came: closed groups, or no B-pyramid, avoid that.",
  },
};

/** Detail of the event `frame`, sent right after a picture was drawn: the canvas still holds it. */
export interface FrameDetail {
  /** Media time, ms. */
  readonly timestampMs: number;
  /** When it entered the network, ms of the ingest's clock; undefined until reported. */
  readonly ingestMs: number | undefined;
  /** Time since then, ms. */
  readonly latencyMs: number | undefined;
}

/** Detail of the event `message`. */
export interface MessageDetail {
  readonly text: string;
  /** Which of the channel's text tracks. */
  readonly medium: number;
}

/**
 * `<meander-player site="http://127.0.0.1:7003" channel="clip">`: shows a channel.
 *
 * Attributes: `site` (one address or several by commas, best first; without it the page's own site), `channel`,
 * `target-delay` (ms), `muted`, `overlay`, `readable` (the page reads the canvas back). Property: `token`. Events:
 * `frame` ({@link FrameDetail}), `state` ({@link PlayerState}), `message` ({@link MessageDetail}). It plays while it is
 * in a document.
 */
export class MeanderPlayer extends HTMLElement {
  static readonly observedAttributes = [
    "site",
    "channel",
    "target-delay",
    "muted",
    "overlay",
    "readable",
  ];

  readonly #clock = new SystemClock();
  readonly #view: PlayerView;
  readonly #internals: ElementInternals;
  #output: AudioOutput | undefined;
  #playback: Playback<VideoFrame, AudioData> | undefined;
  #teller = new StateTeller(location.origin, this.#clock);
  #state: PlayerState = { type: "idle" };
  #stats: PlayerStats = NO_STATS;
  #frameRequest = 0;
  #cancelTimers: Cancel[] = [];
  #restarting = false;
  #token: string | undefined;
  #textOnly = false;
  #undecodable: Undecodable | undefined;
  #tracks: readonly Track[] = [];

  constructor() {
    super();
    this.#view = new PlayerView(this.attachShadow({ mode: "open" }), this.#clock);
    this.#internals = this.attachInternals();
    this.#internals.role = "group";
    this.#view.overlayButton.onclick = () => this.toggleAttribute("overlay");
    this.#view.soundButton.onclick = () => this.#toggleSound();
    this.addEventListener("keydown", (event) => this.#key(event));
  }

  /** The canvas that pictures are drawn on. */
  get canvas(): HTMLCanvasElement {
    return this.#view.canvas;
  }

  /** Counts, latency and more, now. */
  get stats(): PlayerStats {
    return this.#playback?.stats() ?? this.#stats;
  }

  /** Type of the state: `idle`, `connecting`, `live`, `stalled`, `lost`, `refused`, `unsupported`, `closed`. */
  get state(): PlayerState["type"] {
    return this.#state.type;
  }

  /**
   * Shown to sites that require one; undefined: none. It is a property and not an attribute, because the text of a page
   * may be kept and copied. Setting another token connects again.
   */
  set token(token: string | undefined) {
    if (token === this.#token) return;
    this.#token = token;
    if (this.isConnected) this.#restart();
  }

  /** Plays sound. Browsers require a click or a key press before. */
  async unmute(): Promise<void> {
    this.removeAttribute("muted");
    await this.#output?.resume();
  }

  connectedCallback(): void {
    if (!this.hasAttribute("tabindex")) this.tabIndex = 0;
    this.#output = new AudioOutput({ muted: this.hasAttribute("muted") }, () => this.#showSound());
    const draw = (): void => {
      this.#present();
      this.#frameRequest = requestAnimationFrame(draw);
    };
    this.#frameRequest = requestAnimationFrame(draw);
    this.#cancelTimers = [
      every(this.#clock, "player overlay", OVERLAY_MS, () => this.#updateOverlay()),
      // A hidden page has no animation frames: this draws, and onPictureReady.
      every(this.#clock, "player hidden", OVERLAY_MS, () => this.#presentHidden()),
    ];
    this.#start();
  }

  disconnectedCallback(): void {
    this.#stop();
    cancelAnimationFrame(this.#frameRequest);
    for (const cancel of this.#cancelTimers.splice(0)) cancel();
    this.#output?.close();
    this.#output = undefined;
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before === after || !this.isConnected) return;
    switch (name) {
      case "target-delay":
        if (this.#playback !== undefined) this.#playback.targetDelayMs = this.#targetDelayMs();
        return;
      case "muted":
        if (this.#output !== undefined) this.#output.muted = after !== null;
        this.#showSound();
        return;
      case "overlay":
        this.#updateOverlay();
        return;
      case "site":
      case "channel":
        this.#restart();
    }
  }

  /** Several attributes set one after another restart it once. */
  #restart(): void {
    if (this.#restarting) return;
    this.#restarting = true;
    queueMicrotask(() => {
      this.#restarting = false;
      if (!this.isConnected) return;
      this.#stop();
      this.#start();
    });
  }

  #start(): void {
    const output = this.#output;
    const channel = this.getAttribute("channel") ?? "";
    this.#teller = new StateTeller(location.origin, this.#clock);
    this.#textOnly = false;
    this.#undecodable = undefined;
    this.#view.blank();
    const label = channel === "" ? "No channel" : `Channel ${channel}`;
    this.canvas.setAttribute("aria-label", label);
    this.#internals.ariaLabel = `Player: ${label}`;
    if (channel === "" || output === undefined) {
      this.#enter({ type: "idle" });
      return;
    }
    let urls: string[];
    try {
      urls = linkUrlsOf(this.getAttribute("site") ?? "", location.href);
    } catch (error) {
      if (!(error instanceof MeanderError)) throw error;
      this.#enter({ type: "refused", code: error.code, message: error.message });
      return;
    }
    const playback = new Playback(
      {
        channel,
        urls,
        token: this.#token,
        targetDelayMs: this.#targetDelayMs(),
        clock: this.#clock,
        random: new SystemRandom(),
      },
      { dial: (url) => dialWebSocket(url, this.#clock), decoders: new WebDecoders(), output },
      {
        onState: (state) => this.#enter(state),
        onDescription: (description) => this.#described(description),
        onPath: (sites) => {
          if (sites.length > 0 && this.#view.hasPicture)
            this.#view.remark(`Now over ${sites.join(" › ")}`);
        },
        onWarning: (kind, message) => this.#warn(kind, message),
        onMessage: (detail) => {
          if (this.#textOnly) this.#view.addLine(detail.text);
          this.dispatchEvent(new CustomEvent<MessageDetail>("message", { detail }));
        },
        onPictureReady: () => this.#presentHidden(),
      },
    );
    this.#playback = playback;
    playback.start();
  }

  #stop(): void {
    const playback = this.#playback;
    if (playback === undefined) return;
    playback.close();
    this.#stats = playback.stats();
    this.#playback = undefined;
  }

  #enter(state: PlayerState): void {
    this.#state = state;
    // What a token permitted must not be seen without it.
    if (state.type === "refused" && isAboutToken(state.code)) this.#view.blank();
    this.#view.showState(this.#teller.tell(state), state.type === "live");
    this.dispatchEvent(new CustomEvent<PlayerState>("state", { detail: state }));
  }

  #described({ tracks }: Description): void {
    this.#tracks = tracks;
    // The player shows the first.
    this.#view.facts = firstOf(tracks, "video") ?? {};
    this.#textOnly = tracks.length > 0 && tracks.every(({ kind }) => kind === "text");
    if (this.#state.type !== "live" || this.#view.hasPicture) return;
    this.#view.showState(this.#waitingFor(tracks), true);
  }

  #waitingFor(tracks: readonly Track[]): StateText {
    const waiting = { detail: "", busy: true };
    if (tracks.length === 0)
      return { title: "Nothing is published on this channel now", ...waiting };
    if (this.#textOnly) return { title: "Waiting for a message…", ...waiting };
    if (this.#undecodable !== undefined) return { ...UNDECODABLE[this.#undecodable], busy: true };
    const refusal = this.#playback?.pictureRefusal;
    if (refusal === undefined && tracks.some(({ kind }) => kind === "video"))
      return { title: "Waiting for the first picture…", ...waiting };
    return { title: "Sound only", detail: refusal ?? "", busy: false };
  }

  #warn(kind: Track["kind"], message: string): void {
    if (kind !== "video" || this.#view.hasPicture) this.#view.remark(message);
    else this.#view.showState({ title: "Sound only", detail: message, busy: false }, true);
  }

  #present(): void {
    const shown = this.#playback?.present((image) =>
      this.#view.draw(image, this.hasAttribute("readable")),
    );
    if (shown === undefined) return;
    const { mediaMs, ingestMs, latencyMs } = shown;
    const detail = { timestampMs: mediaMs, ingestMs, latencyMs };
    this.dispatchEvent(new CustomEvent<FrameDetail>("frame", { detail }));
  }

  #presentHidden(): void {
    if (document.hidden) this.#present();
  }

  #updateOverlay(): void {
    this.#showSound();
    this.#showUndecodable();
    if (this.hasAttribute("overlay") && !document.hidden) this.#view.overlay.update(this.stats);
  }

  /** A viewer who waits for the first picture, or looks at the last one, is told why. */
  #showUndecodable(): void {
    const { decodeErrors, framesPresented, keylessMs = 0 } = this.stats;
    const fails = framesPresented === 0 && decodeErrors >= FAILURES_MIN;
    const reason = keylessMs > KEYLESS_MS ? "no-key-frame" : fails ? "fails" : undefined;
    if (reason === this.#undecodable) return;
    this.#undecodable = reason;
    if (this.#state.type === "live")
      this.#view.showState(this.#waitingFor(this.#tracks), reason === undefined);
  }

  #showSound(): void {
    const output = this.#output;
    if (output === undefined) return;
    const { suspended, muted } = output;
    const available = output.available && this.#playback?.hasSound === true;
    this.#view.showSound({ available, suspended, muted });
  }

  #toggleSound(): void {
    const output = this.#output;
    if (output === undefined) return;
    if (output.suspended || output.muted) void this.unmute();
    else this.toggleAttribute("muted", true);
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "i") this.toggleAttribute("overlay");
    else if (event.key === "m") this.#toggleSound();
  }

  #targetDelayMs(): number {
    const value = Number.parseFloat(this.getAttribute("target-delay") ?? "");
    return Number.isFinite(value)
      ? Math.min(Math.max(value, 0), TARGET_DELAY_MS_MAX)
      : TARGET_DELAY_MS;
  }
}

function firstOf(tracks: readonly Track[], kind: Track["kind"]): Track | undefined {
  const found = tracks.filter((track) => track.kind === kind);
  return found.sort((a, b) => a.medium - b.medium)[0];
}

declare global {
  interface HTMLElementTagNameMap {
    "meander-player": MeanderPlayer;
  }
}

// Only the first copy of this module on a page defines the element.
if (customElements.get("meander-player") === undefined) {
  customElements.define("meander-player", MeanderPlayer);
}
