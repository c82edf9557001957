/** The formats of a medium: `a=rtpmap` and `a=fmtp` (RFC 8866 §6.6, §6.15). */
import { LIMITS, MeanderError } from "../../base/index.ts";
import { decodeBase64 } from "../bytes/base64.ts";
import { codecNameOf, depacketizerFor, KNOWN_CODECS } from "../codecs/formats.ts";
import {
  invalid,
  linesFor,
  type SdpLine,
  type SdpSections,
  type SdpWarnings,
  shorten,
} from "./sdp-sections.ts";
import { fmtpWithoutSets, parameterSetTexts, parametersOf } from "./set-parameters.ts";
import { STATIC_PAYLOAD_TYPES } from "./static-payload-types.ts";

/** What one payload type of a medium is. */
export interface SdpFormat {
  readonly payloadType: number;
  /** Encoding name in lower case. */
  readonly codec: string;
  readonly clockRate: number;
  readonly channels: number | undefined;
}

const FMTP_CHARACTERS_MAX = 4096;
const CLOCK_RATE_MAX = 10_000_000;
const MAP_EXPECTED = "a line like a=rtpmap:96 H264/90000";
const RTPMAP = /^a=rtpmap: ?(\d{1,3}) ([\w.-]{1,64}) ?\/ ?(\d{1,9})(?: ?\/ ?(\d{1,3}))?$/i;
const FMTP = /^a=fmtp: ?(\d{1,3})(?: ([ -~]*))?$/i;

/**
 * The first format of a medium that can be taken apart, or else the first that is described at all.
 *
 * @throws {MeanderError} `sdp-invalid` when none is
 */
export function formatOf(
  sections: SdpSections,
  section: readonly SdpLine[],
  payloadTypes: readonly number[],
  options: { readonly isAudio: boolean; readonly warnings: SdpWarnings },
): SdpFormat {
  const line = section[0] as SdpLine;
  const maps = mapsOf(linesFor(sections, section, "a=rtpmap:"), options);
  const formats = payloadTypes.flatMap((payloadType) => {
    const known = STATIC_PAYLOAD_TYPES[payloadType];
    const mapped = maps.get(payloadType);
    if (mapped !== undefined) return [mapped];
    if (known === undefined) return [];
    return [{ payloadType, ...known, channels: options.isAudio ? known.channels : undefined }];
  });
  const isKnown = ({ codec }: SdpFormat): boolean => KNOWN_CODECS.includes(codec);
  const format = formats.find(isKnown) ?? formats[0];
  if (format === undefined) {
    const [first] = payloadTypes;
    const expected = `a line like a=rtpmap:${first} H264/90000 below it`;
    const wrong = linesFor(sections, section, "a=rtpmap:").find(({ text }) => !RTPMAP.test(text));
    if (wrong !== undefined) throw invalid(wrong, MAP_EXPECTED);
    throw new MeanderError("sdp-invalid", `no a=rtpmap for payload type ${first}`, {
      where: `SDP line ${line.number}`,
      expected,
    });
  }
  const others = formats.filter(
    (each) => each !== format && (isKnown(each) || each === formats[0]),
  );
  if (others.length > 0) {
    const names = others.map((each) => `${each.payloadType} (${codecNameOf(each.codec)})`);
    const taken = `${format.payloadType} (${codecNameOf(format.codec)})`;
    options.warnings.add(line, `payload type ${taken} is received, ${names.join(", ")} not`);
  }
  return format;
}

function mapsOf(
  lines: readonly SdpLine[],
  { isAudio, warnings }: { readonly isAudio: boolean; readonly warnings: SdpWarnings },
): ReadonlyMap<number, SdpFormat> {
  const maps = new Map<number, SdpFormat>();
  for (const line of lines) {
    const [, type, name = "", rate, channels = "1"] = RTPMAP.exec(line.text) ?? [];
    const payloadType = Number(type);
    const clockRate = Number(rate);
    if (type === undefined || payloadType > 127 || clockRate < 1 || clockRate > CLOCK_RATE_MAX) {
      warnings.add(line, `"${shorten(line.text)}" is passed over: ${MAP_EXPECTED} was expected`);
      continue;
    }
    const count = Number(channels);
    const isCount = isAudio && count >= 1 && count <= 64;
    if (maps.has(payloadType)) continue;
    const format = { payloadType, codec: name.toLowerCase(), clockRate };
    maps.set(payloadType, { ...format, channels: isCount ? count : undefined });
  }
  return maps;
}

/**
 * The format parameters of a medium. Those under a payload type that it does not have are taken where nothing else can
 * be meant: the medium has one format, and one line of parameters.
 *
 * @throws {MeanderError} `sdp-invalid` beyond a limit
 */
export function parametersFor(
  sections: SdpSections,
  section: readonly SdpLine[],
  { payloadType, payloadTypes }: { payloadType: number; payloadTypes: readonly number[] },
  warnings: SdpWarnings,
): string | undefined {
  const lines = linesFor(sections, section, "a=fmtp:");
  const read = lines.flatMap((line) => {
    const [, type, config = ""] = FMTP.exec(line.text) ?? [];
    if (type !== undefined) return [{ line, type: Number(type), config: config.trim() }];
    warnings.add(line, `"${shorten(line.text)}" is passed over: it has no format parameters`);
    return [];
  });
  let found = read.find(({ type }) => type === payloadType);
  const [only] = read;
  if (found === undefined && only !== undefined && read.length === 1 && payloadTypes.length === 1) {
    warnings.add(only.line, `a=fmtp:${only.type} is taken for payload type ${payloadType}`);
    found = only;
  }
  if (found !== undefined && found.config.length > FMTP_CHARACTERS_MAX) {
    const said = `format parameters of ${found.config.length} characters`;
    throw new MeanderError("sdp-invalid", said, {
      where: `SDP line ${(section[0] as SdpLine).number}`,
      expected: `at most ${FMTP_CHARACTERS_MAX}`,
    });
  }
  return found?.config;
}

/**
 * The parameter sets in format parameters, and those parameters without sets that cannot be read: senders repeat them
 * in band.
 *
 * @throws {MeanderError} `sdp-invalid` beyond a limit
 */
export function parameterSetsIn(
  codec: string,
  fmtp: string | undefined,
  line: SdpLine,
  warnings: SdpWarnings,
): { readonly fmtp: string | undefined; readonly parameterSets: string[] | undefined } {
  const sets = fmtp === undefined ? undefined : parameterSetTexts(codec, fmtp);
  if (sets === undefined || fmtp === undefined) return { fmtp, parameterSets: undefined };
  if (sets.length > LIMITS.parameterSetsMax) {
    throw new MeanderError("sdp-invalid", `${sets.length} parameter sets in a=fmtp`, {
      where: `SDP line ${line.number}`,
      expected: `at most ${LIMITS.parameterSetsMax}`,
    });
  }
  const wrong = sets.find((set) => decodeBase64(set) === undefined);
  if (wrong === undefined) return { fmtp, parameterSets: sets };
  const text = `"${shorten(wrong)}" among the parameter sets of a=fmtp is no base64`;
  warnings.add(line, `${text}: they are passed over, and expected in band`);
  return { fmtp: fmtpWithoutSets(codec, fmtp), parameterSets: undefined };
}

/** Says what of a format will not be understood, though it is received. */
export function warnOfFormat(
  { codec, clockRate, fmtp }: SdpFormat & { readonly fmtp: string | undefined },
  line: SdpLine,
  warnings: SdpWarnings,
): void {
  const name = codecNameOf(codec);
  if (!KNOWN_CODECS.includes(codec)) {
    warnings.add(line, `${name} is forwarded as it is: players and recordings cannot read it`);
  } else if (depacketizerFor(codec, { clockRate, fmtp }) === undefined) {
    const what = `not supported: ${name} with these format parameters`;
    warnings.add(line, `${what}; players and recordings need it through ffmpeg (publish --ffmpeg)`);
  } else if (codec === "h264" && parametersOf(fmtp ?? "").get("packetization-mode") === "2") {
    warnings.add(line, "not supported: interleaved packets of H.264 (packetization-mode 2)");
  }
}
