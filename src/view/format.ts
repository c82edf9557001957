import { codecNameOf } from "../wire/index.ts";

/** What is shown for a value that is not known. */
export const UNKNOWN = "–";

const PREFIXES = ["", "k", "M", "G", "T"] as const;

/** `2.41 Mb/s`; three digits, decimal prefixes. */
export function formatBitRate(bitsPerSecond: number | undefined): string {
  return bitsPerSecond === undefined ? UNKNOWN : `${scaled(bitsPerSecond)}b/s`;
}

/** `84.2 MB`; three digits, decimal prefixes. */
export function formatBytes(bytes: number | undefined): string {
  return bytes === undefined ? UNKNOWN : `${scaled(bytes)}B`;
}

/** `412`, or `12.3 k`; for counts and rates per second. */
export function formatCount(count: number | undefined): string {
  if (count === undefined) return UNKNOWN;
  return count < 10_000 ? String(Math.round(count)) : scaled(count).trimEnd();
}

/** `0.42 ms`, `38 ms`, `1.2 s`. */
export function formatMs(ms: number | undefined): string {
  if (ms === undefined) return UNKNOWN;
  if (Math.abs(ms) >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.abs(ms) < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** `0.4 s`, `12 s`, `3 min`: how long something took, for people. @param digits of seconds below ten */
export function formatSpan(ms: number, digits = 1): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 9.95) return `${Number(seconds.toFixed(digits))} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** `7 %` of one CPU. */
export function formatShare(share: number | undefined): string {
  if (share === undefined) return UNKNOWN;
  return `${share < 0.0995 ? (share * 100).toFixed(1) : Math.round(share * 100)} %`;
}

/** `origin › north › south`. */
export function formatPath(path: readonly string[]): string {
  return path.length === 0 ? "no way to it" : path.join(" › ");
}

/** `H.264 + Opus` out of lower case encoding names. */
export function formatCodecs(codecs: readonly string[]): string {
  return codecs.length === 0 ? UNKNOWN : codecs.map(codecNameOf).join(" + ");
}

function scaled(value: number): string {
  // Three digits, rounded before the prefix is chosen: 999 999 is 1.00 M, not 1000 k.
  const rounded = Number(value.toPrecision(3));
  const power = Math.floor(Math.log10(Math.max(1, Math.abs(rounded))) / 3);
  const prefix = Math.min(PREFIXES.length - 1, power);
  const short = rounded / 1000 ** prefix;
  const digits = prefix === 0 || short >= 100 ? 0 : short >= 10 ? 1 : 2;
  return `${short.toFixed(digits)} ${PREFIXES[prefix] ?? ""}`;
}
