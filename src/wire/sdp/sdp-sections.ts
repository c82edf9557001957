/** The lines of a session description (RFC 8866 §5), by media section. */
import { MeanderError } from "../../base/index.ts";
import { SOURCE_FILTER } from "./sdp-groups.ts";

/** A line, without white space around it. */
export interface SdpLine {
  /** From 1 on. */
  readonly number: number;
  readonly text: string;
}

/** What is passed over, for people. Bounded. */
export class SdpWarnings {
  readonly list: string[] = [];

  /** @param line where; its number is named */
  add(line: SdpLine | undefined, text: string): void {
    if (this.list.length >= WARNINGS_MAX) return;
    this.list.push(line === undefined ? text : `SDP line ${line.number}: ${text}`);
  }
}

const WARNINGS_MAX = 32;

/** The session's own lines, and those of each medium with its `m=` line first. */
export interface SdpSections {
  readonly session: readonly SdpLine[];
  readonly media: readonly (readonly [media: SdpLine, ...attributes: SdpLine[]])[];
  /** All lines, one element each, as {@link SdpSections.media} has them. */
  readonly texts: readonly string[];
}

/**
 * Splits a description. A line that is none is passed over with a warning.
 *
 * @throws {MeanderError} `sdp-invalid` when it does not begin as one, has another version, or a filter of senders that
 *   cannot be read: passing over that would let others send
 */
export function sectionsOf(text: string, warnings: SdpWarnings): SdpSections {
  const session: SdpLine[] = [];
  const media: [SdpLine, ...SdpLine[]][] = [];
  let isFirst = true;
  for (const [index, raw] of text.split(/\r\n|\r|\n/).entries()) {
    const line = { number: index + 1, text: raw.trim().replace(/\s+/g, " ") };
    // ffmpeg prints `SDP:` before what it describes.
    if (line.text === "" || line.text === "SDP:") continue;
    if (!/^[a-z]=/.test(line.text)) {
      if (isFirst) throw invalid(line, "v=0 in the first line");
      warnings.add(line, `"${shorten(line.text)}" is passed over: it is no line of an SDP`);
      continue;
    }
    if (isFirst && !line.text.startsWith("v=")) warnings.add(line, "v=0 should come first");
    isFirst = false;
    if (line.text.startsWith("v=") && line.text !== "v=0") throw invalid(line, "v=0");
    if (line.text.startsWith("a=source-filter:") && !SOURCE_FILTER.test(line.text)) {
      throw invalid(line, FILTER_EXPECTED);
    }
    const section = media.at(-1);
    if (line.text.startsWith("m=")) media.push([line]);
    else if (section === undefined) session.push(line);
    else section.push(line);
  }
  const texts = [session, ...media].flatMap((lines) => lines.map((line) => line.text));
  return { session, media, texts };
}

const FILTER_EXPECTED =
  "a line like a=source-filter: incl IN IP4 232.1.2.3 192.0.2.1, with 1 to 10 sources";

/** The lines that begin with `prefix`: those of a section, or where it has none, those of the session. */
export function linesFor(
  { session }: Pick<SdpSections, "session">,
  section: readonly SdpLine[],
  prefix: string,
): SdpLine[] {
  const has = ({ text }: SdpLine): boolean => text.toLowerCase().startsWith(prefix);
  const own = section.filter(has);
  return own.length > 0 ? own : session.filter(has);
}

/** @param expected what should stand there */
export function invalid(line: SdpLine, expected: string): MeanderError {
  return new MeanderError("sdp-invalid", `cannot read "${shorten(line.text)}"`, {
    where: `SDP line ${line.number}`,
    expected,
  });
}

/** At most 60 characters of a text, for messages. */
export function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
