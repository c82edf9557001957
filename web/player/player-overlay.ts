import type { PlayerStats } from "../../src/channel/playout/player-stats.ts";

const UNKNOWN = "–";

/** The panel over the picture with its path and its stats. */
export class PlayerOverlay {
  readonly element = document.createElement("dl");
  readonly #rows: readonly {
    readonly line: Line;
    readonly name: HTMLElement;
    readonly value: HTMLElement;
  }[];

  constructor() {
    this.element.className = "overlay";
    this.#rows = LINES.map((line) => {
      const name = document.createElement("dt");
      const value = document.createElement("dd");
      name.textContent = line.label;
      for (const part of [name, value]) part.classList.toggle("minor", line.minor === true);
      this.element.append(name, value);
      return { line, name, value };
    });
  }

  /** Shows `stats`; changes only the text that differs. */
  update(stats: PlayerStats): void {
    for (const { line, name, value } of this.#rows) {
      const text = line.text(stats);
      name.hidden = value.hidden = text === undefined;
      if (text !== undefined && value.textContent !== text) value.textContent = text;
    }
  }
}

interface Line {
  readonly label: string;
  /** Undefined: it does not apply to the channel. */
  readonly text: (stats: PlayerStats) => string | undefined;
  /** Omitted on small players. */
  readonly minor?: boolean;
}

const LINES: readonly Line[] = [
  { label: "path", text: ({ path }) => (path.length === 0 ? UNKNOWN : path.join(" › ")) },
  {
    label: "stalled",
    text: ({ stalledMs }) =>
      stalledMs === undefined ? undefined : `for ${Math.round(stalledMs / 1_000)} s`,
  },
  { label: "latency", text: (stats) => (hasMedia(stats) ? ms(stats.latencyMs) : undefined) },
  {
    label: "frame rate",
    text: ({ videoCodec, frameRate, framesDropped }) =>
      videoCodec === ""
        ? undefined
        : `${frameRate.toFixed(1)} fps${framesDropped > 0 ? ` · ${framesDropped} dropped` : ""}`,
  },
  { label: "bit rate", text: ({ bitsPerSecond }) => bits(bitsPerSecond) },
  { label: "lost", text: ({ packetsLost, packetsReceived }) => loss(packetsLost, packetsReceived) },
  {
    label: "buffer",
    text: (stats) =>
      hasMedia(stats) ? `${ms(stats.delayMs)} · jitter ${stats.jitterMs.toFixed(1)} ms` : undefined,
  },
  {
    label: "key frames",
    text: ({ keylessMs }) =>
      keylessMs === undefined ? undefined : `none for ${Math.round(keylessMs / 1_000)} s`,
  },
  {
    label: "freezes",
    text: ({ videoCodec, freezes, longestFreezeMs }) =>
      videoCodec === "" ? undefined : `${freezes} · longest gap ${ms(longestFreezeMs)}`,
    minor: true,
  },
  {
    label: "lip-sync",
    text: ({ avSkewMs }) => (avSkewMs === undefined ? undefined : `${sign(avSkewMs)} ms`),
    minor: true,
  },
  {
    label: "video",
    text: ({ videoCodec, width, height }) =>
      videoCodec === "" ? undefined : `${videoCodec} ${width}×${height}`,
    minor: true,
  },
  {
    label: "audio",
    text: ({ audioCodec, audioLevel }) =>
      audioCodec === "" ? undefined : `${audioCodec} · ${decibels(audioLevel)}`,
    minor: true,
  },
];

function hasMedia({ videoCodec, audioCodec }: PlayerStats): boolean {
  return videoCodec !== "" || audioCodec !== "";
}

function loss(lost: number, received: number): string {
  const all = lost + received;
  return all === 0 ? UNKNOWN : `${lost} (${((100 * lost) / all).toFixed(2)} %)`;
}

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
