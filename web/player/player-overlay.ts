import type { PlayerStats } from "./player-stats.ts";

const UNKNOWN = "–";

/** The panel over the picture that tells how it got here. */
export class PlayerOverlay {
  readonly element: HTMLElement;
  readonly #values = new Map<string, HTMLElement>();

  constructor() {
    this.element = document.createElement("dl");
    this.element.className = "overlay";
    for (const label of Object.keys(LINES)) {
      const name = document.createElement("dt");
      name.textContent = label;
      const value = document.createElement("dd");
      this.#values.set(label, value);
      this.element.append(name, value);
    }
  }

  /** Shows `stats`; touches only what changed. */
  update(stats: PlayerStats): void {
    for (const [label, line] of Object.entries(LINES)) {
      const value = this.#values.get(label);
      const text = line(stats);
      if (value !== undefined && value.textContent !== text) value.textContent = text;
    }
  }
}

const LINES: Readonly<Record<string, (stats: PlayerStats) => string>> = {
  path: ({ path }) => (path.length === 0 ? UNKNOWN : path.join(" › ")),
  latency: ({ latencyMs }) => ms(latencyMs),
  "frame rate": ({ frameRate, framesDropped }) =>
    `${frameRate.toFixed(1)} fps${framesDropped > 0 ? ` · ${framesDropped} dropped` : ""}`,
  "bit rate": ({ bitsPerSecond }) => bits(bitsPerSecond),
  lost: ({ packetsLost, packetsReceived }) => {
    const all = packetsLost + packetsReceived;
    return all === 0 ? UNKNOWN : `${packetsLost} (${((100 * packetsLost) / all).toFixed(2)} %)`;
  },
  buffer: ({ delayMs, jitterMs }) => `${ms(delayMs)} · jitter ${jitterMs.toFixed(1)} ms`,
  freezes: ({ freezes, longestFreezeMs }) => `${freezes} · longest gap ${ms(longestFreezeMs)}`,
  "lip-sync": ({ avSkewMs }) => (avSkewMs === undefined ? UNKNOWN : `${sign(avSkewMs)} ms`),
  video: ({ videoCodec, width, height }) =>
    videoCodec === "" ? UNKNOWN : `${videoCodec} ${width}×${height}`,
  audio: ({ audioCodec, audioLevel }) =>
    audioCodec === "" ? UNKNOWN : `${audioCodec} · ${decibels(audioLevel)}`,
};

function ms(value: number | undefined): string {
  return value === undefined ? UNKNOWN : `${Math.round(value)} ms`;
}

function sign(value: number): string {
  const rounded = Math.round(value);
  return rounded < 0 ? `−${-rounded}` : `+${rounded}`;
}

function bits(perSecond: number): string {
  return perSecond >= 1e6
    ? `${(perSecond / 1e6).toFixed(2)} Mbit/s`
    : `${Math.round(perSecond / 1e3)} kbit/s`;
}

function decibels(level: number): string {
  return level < 1e-4 ? "silent" : `${Math.round(20 * Math.log10(level))} dB`.replace("-", "−");
}
