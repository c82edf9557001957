/** Session descriptions (RFC 8866) with RTP tracks, as publishers write them. */
import { LIMITS, MeanderError } from "../../base/index.ts";
import type { TrackFacts } from "../track-facts.ts";
import { factsOfSection } from "./sdp-facts.ts";
import { formatOf, parameterSetsIn, parametersFor, warnOfFormat } from "./sdp-formats.ts";
import { connectionOf, sourcesOf } from "./sdp-groups.ts";
import {
  invalid,
  linesFor,
  type SdpLine,
  type SdpSections,
  SdpWarnings,
  sectionsOf,
  shorten,
} from "./sdp-sections.ts";

/** One `m=` section, reduced to the first payload type that is understood. */
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
  /** What was passed over, or taken in another way than it was written, for people: one sentence each, at most 32. */
  readonly warnings: readonly string[];
}

const TRACKS_MAX = 32;
// This keeps what a channel describes of the tracks below LIMITS.controlBytesMax.
const FMTP_CHARACTERS_MAX_IN_ALL = 8192;
const PORT_EXPECTED = "a whole number from 1 to 65535";
const DIRECTIONS = ["a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"];

interface MediaLine {
  readonly kind: SdpTrack["kind"];
  readonly port: number;
  readonly payloadTypes: readonly number[];
}

/** Why a medium is not received: an error, where nothing else is, and for a warning. */
interface Refusal {
  readonly error: MeanderError;
  readonly reason: string;
}

/**
 * Reads a session description. Also takes what ffmpeg prints, with `SDP:` before it.
 *
 * Media that cannot be received are passed over with a warning as long as another one can: a port 0 (RFC 3264 §6),
 * `a=inactive`, other protocols than RTP, formats that are not described. So are lines that matter to none.
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
  const warnings = new SdpWarnings();
  const sections = text.trim() === "" ? NO_SECTIONS : sectionsOf(text, warnings);
  if (sections.media.length === 0) {
    throw new MeanderError("sdp-no-media", "the SDP has no media", {
      expected: "at least one line like m=video 5004 RTP/AVP 96",
    });
  }
  if (sections.media.length > TRACKS_MAX) {
    throw new MeanderError("sdp-invalid", `the SDP has ${sections.media.length} media`, {
      expected: `at most ${TRACKS_MAX}`,
    });
  }
  const tracks: SdpTrack[] = [];
  const refusals: (Refusal & { readonly line: SdpLine })[] = [];
  for (const [index, section] of sections.media.entries()) {
    const line = section[0];
    const read = readMedia(sections, section, portsRequired);
    if ("error" in read) refusals.push({ line, ...read });
    else tracks.push(trackOf(sections, index, read, warnings));
  }
  if (tracks.length === 0) throw (refusals[0] as Refusal).error;
  for (const { line, reason } of refusals) {
    warnings.add(line, `"${shorten(line.text)}" is passed over: ${reason}`);
  }
  const described = tracks.reduce((sum, { fmtp }) => sum + (fmtp?.length ?? 0), 0);
  if (described > FMTP_CHARACTERS_MAX_IN_ALL) {
    throw new MeanderError("sdp-invalid", `${described} characters of a=fmtp in all`, {
      expected: `at most ${FMTP_CHARACTERS_MAX_IN_ALL}`,
    });
  }
  const title = sections.session.findLast(({ text: each }) => each.startsWith("s="))?.text.slice(2);
  return { title: title === "-" ? "" : (title ?? "").trim(), tracks, warnings: warnings.list };
}

const NO_SECTIONS: SdpSections = { session: [], media: [], texts: [] };

/** What is received of a medium, or why it cannot be. @throws {MeanderError} for a port that is none */
function readMedia(
  sections: SdpSections,
  section: readonly [SdpLine, ...SdpLine[]],
  portsRequired: boolean,
): MediaLine | Refusal {
  const line = section[0];
  const [media = "", port, protocol = "", ...formats] = line.text.slice(2).trim().split(" ");
  const kind = media === "text" ? "application" : media;
  if (kind !== "audio" && kind !== "video" && kind !== "application") {
    const expected = "audio, video, application or text behind m=";
    return { error: invalid(line, expected), reason: `not supported: ${shorten(media)}` };
  }
  const portNumber = portOf(port?.replace(/\/\d+$/, ""), line);
  if (!/^RTP\/AVPF?$/i.test(protocol)) {
    const expected = "the protocol RTP/AVP or RTP/AVPF; nothing else is supported";
    return { error: invalid(line, expected), reason: `not supported: ${shorten(protocol)}` };
  }
  if (portNumber === 0 && portsRequired) {
    const next = "write the port that is sent to, or have the site assign ports (ports=assign)";
    return { error: wrongPort(line, next), reason: "with port 0 it is not sent" };
  }
  if (directionOf(sections, section) === "a=inactive") {
    const error = new MeanderError("sdp-no-media", "a medium with a=inactive sends nothing", {
      where: `SDP line ${line.number}`,
      expected: "at least one medium that is sent",
    });
    return { error, reason: "with a=inactive it is not sent" };
  }
  const payloadTypes = formats.filter((each) => /^\d{1,3}$/.test(each)).map(Number);
  const isNumber = payloadTypes.length > 0 && payloadTypes.length === formats.length;
  if (!isNumber || Math.max(...payloadTypes) > 127) {
    const expected = "a payload type from 0 to 127 behind the protocol";
    return { error: invalid(line, expected), reason: `it needs ${expected}` };
  }
  try {
    const isAudio = kind === "audio";
    formatOf(sections, section, payloadTypes, { isAudio, warnings: new SdpWarnings() });
    return { kind, port: portNumber, payloadTypes };
  } catch (error) {
    if (!(error instanceof MeanderError)) throw error;
    return { error, reason: `its payload type ${payloadTypes[0]} has no a=rtpmap` };
  }
}

/** The direction of a medium, or that of the session (RFC 8866 §6.7). */
function directionOf({ session }: SdpSections, section: readonly SdpLine[]): string | undefined {
  const find = (lines: readonly SdpLine[]): string | undefined =>
    lines.map(({ text }) => text.toLowerCase()).find((text) => DIRECTIONS.includes(text));
  return find(section) ?? find(session);
}

function trackOf(
  sections: SdpSections,
  index: number,
  { kind, payloadTypes, port }: MediaLine,
  warnings: SdpWarnings,
): SdpTrack {
  const section = sections.media[index] as readonly [SdpLine, ...SdpLine[]];
  const line = section[0];
  const format = formatOf(sections, section, payloadTypes, { isAudio: kind === "audio", warnings });
  const { payloadType } = format;
  const text = parametersFor(sections, section, { payloadType, payloadTypes }, warnings);
  const { fmtp, parameterSets } = parameterSetsIn(format.codec, text, line, warnings);
  warnOfFormat({ ...format, fmtp }, line, warnings);
  const { codec, clockRate, channels } = format;
  const connection = hostOf(sections, section, warnings);
  const sources = sourcesOf(sections.texts, index, connection.host);
  const facts = factsOfSection(sections.texts, index);
  return {
    ...{ kind, codec, clockRate, channels, payloadType, fmtp, parameterSets, port },
    ...rtcpOf(sections, section, port, warnings),
    ...connection,
    ...(sources === undefined ? {} : { sources }),
    ...(Object.keys(facts).length > 0 ? { facts } : {}),
  };
}

/** @throws {MeanderError} `sdp-invalid` for several groups in one line */
function hostOf(
  sections: SdpSections,
  section: readonly SdpLine[],
  warnings: SdpWarnings,
): ReturnType<typeof connectionOf> {
  for (const line of linesFor(sections, section, "c=").reverse()) {
    const [, address] = /^c=IN IP[46] (\S+)$/i.exec(line.text) ?? [];
    if (address !== undefined) return connectionOf(address);
    warnings.add(line, `"${shorten(line.text)}" is passed over: it names no address`);
  }
  return connectionOf(undefined);
}

function rtcpOf(
  sections: SdpSections,
  section: readonly [SdpLine, ...SdpLine[]],
  port: number,
  warnings: SdpWarnings,
): { readonly rtcpPort: number; readonly rtcpMux: boolean } {
  const rtcpMux = linesFor(sections, section, "a=rtcp-mux").length > 0;
  const [line] = linesFor(sections, section, "a=rtcp:");
  const named = Number(/^a=rtcp: ?(\d{1,5})(?: |$)/i.exec(line?.text ?? "")?.[1] ?? 0);
  const isNamed = named >= 1 && named <= 65_535;
  if (line !== undefined && !isNamed) {
    warnings.add(line, `"${shorten(line.text)}" is passed over: it names no port`);
  }
  const rtcpPort = isNamed ? named : rtcpMux || port === 0 ? port : port + 1;
  if (rtcpPort <= 65_535) return { rtcpPort, rtcpMux };
  throw new MeanderError("sdp-port-invalid", "no port for RTCP after port 65535", {
    where: `SDP line ${section[0].number}`,
    expected: "a port up to 65534, a=rtcp or a=rtcp-mux",
  });
}

function portOf(text: string | undefined, line: SdpLine): number {
  const port = /^\d{1,5}$/.test(text ?? "") ? Number(text) : -1;
  if (port < 0 || port > 65_535) throw wrongPort(line);
  return port;
}

function wrongPort(line: SdpLine, next?: string): MeanderError {
  return new MeanderError("sdp-port-invalid", `wrong port in "${shorten(line.text)}"`, {
    where: `SDP line ${line.number}`,
    expected: PORT_EXPECTED,
    ...(next === undefined ? {} : { next }),
  });
}
