import { encodeParameterSets, formatSdp, type SdpTrack } from "../wire/index.ts";
import type { ClipTrack } from "./clip-reader.ts";

const PAYLOAD_TYPES = { video: 96, audio: 97 } as const;

/** The payload type that we publish a kind of track with: dynamic ones (RFC 3551 §6). */
export function payloadTypeOf(kind: "audio" | "video"): number {
  return PAYLOAD_TYPES[kind];
}

/**
 * The tracks of a clip as SDP has them.
 *
 * @param ports of RTP, one per track; 0 or none where they will be assigned
 */
export function clipSdpTracks(
  tracks: readonly ClipTrack[],
  ports: readonly number[] = [],
): SdpTrack[] {
  return tracks.map((track, index) => {
    const { channels, clockRate, codec, kind, parameterSets } = track;
    const port = ports[index] ?? 0;
    return {
      kind,
      codec,
      payloadType: payloadTypeOf(kind),
      clockRate,
      channels,
      fmtp: fmtpOf(track),
      ...(codec === "h264" ? { parameterSets: encodeParameterSets(parameterSets) } : {}),
      port,
      rtcpPort: port === 0 ? 0 : port + 1,
      rtcpMux: false,
    };
  });
}

/** The SDP that describes a clip published to `host`. See {@link clipSdpTracks} for `ports`. */
export function clipSdp(
  tracks: readonly ClipTrack[],
  options: { readonly title: string; readonly host: string; readonly ports?: readonly number[] },
): string {
  const { host, ports, title } = options;
  return formatSdp({ title, host, tracks: clipSdpTracks(tracks, ports) });
}

function fmtpOf({ channels, codec, parameterSets }: ClipTrack): string | undefined {
  if (codec === "opus") return channels === 2 ? "sprop-stereo=1" : undefined;
  const sps = parameterSets[0];
  if (codec !== "h264" || sps === undefined) return undefined;
  // RFC 6184 §8.1: profile, constraints and level as they stand in the parameter set.
  const profile = Array.from(sps.subarray(1, 4), (byte) => byte.toString(16).padStart(2, "0"));
  return `packetization-mode=1;profile-level-id=${profile.join("")}`;
}
