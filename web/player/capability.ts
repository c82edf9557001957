import {
  codecNameOf,
  isAac,
  KNOWN_CODECS,
  parseAacFormat,
  type Track,
} from "../../src/wire/index.ts";

/** Why media cannot be decoded here, and what to do about it; undefined when it can. */
export function missingCapability(): string | undefined {
  if (typeof VideoDecoder === "function" && typeof AudioDecoder === "function") return undefined;
  if (!isSecureContext) {
    return (
      `Browsers decode media (WebCodecs) only in secure pages, and ${location.origin} is not one. ` +
      "Open it over https, or on this machine as http://localhost or http://127.0.0.1."
    );
  }
  return "This browser has no WebCodecs. Chromium, Edge and Chrome have it from version 94, Safari from 26, Firefox from 130.";
}

/** Why a track cannot be played here, as far as its description says; undefined when it may be. */
export function refusalOf(track: Track): string | undefined {
  const { kind, codec } = track;
  const missing = missingCapability();
  if (missing !== undefined) return missing;
  if (!KNOWN_CODECS.includes(codec)) {
    const known = [...new Set(KNOWN_CODECS.map(codecNameOf))].join(", ");
    return `The ${kind} of this channel is ${codec}; the player supports ${known}.`;
  }
  if (isAac(codec) && parseAacFormat(track) === undefined) {
    return `The ${kind} of this channel is AAC in a form that the player does not support: ${track.fmtp ?? "without parameters"}. Through ffmpeg it can be played (meander publish --ffmpeg).`;
  }
  return undefined;
}

/** A text that says that the browser cannot decode `codecString`. */
export function noDecoder(codec: string, codecString: string): string {
  return `This browser has no decoder for ${codecNameOf(codec)} (${codecString}).`;
}
