import type { Track } from "../../src/wire/index.ts";

/** Codecs that the player has decoders for, by their names in a description. */
export const PLAYABLE: readonly string[] = ["h264", "vp8", "opus"];

/** Why media can not be decoded here, with what to do about it; undefined when it can. */
export function missingCapability(): string | undefined {
  if (typeof VideoDecoder === "function" && typeof AudioDecoder === "function") return undefined;
  if (!isSecureContext) {
    return (
      `Browsers decode media (WebCodecs) only in secure pages, and ${location.origin} is not one. ` +
      "Open it by https, or on this machine as http://localhost or http://127.0.0.1."
    );
  }
  return "This browser has no WebCodecs. Chromium, Edge and Chrome have it from version 94, Safari from 26, Firefox from 130.";
}

/** Why a track can not be played here; undefined when it can. */
export function refusalOf({ kind, codec }: Track): string | undefined {
  if (PLAYABLE.includes(codec)) return missingCapability();
  const unknown = `The ${kind} of this channel is ${codec}; the player knows ${PLAYABLE.join(", ")}.`;
  return missingCapability() ?? unknown;
}
