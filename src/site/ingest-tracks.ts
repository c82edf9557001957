import { isIPv6 } from "node:net";
import { MeanderError } from "../base/index.ts";
import { isMulticast } from "../transport/index.ts";
import type { SdpTrack } from "../wire/index.ts";
import { isLoopbackName } from "./http/gate.ts";
import type { IngestTrack } from "./plane-control.ts";

/**
 * The track to receive for one of a session description.
 *
 * @param site where it listens, and whether it is open to other machines
 */
export function ingestTrackOf(
  track: SdpTrack,
  ports: "sdp" | "assign",
  site: { readonly host: string; readonly open: boolean },
): IngestTrack {
  const {
    kind,
    codec,
    payloadType,
    clockRate,
    channels,
    fmtp,
    facts,
    host = "",
    port,
    sources,
  } = track;
  const address = bindingOf(track, site);
  return {
    ...(address === undefined ? {} : { address }),
    ...(isMulticast(host) ? { group: { address: host, sources } } : {}),
    kind,
    codec,
    payloadType,
    clockRate,
    channels,
    fmtp,
    ...(facts === undefined ? {} : { facts }),
    port: ports === "assign" ? 0 : port,
  };
}

/** The loopback address of IPv6. */
export const LOOPBACK_6 = "::1";

/**
 * The address to bind for a track whose `c=` line names one of IPv6, while the site listens by IPv4; undefined: the
 * site's own. A site for its own machine is not reached by others that way either.
 */
function bindingOf(
  { host = "" }: SdpTrack,
  site: { readonly host: string; readonly open: boolean },
): string | undefined {
  if (!isIPv6(host.replace(/%.*$/, "")) || isMulticast(host) || isIPv6(site.host)) return undefined;
  if (isLoopbackName(host)) return LOOPBACK_6;
  return site.open ? "::" : undefined;
}

/** Who may send for a publisher: itself; on this machine by IPv6 too, where a track is received by that. */
export function sendersLike(asker: string, tracks: readonly IngestTrack[]): string[] {
  const isBoth = isLoopbackName(asker) && tracks.some(({ address }) => address !== undefined);
  return isBoth ? [...new Set([asker, "127.0.0.1", LOOPBACK_6])] : [asker];
}

/**
 * Ports of groups are given, and tracks from groups cannot be mixed with others.
 *
 * @throws {MeanderError} `multicast-refused`
 */
export function checkGroups(tracks: readonly SdpTrack[], ports: "sdp" | "assign"): void {
  const groups = tracks.flatMap(({ host = "" }) => (isMulticast(host) ? [host] : []));
  if (groups.length === 0) return;
  const where = `group ${groups[0]}`;
  if (groups.length < tracks.length) {
    throw new MeanderError("multicast-refused", "the SDP mixes tracks from groups with others", {
      where,
      expected: "c= lines that are all groups, or none",
      next: "publish the other tracks as another input or channel",
    });
  }
  if (ports === "assign") {
    throw new MeanderError("multicast-refused", "ports of a group cannot be assigned", {
      where,
      expected: "ports=sdp",
    });
  }
}
