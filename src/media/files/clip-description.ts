import { encodeParameterSets, formatSdp, type SdpTrack } from "../../wire/index.ts";
import type { ClipTrack } from "./clip-reader.ts";

const DYNAMIC = { video: 96, audio: 97 } as const;
/** RFC 3551 §6: those of 8 kHz and one channel. */
const STATIC: Readonly<Record<string, number>> = { pcmu: 0, pcma: 8 };

/** The payload type of a published track. */
export function payloadTypeOf({
  channels,
  clockRate,
  codec,
  kind,
}: Pick<ClipTrack, "channels" | "clockRate" | "codec" | "kind">): number {
  const fixed = clockRate === 8_000 && channels === 1 ? STATIC[codec] : undefined;
  return fixed ?? DYNAMIC[kind];
}

/**
 * The tracks of a clip, for its SDP.
 *
 * @param ports of RTP, one per track; 0 or absent: they will be assigned
 */
export function clipSdpTracks(
  tracks: readonly ClipTrack[],
  ports: readonly number[] = [],
): SdpTrack[] {
  return tracks.map((track, index) => {
    const { channels, clockRate, codec, facts, fmtp, kind, parameterSets } = track;
    const port = ports[index] ?? 0;
    return {
      kind,
      codec,
      payloadType: payloadTypeOf(track),
      clockRate,
      channels,
      fmtp,
      ...(parameterSets.length > 0 ? { parameterSets: encodeParameterSets(parameterSets) } : {}),
      port,
      rtcpPort: port === 0 ? 0 : port + 1,
      rtcpMux: false,
      ...(facts === undefined ? {} : { facts }),
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
