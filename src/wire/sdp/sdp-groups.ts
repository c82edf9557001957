/** Multicast in session descriptions: `c=` lines and source filters (RFC 4570). docs/spec/datagrams.md [G30] */
import { MeanderError } from "../../base/index.ts";

/** Supported filters: those that include senders, not those that exclude them. */
export const SOURCE_FILTER = /^a=source-filter: ?incl IN (IP4|IP6|\*) \S+( \S+){1,10}$/;

/**
 * Takes the address of a `c=` line apart: `239.1.2.3/4`, `ff15::1`.
 *
 * @throws {MeanderError} `sdp-invalid` for several groups in one line
 */
export function connectionOf(text: string | undefined): {
  readonly host: string | undefined;
  readonly ttl?: number;
} {
  if (text === undefined) return { host: undefined };
  const [host, ...numbers] = text.split("/");
  const hasTtl = !text.includes(":");
  const ttl = hasTtl ? numbers.shift() : undefined;
  const count = numbers.shift() ?? "1";
  const isTtl = ttl === undefined || (/^\d{1,3}$/.test(ttl) && Number(ttl) <= 255);
  if (!isTtl || count !== "1" || numbers.length > 0) {
    throw new MeanderError("sdp-invalid", `cannot read "${text.slice(0, 60)}"`, {
      where: "SDP line c=",
      expected: "one group, with a time to live from 0 to 255 behind an IPv4 one: 239.1.2.3/4",
    });
  }
  return { host, ...(ttl === undefined ? {} : { ttl: Number(ttl) }) };
}

/**
 * The sources that filters name for a group; undefined: none does. Those of a track replace those of the session.
 *
 * @param lines trimmed
 * @param index of the track
 */
export function sourcesOf(
  lines: readonly string[],
  index: number,
  group: string | undefined,
): string[] | undefined {
  let section = -1;
  const [ofSession, ofTrack]: [string[], string[]] = [[], []];
  for (const line of lines) {
    if (line.startsWith("m=")) section++;
    if (!line.startsWith("a=source-filter:") || (section !== -1 && section !== index)) continue;
    const [, , , destination, ...sources] = line.slice("a=source-filter:".length).trim().split(" ");
    if (destination !== "*" && destination?.toLowerCase() !== group?.toLowerCase()) continue;
    (section === -1 ? ofSession : ofTrack).push(...sources);
  }
  const sources = ofTrack.length > 0 ? ofTrack : ofSession;
  return sources.length > 0 ? [...new Set(sources)] : undefined;
}
