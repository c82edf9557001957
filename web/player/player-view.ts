import type { Cancel, Clock } from "../../src/base/index.ts";
import type { Track } from "../../src/wire/index.ts";
import style from "./meander-player.css?inline";
import { PlayerOverlay } from "./player-overlay.ts";
import type { StateText } from "./player-state.ts";

const SPEAKER = `<path d="M4 9.5v5h3.5L12 19V5L7.5 9.5H4Z"/>`;
const SOUND_ON = `${SPEAKER}<path class="stroke" d="M15.5 8.8a4.5 4.5 0 0 1 0 6.4M18 6.2a8 8 0 0 1 0 11.6"/>`;
const SOUND_OFF = `${SPEAKER}<path class="stroke" d="m16 9.5 5 5m0-5-5 5"/>`;
const BARS = `<path class="stroke" d="M5 19v-6m5 6V5m5 14v-9m5 9V8"/>`;

/** Most lines of text on the screen. */
const LINES_MAX = 8;
/** How long a remark is shown, ms. */
const REMARK_MS = 4_000;

/** The visible part of the player: picture, notices, controls, overlay, lines of text. */
export class PlayerView {
  readonly canvas = document.createElement("canvas");
  readonly overlay = new PlayerOverlay();
  /** How pictures are to be shown, where their codec does not say it. */
  facts: Pick<Track, "mirrored" | "pixelAspect" | "rotation"> = {};
  /** Mutes and unmutes. */
  readonly soundButton = button("sound");
  /** Shows and hides the overlay. */
  readonly overlayButton = button("info", BARS, "Show how it arrives (i)");
  readonly #clock: Clock;
  readonly #notice = block("notice");
  readonly #title = block("title");
  readonly #detail = block("detail");
  readonly #remark = block("remark");
  readonly #lines = document.createElement("ol");
  #context: CanvasRenderingContext2D | null | undefined;
  #hasPicture = false;
  #cancelRemark: Cancel | undefined;

  constructor(root: ShadowRoot, clock: Clock) {
    this.#clock = clock;
    // Not an element: pages whose policy allows no inline style show the player too.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style);
    root.adoptedStyleSheets = [sheet];
    this.canvas.width = 16;
    this.canvas.height = 9;
    this.canvas.setAttribute("part", "canvas");
    this.canvas.setAttribute("role", "img");
    this.#notice.setAttribute("role", "status");
    this.#remark.setAttribute("role", "status");
    this.#notice.append(block("spinner"), this.#title, this.#detail);
    this.#lines.className = "lines";
    const controls = block("controls");
    controls.append(this.soundButton, this.overlayButton);
    root.append(
      this.canvas,
      this.#lines,
      this.#notice,
      this.overlay.element,
      this.#remark,
      controls,
    );
    this.showSound({ available: false, suspended: false, muted: false });
  }

  get hasPicture(): boolean {
    return this.#hasPicture;
  }

  /** @param readable true: the page reads pixels back, so they are kept in memory */
  draw(image: VideoFrame, readable: boolean): void {
    const { mirrored = false, pixelAspect = [1, 1], rotation = 0 } = this.facts;
    const height = image.displayHeight;
    const width = Math.round((image.displayWidth * pixelAspect[0]) / pixelAspect[1]);
    const isTurned = rotation === 90 || rotation === 270;
    const [across, down] = isTurned ? [height, width] : [width, height];
    if (this.canvas.width !== across || this.canvas.height !== down) {
      this.canvas.width = across;
      this.canvas.height = down;
    }
    this.#context ??= this.canvas.getContext("2d", { alpha: false, willReadFrequently: readable });
    const context = this.#context;
    if (context !== null) {
      // What is written first is done last: a picture is turned, and then flipped.
      context.setTransform(mirrored ? -1 : 1, 0, 0, 1, across / 2, down / 2);
      context.rotate((rotation * Math.PI) / 180);
      context.drawImage(image, -width / 2, -height / 2, width, height);
      context.resetTransform();
    }
    if (this.#hasPicture) return;
    this.#hasPicture = true;
    this.#notice.hidden = true;
  }

  /** Shows a dark screen again. */
  blank(): void {
    this.#context?.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.#hasPicture = false;
    this.#lines.replaceChildren();
    this.#setRemark("");
  }

  /** Shows the state: in the middle of the screen, or over the picture as a remark. */
  showState(text: StateText, isGood: boolean): void {
    this.#title.textContent = text.title;
    this.#detail.textContent = text.detail;
    this.#notice.classList.toggle("busy", text.busy);
    this.#notice.hidden = this.#hasPicture || this.#lines.childElementCount > 0;
    if (isGood) this.#setRemark("");
    else if (this.#notice.hidden) this.#setRemark(text.remark ?? text.title);
  }

  /** Shows a remark for a few seconds. */
  remark(text: string): void {
    this.#setRemark(text);
    this.#cancelRemark = this.#clock.after("player remark", REMARK_MS, () => this.#setRemark(""));
  }

  /** Adds a line of text, for channels without pictures. */
  addLine(text: string): void {
    const line = document.createElement("li");
    line.textContent = text;
    this.#lines.append(line);
    while (this.#lines.childElementCount > LINES_MAX) this.#lines.firstElementChild?.remove();
    this.#notice.hidden = true;
  }

  showSound(sound: { available: boolean; suspended: boolean; muted: boolean }): void {
    const off = sound.suspended || sound.muted;
    this.soundButton.hidden = !sound.available;
    this.soundButton.classList.toggle("wanted", sound.suspended && !sound.muted);
    setIcon(this.soundButton, off ? SOUND_OFF : SOUND_ON, off ? "Unmute (m)" : "Mute (m)");
  }

  #setRemark(text: string): void {
    this.#cancelRemark?.();
    this.#cancelRemark = undefined;
    // The text stays while it fades out.
    if (text !== "") this.#remark.textContent = text;
    this.#remark.classList.toggle("shown", text !== "");
  }
}

function block(name: string): HTMLElement {
  const element = document.createElement("div");
  element.className = name;
  return element;
}

function button(name: string, icon = "", label = ""): HTMLButtonElement {
  const element = document.createElement("button");
  element.type = "button";
  element.className = name;
  if (icon !== "") setIcon(element, icon, label);
  return element;
}

/** @param icon one of the constants above, never derived from input */
function setIcon(element: HTMLButtonElement, icon: string, label: string): void {
  if (element.title === label) return;
  element.title = label;
  element.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true">${icon}</svg><span>${label.replace(/ \(.\)$/, "")}</span>`;
}
