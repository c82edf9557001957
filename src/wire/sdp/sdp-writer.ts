import { type MediaDescription, write } from "sdp-transform";
import type { SdpTrack } from "./sdp.ts";
import { factAttributes, titleLine } from "./sdp-facts.ts";
import { fmtpWithSets } from "./set-parameters.ts";

/**
 * A session description that ffplay, ffmpeg, VLC and GStreamer open to receive the tracks at `host`.
 *
 * H.264 gets `packetization-mode=1` when its mode is unknown; H.264 and H.265 get the parameter sets that the track
 * has.
 */
export function formatSdp(session: {
  readonly title: string;
  readonly host: string;
  /** For an IPv4 group. */
  readonly ttl?: number | undefined;
  readonly tracks: readonly SdpTrack[];
}): string {
  const { host, title, tracks, ttl } = session;
  const version = ipVersionOf(host);
  return write({
    version: 0,
    origin: {
      username: "-",
      sessionId: 0,
      sessionVersion: 0,
      netType: "IN",
      ipVer: version,
      address: host,
    },
    name: title.replace(/[\p{Cc}\s]+/gu, " ").trim() || "-",
    connection: { version, ip: ttl === undefined || version === 6 ? host : `${host}/${ttl}` },
    timing: { start: 0, stop: 0 },
    media: tracks.map((track) => mediaOf(track, host)),
  });
}

function mediaOf(track: SdpTrack, sessionHost: string): MediaDescription {
  const { payloadType, port } = track;
  const config = fmtpWithSets(track.codec, track.fmtp, track.parameterSets ?? []);
  const channels = track.codec === "opus" ? 2 : track.channels;
  const title = titleLine(track.facts?.title);
  const facts = factAttributes(track.facts ?? {});
  const isOwnHost = track.host !== undefined && track.host !== sessionHost;
  return {
    type: track.kind,
    port,
    protocol: "RTP/AVP",
    payloads: String(payloadType),
    ...(title === undefined ? {} : { description: title }),
    ...(isOwnHost ? { connection: { version: ipVersionOf(track.host), ip: track.host } } : {}),
    rtp: [
      {
        payload: payloadType,
        codec: track.codec === "opus" ? "opus" : track.codec.toUpperCase(),
        rate: track.clockRate,
        ...(channels !== undefined && channels > 1 ? { encoding: channels } : {}),
      },
    ],
    fmtp: config === undefined ? [] : [{ payload: payloadType, config }],
    ...(track.rtcpMux ? { rtcpMux: "rtcp-mux" as const } : {}),
    // Port 0 is still to be assigned, and the RTCP port with it.
    ...(port === 0 || track.rtcpPort === (track.rtcpMux ? port : port + 1)
      ? {}
      : { rtcp: { port: track.rtcpPort } }),
    // The library writes these as they are.
    ...(facts.length === 0 ? {} : { invalid: facts.map((value) => ({ value })) }),
  };
}

function ipVersionOf(host: string): 4 | 6 {
  return host.includes(":") ? 6 : 4;
}
