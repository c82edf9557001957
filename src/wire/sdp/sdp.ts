/** Session descriptions (RFC 8866) with RTP tracks, as publishers write them. */
import { type MediaDescription, parse } from "sdp-transform";
import { LIMITS, MeanderError } from "../../base/index.ts";
import { decodeBase64 } from "../bytes/base64.ts";
import type { TrackFacts } from "../track-facts.ts";
import { factsOfSection } from "./sdp-facts.ts";
import { connectionOf, SOURCE_FILTER, sourcesOf } from "./sdp-groups.ts";
import { parameterSetTexts } from "./set-parameters.ts";
import { STATIC_PAYLOAD_TYPES } from "./static-payload-types.ts";

/** One `m=` section, reduced to its first payload type. */
export interface SdpTrack {
  /** `m=text` counts as application. */
  readonly kind: "audio" | "video" | "application";
  /** Encoding name in lower case. */
  readonly codec: string;
  /** 0..127. */
  readonly payloadType: number;
  /** RTP ticks per second. */
  readonly clockRate: number;
  /** Audio only. */
  readonly channels?: number | undefined;
  /** Format parameters as they were written. */
  readonly fmtp?: string | undefined;
  /** H.264 and H.265: NAL units in base64, from `sprop-parameter-sets`, or `sprop-vps` and its like. */
  readonly parameterSets?: readonly string[] | undefined;
  /** 1..65535; 0 where `portsRequired` was false. */
  readonly port: number;
  /** Address of the `c=` line that holds for this track, without time to live. */
  readonly host?: string | undefined;
  /** Time to live behind that address, 0..255, where it is an IPv4 group. */
  readonly ttl?: number | undefined;
  /** Accepted senders, from `a=source-filter: incl` (RFC 4570). */
  readonly sources?: readonly string[] | undefined;
  /** From `a=rtcp`, or the port itself with `a=rtcp-mux`, or the next one (RFC 3550 §11). */
  readonly rtcpPort: number;
  readonly rtcpMux: boolean;
  /** How it is to be shown, and what it is called. */
  readonly facts?: TrackFacts | undefined;
}

export interface SdpSession {
  /** The `s=` line; empty when it is missing. */
  readonly title: string;
  readonly tracks: readonly SdpTrack[];
}

const TRACKS_MAX = 32;
// Together these keep what a channel describes of the tracks below LIMITS.controlBytesMax.
const FMTP_CHARACTERS_MAX = 4096;
const FMTP_CHARACTERS_MAX_IN_ALL = 8192;
const CLOCK_RATE_MAX = 10_000_000;
const PORT_EXPECTED = "a whole number from 1 to 65535";

/** What lines that matter here must look like. The library passes over what it cannot read; people want to know. */
const LINE_RULES = [
  { prefix: "v=", rule: /^v=0$/, expected: "v=0" },
  { prefix: "c=", rule: /^c=IN IP[46] \S+$/, expected: "a line like c=IN IP4 127.0.0.1" },
  {
    prefix: "a=rtpmap:",
    rule: /^a=rtpmap:\d{1,3} [\w.-]{1,64}\/\d+(\/\d+)?$/,
    expected: "a line like a=rtpmap:96 H264/90000",
  },
  {
    prefix: "a=fmtp:",
    rule: /^a=fmtp:\d{1,3}( [ -~]*)?$/,
    expected: "a line like a=fmtp:96 packetization-mode=1",
  },
  {
    prefix: "a=source-filter:",
    rule: SOURCE_FILTER,
    expected: "a line like a=source-filter: incl IN IP4 232.1.2.3 192.0.2.1, with 1 to 10 sources",
  },
] as const;

interface MediaLine {
  readonly number: number;
  readonly kind: SdpTrack["kind"];
  readonly port: number;
  readonly payloadType: number;
}

/**
 * Reads a session description. Also takes what ffmpeg prints, with `SDP:` before it.
 *
 * @param options.portsRequired false where ports will be assigned: port 0 is then allowed
 * @throws {MeanderError} `sdp-invalid`, `sdp-no-media`, `sdp-port-invalid`, each with the line
 */
export function parseSdp(
  text: string,
  options: { readonly portsRequired?: boolean } = {},
): SdpSession {
  const { portsRequired = true } = options;
  if (text.length > LIMITS.sdpCharactersMax) {
    throw new MeanderError("sdp-invalid", `the SDP has ${text.length} characters`, {
      expected: `at most ${LIMITS.sdpCharactersMax}`,
    });
  }
  const lines = text.split(/\r\n|\r|\n/).map((line) => line.trim());
  const mediaLines = checkLines(lines, portsRequired);
  if (mediaLines.length === 0) {
    throw new MeanderError("sdp-no-media", "the SDP has no media", {
      expected: "at least one line like m=video 5004 RTP/AVP 96",
    });
  }
  const session = parse(lines.filter(isContent).join("\r\n"));
  const tracks = mediaLines.map((line, index) => {
    const media = session.media[index] as MediaDescription;
    const connection = connectionOf((media.connection ?? session.connection)?.ip);
    const sources = sourcesOf(lines, index, connection.host);
    const facts = factsOfSection(lines, index);
    return {
      ...trackOf(line, media),
      ...connection,
      ...(sources === undefined ? {} : { sources }),
      ...(hasFacts(facts) ? { facts } : {}),
    };
  });
  const described = tracks.reduce((sum, { fmtp }) => sum + (fmtp?.length ?? 0), 0);
  if (described > FMTP_CHARACTERS_MAX_IN_ALL) {
    throw new MeanderError("sdp-invalid", `${described} characters of a=fmtp in all`, {
      expected: `at most ${FMTP_CHARACTERS_MAX_IN_ALL}`,
    });
  }
  const title = String(session.name ?? "");
  return { title: title === "-" ? "" : title, tracks };
}

function hasFacts(facts: TrackFacts): boolean {
  return Object.keys(facts).length > 0;
}

function isContent(line: string): boolean {
  return line !== "" && line !== "SDP:";
}

function checkLines(lines: readonly string[], portsRequired: boolean): MediaLine[] {
  const mediaLines: MediaLine[] = [];
  let isFirst = true;
  for (const [index, line] of lines.entries()) {
    if (!isContent(line)) continue;
    const number = index + 1;
    if (isFirst && !line.startsWith("v=")) throw invalid(number, line, "v=0 in the first line");
    isFirst = false;
    if (!/^[a-z]=/.test(line)) throw invalid(number, line, "a letter, = and a value");
    for (const { prefix, rule, expected } of LINE_RULES) {
      if (line.startsWith(prefix) && !rule.test(line)) throw invalid(number, line, expected);
    }
    if (line.startsWith("m=")) mediaLines.push(parseMediaLine(line, number, portsRequired));
    if (line.startsWith("a=rtcp:")) checkPort(/^a=rtcp:(\S*)/.exec(line)?.[1], number, line, true);
  }
  if (mediaLines.length > TRACKS_MAX) {
    throw new MeanderError("sdp-invalid", `the SDP has ${mediaLines.length} media`, {
      expected: `at most ${TRACKS_MAX}`,
    });
  }
  return mediaLines;
}

function parseMediaLine(line: string, number: number, portsRequired: boolean): MediaLine {
  const [media, port, protocol, payloadType] = line.slice(2).split(/ +/);
  const kind = media === "text" ? "application" : media;
  if (kind !== "audio" && kind !== "video" && kind !== "application") {
    throw invalid(number, line, "audio, video, application or text behind m=");
  }
  const portNumber = checkPort(port?.replace(/\/\d+$/, ""), number, line, portsRequired);
  if (protocol !== "RTP/AVP" && protocol !== "RTP/AVPF") {
    throw invalid(number, line, "the protocol RTP/AVP or RTP/AVPF");
  }
  if (payloadType === undefined || !/^\d{1,3}$/.test(payloadType) || Number(payloadType) > 127) {
    throw invalid(number, line, "a payload type from 0 to 127 behind the protocol");
  }
  return { number, kind, port: portNumber, payloadType: Number(payloadType) };
}

function checkPort(
  text: string | undefined,
  number: number,
  line: string,
  required: boolean,
): number {
  const port = /^\d{1,5}$/.test(text ?? "") ? Number(text) : -1;
  if (port < (required ? 1 : 0) || port > 65_535) {
    throw new MeanderError("sdp-port-invalid", `wrong port in "${shorten(line)}"`, {
      where: `SDP line ${number}`,
      expected: PORT_EXPECTED,
    });
  }
  return port;
}

function trackOf(line: MediaLine, media: MediaDescription): SdpTrack {
  const { kind, number, payloadType, port } = line;
  const where = `SDP line ${number}`;
  const format = formatOf(line, media);
  const fmtp = media.fmtp.find(({ payload }) => payload === payloadType)?.config.trim();
  if (fmtp !== undefined && fmtp.length > FMTP_CHARACTERS_MAX) {
    throw new MeanderError("sdp-invalid", `format parameters of ${fmtp.length} characters`, {
      where,
      expected: `at most ${FMTP_CHARACTERS_MAX}`,
    });
  }
  const rtcpMux = media.rtcpMux !== undefined;
  const rtcpPort = media.rtcp?.port ?? (rtcpMux || port === 0 ? port : port + 1);
  if (rtcpPort > 65_535) {
    throw new MeanderError("sdp-port-invalid", "no port for RTCP after port 65535", {
      where,
      expected: "a port up to 65534, a=rtcp or a=rtcp-mux",
    });
  }
  const parameterSets = parameterSetsOf(format.codec, fmtp ?? "", where);
  return { kind, ...format, payloadType, fmtp, parameterSets, port, rtcpPort, rtcpMux };
}

function formatOf(
  line: MediaLine,
  media: MediaDescription,
): { codec: string; clockRate: number; channels: number | undefined } {
  const map = media.rtp.find(({ payload }) => payload === line.payloadType);
  const known = STATIC_PAYLOAD_TYPES[line.payloadType];
  if (map === undefined && known === undefined) {
    throw new MeanderError("sdp-invalid", `no a=rtpmap for payload type ${line.payloadType}`, {
      where: `SDP line ${line.number}`,
      expected: `a line like a=rtpmap:${line.payloadType} H264/90000 below it`,
    });
  }
  const clockRate = map?.rate ?? known?.clockRate ?? 0;
  if (clockRate < 1 || clockRate > CLOCK_RATE_MAX) {
    throw new MeanderError("sdp-invalid", `clock rate ${clockRate} in a=rtpmap`, {
      where: `SDP line ${line.number}`,
      expected: `1 to ${CLOCK_RATE_MAX}`,
    });
  }
  const channels = line.kind === "audio" ? channelsOf(map, known?.channels) : undefined;
  return { codec: (map?.codec ?? known?.codec ?? "").toLowerCase(), clockRate, channels };
}

function channelsOf(
  map: MediaDescription["rtp"][number] | undefined,
  known: number | undefined,
): number | undefined {
  if (map === undefined) return known;
  const channels = Number(map.encoding ?? 1);
  return channels >= 1 && channels <= 64 ? channels : undefined;
}

function parameterSetsOf(codec: string, fmtp: string, where: string): string[] | undefined {
  const sets = parameterSetTexts(codec, fmtp);
  if (sets === undefined) return undefined;
  if (sets.length > LIMITS.parameterSetsMax) {
    throw new MeanderError("sdp-invalid", `${sets.length} parameter sets in a=fmtp`, {
      where,
      expected: `at most ${LIMITS.parameterSetsMax}`,
    });
  }
  const wrong = sets.find((set) => decodeBase64(set) === undefined);
  if (wrong !== undefined) {
    throw new MeanderError(
      "sdp-invalid",
      `"${shorten(wrong)}" among the parameter sets of a=fmtp`,
      {
        where,
        expected: "base64",
      },
    );
  }
  return sets;
}

function invalid(number: number, line: string, expected: string): MeanderError {
  return new MeanderError("sdp-invalid", `cannot read "${shorten(line)}"`, {
    where: `SDP line ${number}`,
    expected,
  });
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
